"""Which request, or task, something happened in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0004_jobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="announced",
            name="request_id",
            field=models.CharField(max_length=128, null=True),
        ),
        migrations.AddField(
            model_name="event",
            name="request_id",
            field=models.CharField(max_length=128, null=True),
        ),
    ]
