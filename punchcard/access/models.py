"""The table of API keys."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from punchcard.kernel.ids import new_id


class ApiKey(models.Model):
    """What a machine shows to be let in: only the hash of its secret is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey("programs.Program", models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=8)
    """`sk_test_` or `sk_live_`."""
    last4 = models.CharField(max_length=4)
    hash = models.BinaryField(max_length=32)
    """SHA-256 of the whole secret; it has 256 random bits, so no salt is needed."""
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "access_api_key"
        constraints = [
            models.UniqueConstraint(name="api_key_hash_is_unique", fields=["hash"])
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last4}"
