"""The tables of earning: what was decided, what is counted for caps and stamp cards."""

from django.db import models
from django.db.models import F, Q

from punchcard.kernel.ids import new_id

_SLUG = 63


class Decision(models.Model):
    """What an order, or an activity, earned when it was judged.

    It never changes, but for what its rules still count (`uses`), and what a
    re-evaluation needs of the member (`inputs`), which an erasure forgets.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", db_index=False
    )
    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="+", db_index=False
    )
    order = models.ForeignKey(
        "orders.Order", models.PROTECT, related_name="+", null=True, db_index=False
    )
    activity = models.ForeignKey(
        "orders.Activity", models.PROTECT, related_name="+", null=True, db_index=False
    )
    payment = models.IntegerField()
    """An order that was reopened is paid, and judged, again: 1, 2, 3 …"""
    version = models.IntegerField(null=True)
    """Of the configuration; null: there was none."""
    occurred_at = models.DateTimeField()
    decided_at = models.DateTimeField()
    points = models.BigIntegerField()
    looked_at = models.JSONField()
    """Every rule that was looked at, and what became of it."""
    uses = models.JSONField()
    """What it counts for caps and stamp cards, less what came back."""
    inputs = models.JSONField()
    """What a re-evaluation needs beside the order."""

    class Meta:
        db_table = "earning_decision"
        constraints = [
            models.UniqueConstraint(
                name="decision_once_a_payment", fields=["order", "payment"]
            ),
            models.UniqueConstraint(
                name="decision_once_an_activity", fields=["activity"]
            ),
            models.CheckConstraint(
                name="decision_is_of_one_thing",
                condition=Q(order__isnull=False, activity__isnull=True)
                | Q(order__isnull=True, activity__isnull=False, payment=1),
            ),
            models.CheckConstraint(
                name="decision_numbers_within_range",
                condition=Q(payment__gte=1, points__gte=0),
            ),
        ]
        indexes = [
            models.Index(name="decision_by_member", fields=["member", "occurred_at"]),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Award(models.Model):
    """What one rule granted by a decision, and how much of it was taken back."""

    pk = models.CompositePrimaryKey("decision", "n")
    decision = models.ForeignKey(
        Decision, models.PROTECT, related_name="+", db_index=False
    )
    n = models.IntegerField()
    rule = models.CharField(max_length=_SLUG)
    points = models.BigIntegerField()
    detail = models.JSONField()
    """How it was worked out: basis, factors, cap, rounding, parts of lines."""
    # No foreign key: the ledger's entries are spread by account.
    account = models.UUIDField(db_column="account_id", null=True)
    sequence = models.BigIntegerField(null=True)
    """The entry that earned it, with others of the same decision."""
    refusal = models.CharField(max_length=40, null=True)  # noqa: DJ001
    """Why the ledger has no entry of it."""
    taken = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "earning_award"
        constraints = [
            models.CheckConstraint(
                name="award_taken_within_points",
                condition=Q(n__gte=1, taken__gte=0) & Q(taken__lte=F("points")),
            ),
            models.CheckConstraint(
                name="award_has_an_entry_or_a_refusal",
                condition=Q(
                    account__isnull=False, sequence__isnull=False, refusal__isnull=True
                )
                | Q(account__isnull=True, sequence__isnull=True, refusal__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision_id}/{self.n}"


class Taking(models.Model):
    """What was taken back of an award, at once. Never changes."""

    pk = models.CompositePrimaryKey("decision", "n", "in_all")
    decision = models.ForeignKey(
        Decision, models.PROTECT, related_name="+", db_index=False
    )
    n = models.IntegerField()
    """Of the award."""
    in_all = models.BigIntegerField()
    """With what was taken before."""
    points = models.BigIntegerField()
    reason = models.CharField(max_length=10)
    returned = models.ForeignKey(
        "orders.Return", models.PROTECT, related_name="+", null=True, db_index=False
    )
    """What came back: of this order, or of another one that counted along."""
    account = models.UUIDField(db_column="account_id", null=True)
    sequence = models.BigIntegerField(null=True)
    """The entry that reversed it; null: the ledger had nothing to reverse."""
    taken_at = models.DateTimeField()

    class Meta:
        db_table = "earning_taking"
        constraints = [
            models.CheckConstraint(
                name="taking_adds_up",
                condition=Q(points__gte=1) & Q(in_all__gte=F("points")),
            ),
            models.CheckConstraint(
                name="taking_reason_is_known",
                condition=Q(reason__in=["returned", "cancelled", "reopened"]),
            ),
            models.CheckConstraint(
                name="taking_entry_is_whole",
                condition=Q(account__isnull=True, sequence__isnull=True)
                | Q(account__isnull=False, sequence__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="taking_by_return",
                fields=["returned"],
                condition=Q(returned__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision_id}/{self.n}/{self.in_all}"


class Counter(models.Model):
    """What a rule has granted, and counted, in a period: a member's, or of all."""

    id = models.BigAutoField(primary_key=True)
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", db_index=False
    )
    rule = models.CharField(max_length=_SLUG)
    per = models.CharField(max_length=6)
    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="+", null=True, db_index=False
    )
    """Null: of all members together, a budget."""
    starts_at = models.DateTimeField(null=True)
    """Of the period; null: it has no beginning."""
    points = models.BigIntegerField()
    times = models.BigIntegerField()
    counted = models.BigIntegerField()
    """Towards an achievement."""
    last_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "earning_counter"
        constraints = [
            models.UniqueConstraint(
                name="counter_is_one",
                fields=["member", "program", "rule", "per", "starts_at"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="counter_within_range",
                condition=Q(points__gte=0, times__gte=0, counted__gte=0),
            ),
            models.CheckConstraint(
                name="counter_of_all_is_a_budget",
                condition=Q(member__isnull=True, per="budget")
                | Q(member__isnull=False) & ~Q(per="budget"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} per {self.per}"
