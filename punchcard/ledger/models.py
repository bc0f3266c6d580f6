"""Tables of the ledger. Rows are written by `operations` alone, in one statement.

Every table of one account carries `account_id`, first in its primary key and in
every unique key, so that the ledger can be spread over machines by account
(docs/decisions/0003). Guards that a constraint cannot express stand in `sql/`.
"""

from typing import Any

from django.db import models
from django.db.models import Q

from punchcard.ledger.rules.shape import SOURCES
from punchcard.ledger.rules.state import MAX_POINTS

ENTRY_TYPES = (
    "earn redeem reserve capture void refund reverse adjust transfer_out transfer_in "
    "activate cancel release expire"
).split()
LOT_STATES = "pending open spent lapsed cancelled".split()
STATUSES = "open frozen closed".split()


class JsonTextField(models.TextField):  # type: ignore[type-arg]
    """JSON kept as the very text that was written: the hash covers that text."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002
        return "json"


class Account(models.Model):
    """One holder's holding in one wallet; every number is a sum over entries."""

    id = models.UUIDField(primary_key=True)
    wallet = models.ForeignKey(
        "programs.Wallet", models.PROTECT, related_name="+", db_index=False
    )
    holder_kind = models.CharField(max_length=20)
    holder = models.UUIDField(db_column="holder_id")
    available = models.BigIntegerField(db_default=0)
    pending = models.BigIntegerField(db_default=0)
    reserved = models.BigIntegerField(db_default=0)
    lifetime = models.BigIntegerField(db_default=0)
    last_sequence = models.BigIntegerField(db_default=0)
    status = models.CharField(max_length=6, db_default="open")
    effective_at = models.DateTimeField(null=True)
    hash = models.BinaryField(db_default=b"\x00" * 32)
    next_due_at = models.DateTimeField(null=True)
    """A lower bound of what falls due first; writes only move it earlier."""
    active_at = models.DateTimeField(null=True)
    """When points were last earned, redeemed or captured."""
    opened_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_account"
        constraints = [
            models.CheckConstraint(
                name="account_pending_not_negative", condition=Q(pending__gte=0)
            ),
            models.CheckConstraint(
                name="account_reserved_not_negative", condition=Q(reserved__gte=0)
            ),
            models.CheckConstraint(
                name="account_status_is_known", condition=Q(status__in=STATUSES)
            ),
            models.CheckConstraint(
                name="account_closed_only_when_empty",
                condition=~Q(status="closed") | Q(available=0, pending=0, reserved=0),
            ),
        ]
        indexes = [
            models.Index(
                name="account_due",
                fields=["next_due_at", "id"],
                condition=Q(next_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class AccountHolder(models.Model):
    """Who holds which account: unique over all accounts, so a table of its own."""

    pk = models.CompositePrimaryKey("wallet_id", "holder_kind", "holder")
    wallet = models.ForeignKey(
        "programs.Wallet", models.PROTECT, related_name="+", db_index=False
    )
    holder_kind = models.CharField(max_length=20)
    holder = models.UUIDField(db_column="holder_id")
    account = models.UUIDField(db_column="account_id")

    class Meta:
        db_table = "ledger_account_holder"
        indexes = [
            models.Index(name="account_holder_by_holder", fields=["holder"]),
        ]

    def __str__(self) -> str:
        return f"{self.holder_kind} {self.holder}"


class Entry(models.Model):
    """One immutable row: what happened to one account."""

    pk = models.CompositePrimaryKey("account", "sequence")
    account = models.UUIDField(db_column="account_id")
    sequence = models.BigIntegerField()
    type = models.CharField(max_length=12)
    source = models.CharField(max_length=10)
    amount = models.BigIntegerField()
    available = models.BigIntegerField()
    pending = models.BigIntegerField()
    reserved = models.BigIntegerField()
    balance = models.BigIntegerField()
    pending_after = models.BigIntegerField()
    reserved_after = models.BigIntegerField()
    lifetime_after = models.BigIntegerField()
    key = models.CharField(max_length=200, null=True)  # noqa: DJ001
    fingerprint = models.BinaryField(null=True)
    reference_type = models.CharField(max_length=40, null=True)  # noqa: DJ001
    reference_id = models.CharField(max_length=200, null=True)  # noqa: DJ001
    relates_to = models.BigIntegerField(null=True)
    transfer = models.UUIDField(null=True, db_column="transfer_id")
    other_account = models.UUIDField(null=True, db_column="other_account_id")
    other_sequence = models.BigIntegerField(null=True)
    referred_member = models.UUIDField(null=True, db_column="referred_member_id")
    description = models.TextField()
    metadata = JsonTextField()
    available_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    validity = models.CharField(max_length=40, null=True)  # noqa: DJ001
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    hash = models.BinaryField()

    class Meta:
        db_table = "ledger_entry"
        constraints = [
            models.UniqueConstraint(
                name="entry_key_is_unique",
                fields=["account", "key"],
                condition=Q(key__isnull=False),
            ),
            models.UniqueConstraint(
                name="entry_hold_resolves_once",
                fields=["account", "relates_to"],
                condition=Q(type__in=["capture", "void"]),
            ),
            models.UniqueConstraint(
                name="entry_lot_is_released_once",
                fields=["account", "relates_to"],
                condition=Q(type__in=["release", "activate"]),
            ),
            models.CheckConstraint(
                name="entry_amount_positive", condition=Q(amount__gt=0)
            ),
            models.CheckConstraint(
                name="entry_sequence_positive", condition=Q(sequence__gt=0)
            ),
            models.CheckConstraint(
                name="entry_type_is_known", condition=Q(type__in=ENTRY_TYPES)
            ),
            models.CheckConstraint(
                name="entry_source_is_known", condition=Q(source__in=list(SOURCES))
            ),
            models.CheckConstraint(
                name="entry_spend_within_balance",
                condition=~Q(type__in=["redeem", "reserve", "transfer_out"])
                | Q(balance__gte=0),
            ),
            models.CheckConstraint(
                name="entry_numbers_in_range",
                condition=Q(pending_after__gte=0)
                & Q(reserved_after__gte=0)
                & Q(lifetime_after__gte=0, lifetime_after__lte=MAX_POINTS),
            ),
            models.CheckConstraint(
                name="entry_key_has_fingerprint",
                condition=Q(key__isnull=True) | Q(fingerprint__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="entry_relates_to",
                fields=["account", "relates_to"],
                condition=Q(relates_to__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}/{self.sequence}"


class Lot(models.Model):
    """What can still be spent of one credit."""

    pk = models.CompositePrimaryKey("account", "sequence", "n")
    account = models.UUIDField(db_column="account_id")
    sequence = models.BigIntegerField()
    n = models.IntegerField()
    root = models.BigIntegerField()
    credited = models.BigIntegerField()
    validity = models.CharField(max_length=40, null=True)  # noqa: DJ001
    available_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    activated_by = models.BigIntegerField(null=True)
    """The `activate` entry that set the dates, if the lot waited for an event."""
    remaining = models.BigIntegerField()
    lapsed = models.BigIntegerField(db_default=0)
    state = models.CharField(max_length=9)
    open = models.BooleanField()

    class Meta:
        db_table = "ledger_lot"
        constraints = [
            models.CheckConstraint(
                name="lot_remaining_within_credited",
                condition=Q(remaining__gte=0)
                & Q(lapsed__gte=0)
                & Q(credited__gt=0)
                & Q(remaining__lte=models.F("credited") - models.F("lapsed")),
            ),
            models.CheckConstraint(
                name="lot_state_is_known", condition=Q(state__in=LOT_STATES)
            ),
            models.CheckConstraint(
                name="lot_open_means_state_open",
                condition=Q(open=True, state="open", remaining__gt=0)
                | Q(open=False, state="pending", remaining__gt=0)
                | Q(
                    open=False,
                    state__in=["spent", "lapsed", "cancelled"],
                    remaining=0,
                ),
            ),
        ]
        indexes = [
            models.Index(
                name="lot_spending_order",
                fields=["account", "expires_at", "sequence", "n"],
                condition=Q(open=True),
            ),
            models.Index(
                name="lot_waiting",
                fields=["account", "available_at", "sequence", "n"],
                condition=Q(state="pending"),
            ),
            models.Index(
                name="lot_descendants",
                fields=["account", "root"],
                condition=~Q(root=models.F("sequence")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}/{self.sequence}.{self.n}"


class Allocation(models.Model):
    """This entry took from (-) or gave back to (+) that lot. Immutable."""

    pk = models.CompositePrimaryKey("account", "sequence", "n")
    account = models.UUIDField(db_column="account_id")
    sequence = models.BigIntegerField()
    n = models.IntegerField()
    lot_sequence = models.BigIntegerField()
    lot_n = models.IntegerField()
    points = models.BigIntegerField()

    class Meta:
        db_table = "ledger_allocation"
        constraints = [
            models.CheckConstraint(
                name="allocation_points_not_zero", condition=~Q(points=0)
            ),
        ]
        indexes = [
            models.Index(
                name="allocation_by_lot", fields=["account", "lot_sequence", "lot_n"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}/{self.sequence} {self.points:+}"


class Hold(models.Model):
    """Points set aside for a spend that is not final yet."""

    pk = models.CompositePrimaryKey("account", "sequence")
    account = models.UUIDField(db_column="account_id")
    sequence = models.BigIntegerField()
    points = models.BigIntegerField()
    expires_at = models.DateTimeField()
    open = models.BooleanField()
    resolved_by = models.BigIntegerField(null=True)

    class Meta:
        db_table = "ledger_hold"
        constraints = [
            models.CheckConstraint(
                name="hold_open_until_resolved",
                condition=Q(open=True, resolved_by__isnull=True)
                | Q(open=False, resolved_by__isnull=False),
            ),
            models.CheckConstraint(
                name="hold_points_positive", condition=Q(points__gt=0)
            ),
        ]
        indexes = [
            models.Index(
                name="hold_due",
                fields=["account", "expires_at", "sequence"],
                condition=Q(open=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}/{self.sequence}"


class Refusal(models.Model):
    """A remembered "no" to a command with a key. Immutable."""

    pk = models.CompositePrimaryKey("account", "key")
    account = models.UUIDField(db_column="account_id")
    key = models.CharField(max_length=200)
    fingerprint = models.BinaryField()
    code = models.CharField(max_length=40)
    details = JsonTextField()
    sequence = models.BigIntegerField()
    decided_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_refusal"

    def __str__(self) -> str:
        return f"{self.account} {self.key}: {self.code}"


class Outbox(models.Model):
    """One row per (post, account): what a relay has to tell, and has told."""

    pk = models.CompositePrimaryKey("account", "first_sequence")
    account = models.UUIDField(db_column="account_id")
    first_sequence = models.BigIntegerField()
    last_sequence = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    relayed_at = models.DateTimeField(null=True)
    """When its entries were in the event log; null: not yet (`sql/0003_relay`)."""
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    """Of the request, or the task, that it happened in; null: of neither."""

    class Meta:
        db_table = "ledger_outbox"
        constraints = [
            models.CheckConstraint(
                name="outbox_range_is_ordered",
                condition=Q(last_sequence__gte=models.F("first_sequence")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}/{self.first_sequence}-{self.last_sequence}"
