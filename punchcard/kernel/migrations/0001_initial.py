"""The audit with its guard, and the answers that are kept for retries."""

from pathlib import Path

import punchcard.kernel.ids
from django.db import migrations, models


FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=punchcard.kernel.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("program", models.UUIDField(db_column="program_id", null=True)),
                ("actor", models.CharField(max_length=60)),
                ("action", models.CharField(max_length=60)),
                ("target", models.CharField(max_length=80)),
                ("fields", models.JSONField()),
                ("request_id", models.CharField(max_length=128, null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "kernel_audit",
                "indexes": [
                    models.Index(fields=["program", "id"], name="audit_by_program"),
                    models.Index(
                        fields=["program", "actor", "id"], name="audit_by_actor"
                    ),
                    models.Index(
                        fields=["program", "target", "id"], name="audit_by_target"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("action__regex", "^[a-z_]+\\.[a-z_]+$")),
                        name="audit_action_is_dotted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("actor", ""), _negated=True),
                        name="audit_has_an_actor",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("target", ""), _negated=True),
                        name="audit_has_a_target",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                (
                    "scope",
                    models.BinaryField(
                        max_length=32, primary_key=True, serialize=False
                    ),
                ),
                ("program", models.UUIDField(db_column="program_id")),
                ("fingerprint", models.BinaryField(max_length=32, null=True)),
                ("status", models.SmallIntegerField()),
                ("headers", models.JSONField()),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "db_table": "kernel_kept_answer",
                "indexes": [
                    models.Index(fields=["expires_at"], name="kept_answer_by_expiry"),
                    models.Index(fields=["program"], name="kept_answer_by_program"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__gte", 200), ("status__lt", 500)),
                        name="kept_answer_is_not_of_the_server_s_failure",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("created_at"))),
                        name="kept_answer_is_kept_a_while",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            (FILES / "0001_audit.up.sql").read_text(encoding="utf-8"),
            (FILES / "0001_audit.down.sql").read_text(encoding="utf-8"),
        ),
    ]
