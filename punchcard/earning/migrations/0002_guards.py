"""The guards of `sql/0001_guards`: what a constraint cannot express."""

from pathlib import Path

from django.db import migrations

FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("earning", "0001_initial")]
    operations = [
        migrations.RunSQL(
            (FILES / "0001_guards.up.sql").read_text(encoding="utf-8"),
            (FILES / "0001_guards.down.sql").read_text(encoding="utf-8"),
        )
    ]
