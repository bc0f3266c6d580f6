"""What scans found, for those who watch."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0002_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reading",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "name",
                        "subject",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("subject", models.CharField(max_length=200)),
                ("value", models.BigIntegerField()),
                ("read_at", models.DateTimeField()),
            ],
            options={
                "db_table": "kernel_reading",
            },
        ),
    ]
