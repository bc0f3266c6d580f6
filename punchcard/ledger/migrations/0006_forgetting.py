"""What was told long ago is found, to be forgotten."""

from pathlib import Path

from django.db import migrations

FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_request_ids")]
    operations = [
        migrations.RunSQL(
            (FILES / "0004_forgetting.up.sql").read_text(encoding="utf-8"),
            (FILES / "0004_forgetting.down.sql").read_text(encoding="utf-8"),
        ),
    ]
