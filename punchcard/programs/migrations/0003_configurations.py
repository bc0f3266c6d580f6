"""Versions of configurations, which never change."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


FILES = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("programs", "0002_places"),
    ]

    operations = [
        migrations.CreateModel(
            name="Configuration",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "program",
                        "version",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("version", models.IntegerField()),
                ("effective_from", models.DateTimeField()),
                ("document", models.JSONField()),
                ("note", models.CharField(max_length=200)),
                ("actor", models.CharField(max_length=60)),
                ("created_at", models.DateTimeField()),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "db_table": "programs_configuration",
                "indexes": [
                    models.Index(
                        fields=["program", "effective_from", "version"],
                        name="configuration_in_force",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("version__gt", 0)),
                        name="configuration_version_positive",
                    )
                ],
            },
        ),
        migrations.RunSQL(
            (FILES / "0003_configurations.up.sql").read_text(encoding="utf-8"),
            (FILES / "0003_configurations.down.sql").read_text(encoding="utf-8"),
        ),
    ]
