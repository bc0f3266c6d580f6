"""The guards of `sql/0002_activities`: an activity never changes."""

from pathlib import Path

from django.db import migrations

FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_activities")]
    operations = [
        migrations.RunSQL(
            (FILES / "0002_activities.up.sql").read_text(encoding="utf-8"),
            (FILES / "0002_activities.down.sql").read_text(encoding="utf-8"),
        )
    ]
