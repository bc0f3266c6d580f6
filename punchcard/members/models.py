"""The tables of members: who can hold points, and what is known of the person."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from punchcard.kernel.ids import new_id


class JsonTextField(models.TextField):  # type: ignore[type-arg]
    """JSON kept as it was said: 1e300 stays that, and has not 301 digits."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002
        return "json"


class Member(models.Model):
    """Somebody who can hold points in one program, under the caller's own id."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", db_index=False
    )
    external_id = models.CharField(max_length=200)
    """Of an erased member: something new, that means nothing to anybody."""
    created_at = models.DateTimeField()
    version = models.BigIntegerField(db_default=1)
    """Goes up with every change of the member or the person."""
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "members_member"
        constraints = [
            models.UniqueConstraint(
                name="member_external_id_is_unique", fields=["program", "external_id"]
            ),
            models.CheckConstraint(
                name="member_external_id_is_not_empty",
                condition=~Q(external_id=""),
            ),
            models.CheckConstraint(
                name="member_version_counts_from_one", condition=Q(version__gte=1)
            ),
            models.CheckConstraint(
                name="member_erased_after_it_was_made",
                condition=Q(erased_at__isnull=True) | Q(erased_at__gte=F("created_at")),
            ),
        ]
        indexes = [
            # The id is a UUIDv7: this is the list by the time of enrolment.
            models.Index(name="member_by_program", fields=["program", "id"])
        ]

    def __str__(self) -> str:
        return self.external_id


class Person(models.Model):
    """All that is known of a person, in one row: erasing is deleting it.

    Of most members of most programs nothing is known, and then there is no row.
    """

    member = models.OneToOneField(
        Member, models.PROTECT, primary_key=True, related_name="+"
    )
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", db_index=False
    )
    email = models.CharField(max_length=254, null=True)  # noqa: DJ001
    phone = models.CharField(max_length=16, null=True)  # noqa: DJ001
    given_name = models.CharField(max_length=200, null=True)  # noqa: DJ001
    family_name = models.CharField(max_length=200, null=True)  # noqa: DJ001
    birth_date = models.DateField(null=True)
    language = models.CharField(max_length=35, null=True)  # noqa: DJ001
    address = models.JSONField(null=True)
    attributes = JsonTextField(default="{}")
    tags = ArrayField(models.CharField(max_length=50), default=list)
    consents = models.JSONField(default=list)
    """Every decision, in the order they were told."""

    class Meta:
        db_table = "members_person"
        indexes = [
            models.Index(F("program"), Lower("email"), name="person_by_email"),
            models.Index(name="person_by_phone", fields=["program", "phone"]),
            GinIndex(name="person_by_tag", fields=["tags"]),
        ]

    def __str__(self) -> str:
        return str(self.pk)
