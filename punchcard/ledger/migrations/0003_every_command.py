"""When an account was last active, and the guards of every command."""

from pathlib import Path

from django.db import migrations, models

FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_guards")]
    operations = [
        migrations.AddField(
            model_name="account",
            name="active_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(
            (FILES / "0002_every_command.up.sql").read_text(encoding="utf-8"),
            (FILES / "0002_every_command.down.sql").read_text(encoding="utf-8"),
        ),
    ]
