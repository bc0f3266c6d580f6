"""The table of members."""

from django.db import models

from punchcard.kernel.ids import new_id


class Member(models.Model):
    """Somebody who can hold points in one program, under the caller's own id."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", db_index=False
    )
    external_id = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "members_member"
        constraints = [
            models.UniqueConstraint(
                name="member_external_id_is_unique", fields=["program", "external_id"]
            ),
            models.CheckConstraint(
                name="member_external_id_is_not_empty",
                condition=~models.Q(external_id=""),
            ),
        ]
        indexes = [
            # The id is a UUIDv7: this is the list by the time of enrolment.
            models.Index(name="member_by_program", fields=["program", "id"])
        ]

    def __str__(self) -> str:
        return self.external_id
