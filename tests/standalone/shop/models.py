from django.db import models


class Purchase(models.Model):
    """What the shop itself records, in the transaction that it posts in."""

    number = models.CharField(max_length=20, unique=True)
    points = models.BigIntegerField()

    class Meta:
        app_label = "shop"

    def __str__(self) -> str:
        return self.number
