"""The outbox of what rooms announce, and the event log with its guard."""

from pathlib import Path

from django.db import migrations, models


FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Announced",
            fields=[
                ("n", models.BigAutoField(primary_key=True, serialize=False)),
                ("event", models.UUIDField(db_column="event_id")),
                ("program", models.UUIDField(db_column="program_id")),
                ("type", models.CharField(max_length=60)),
                ("member", models.UUIDField(db_column="member_id", null=True)),
                ("account", models.UUIDField(db_column="account_id", null=True)),
                (
                    "after",
                    models.BigIntegerField(db_column="after_sequence", null=True),
                ),
                ("data", models.JSONField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "kernel_outbox",
                "indexes": [
                    models.Index(
                        condition=models.Q(("account__isnull", False)),
                        fields=["account"],
                        name="announced_of_account",
                    ),
                    models.Index(fields=["program"], name="announced_by_program"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("type__regex", "^[a-z_]+\\.[a-z_]+$")),
                        name="announced_type_is_dotted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("account__isnull", True), ("after__isnull", True)
                            ),
                            models.Q(
                                ("account__isnull", False), ("after__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="announced_of_an_account_after_an_entry",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "program",
                        "position",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("program", models.UUIDField(db_column="program_id")),
                ("position", models.BigIntegerField()),
                ("id", models.UUIDField()),
                ("type", models.CharField(max_length=60)),
                ("account", models.UUIDField(db_column="account_id", null=True)),
                ("sequence", models.BigIntegerField(null=True)),
                ("member", models.UUIDField(db_column="member_id", null=True)),
                ("data", models.JSONField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "kernel_event",
                "indexes": [
                    models.Index(
                        fields=["program", "type", "position"], name="event_by_type"
                    ),
                    models.Index(
                        fields=["account", "position"], name="event_by_account"
                    ),
                    models.Index(fields=["member", "position"], name="event_by_member"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("id",), name="event_id_is_unique"),
                    models.UniqueConstraint(
                        condition=models.Q(("sequence__isnull", False)),
                        fields=("account", "sequence"),
                        name="event_of_an_entry_is_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("type__regex", "^[a-z_]+\\.[a-z_]+$")),
                        name="event_type_is_dotted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("position__gt", 0)),
                        name="event_position_positive",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            (FILES / "0002_events.up.sql").read_text(encoding="utf-8"),
            (FILES / "0002_events.down.sql").read_text(encoding="utf-8"),
        ),
    ]
