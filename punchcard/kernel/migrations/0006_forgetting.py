"""Since when an event stands in the log, and how far each account is told."""

from pathlib import Path

from django.db import migrations, models
from django.db.models.functions import Now

FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0005_request_ids"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="appended_at",
            field=models.DateTimeField(db_default=Now()),
        ),
        migrations.CreateModel(
            name="Told",
            fields=[
                (
                    "account",
                    models.UUIDField(
                        db_column="account_id", primary_key=True, serialize=False
                    ),
                ),
                ("last_sequence", models.BigIntegerField()),
            ],
            options={
                "db_table": "kernel_told",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("last_sequence__gt", 0)),
                        name="told_sequence_positive",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            (FILES / "0003_forgetting.up.sql").read_text(encoding="utf-8"),
            (FILES / "0003_forgetting.down.sql").read_text(encoding="utf-8"),
        ),
    ]
