"""Which request, or task, something happened in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0004_relay"),
    ]

    operations = [
        migrations.AddField(
            model_name="outbox",
            name="request_id",
            field=models.CharField(max_length=128, null=True),
        ),
    ]
