"""The guards of `sql/0003_refunds`: of a return only its refund moves."""

from pathlib import Path

from django.db import migrations

FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("orders", "0005_refunds")]
    operations = [
        migrations.RunSQL(
            (FILES / "0003_refunds.up.sql").read_text(encoding="utf-8"),
            (FILES / "0003_refunds.down.sql").read_text(encoding="utf-8"),
        )
    ]
