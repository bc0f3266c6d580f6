"""What has been told to the event log, and what waits."""

from pathlib import Path

from django.db import migrations, models

FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_every_command")]
    operations = [
        migrations.AddField(
            model_name="outbox",
            name="relayed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(
            (FILES / "0003_relay.up.sql").read_text(encoding="utf-8"),
            (FILES / "0003_relay.down.sql").read_text(encoding="utf-8"),
        ),
    ]
