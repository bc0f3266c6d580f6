"""The tables of orders. Money is whole minor units of the order's currency."""

from django.db import models
from django.db.models import F, Q

from punchcard.kernel.ids import new_id

from .contents import AMOUNT_MAX, KINDS

_TEXT = 200


class Order(models.Model):
    """What a member bought. Its contents never change, its status moves."""

    class Status(models.TextChoices):
        OPEN = "open"
        PAID = "paid"
        PARTIALLY_RETURNED = "partially_returned"
        RETURNED = "returned"
        CANCELLED = "cancelled"
        REOPENED = "reopened"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", db_index=False
    )
    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="+", db_index=False
    )
    external_id = models.CharField(max_length=_TEXT)
    fingerprint = models.BinaryField()
    """What two deliveries of it have in common; see `fingerprint_order`."""
    status = models.CharField(max_length=18, choices=Status)
    currency = models.CharField(max_length=3)
    channel = models.CharField(max_length=_TEXT, null=True)  # noqa: DJ001
    place = models.ForeignKey(
        "programs.Place", models.PROTECT, related_name="+", null=True, db_index=False
    )
    tax_included = models.BooleanField()
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    """When it was paid last."""
    version = models.IntegerField(db_default=1)
    times_paid = models.IntegerField(db_default=0)
    line_count = models.IntegerField()
    shipping = models.BigIntegerField()
    total = models.BigIntegerField()
    returns = models.IntegerField(db_default=0)
    returned_shipping = models.BigIntegerField(db_default=0)
    returned_amount = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "orders_order"
        constraints = [
            models.UniqueConstraint(
                name="order_external_id_is_unique", fields=["program", "external_id"]
            ),
            models.CheckConstraint(
                name="order_external_id_is_not_empty", condition=~Q(external_id="")
            ),
            models.CheckConstraint(
                name="order_status_is_known",
                condition=Q(
                    status__in=[
                        "open",
                        "paid",
                        "partially_returned",
                        "returned",
                        "cancelled",
                        "reopened",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="order_currency_is_iso_4217",
                condition=Q(currency__regex=r"^[A-Z]{3}$"),
            ),
            models.CheckConstraint(
                name="order_amounts_within_range",
                condition=Q(shipping__gte=0)
                & Q(shipping__lte=F("total"))
                & Q(total__lte=AMOUNT_MAX),
            ),
            models.CheckConstraint(
                name="order_has_a_line", condition=Q(line_count__gte=1)
            ),
            models.CheckConstraint(
                name="order_returned_within_total",
                condition=Q(returned_shipping__gte=0)
                & Q(returned_shipping__lte=F("shipping"))
                & Q(returned_amount__gte=0)
                & Q(returned_amount__lte=F("total")),
            ),
            models.CheckConstraint(
                name="order_returns_need_its_status",
                condition=Q(
                    status__in=["partially_returned", "returned"], returns__gte=1
                )
                | Q(status="cancelled")
                | ~Q(status__in=["partially_returned", "returned"]) & Q(returns=0),
            ),
            models.CheckConstraint(
                name="order_paid_has_its_instant",
                condition=Q(times_paid=0, paid_at__isnull=True)
                & Q(status__in=["open", "cancelled"])
                | Q(times_paid__gte=1, paid_at__isnull=False) & ~Q(status="open"),
            ),
        ]
        indexes = [
            # The id is a UUIDv7: this is the list by the time of recording.
            models.Index(name="order_by_program", fields=["program", "id"]),
            # What a member bought before an instant: counts, sums, the first one.
            models.Index(
                name="order_by_member", fields=["member", "occurred_at", "id"]
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class Line(models.Model):
    """One line of an order: its contents never change, what is back of it rises."""

    pk = models.CompositePrimaryKey("order", "n")
    order = models.ForeignKey(Order, models.PROTECT, related_name="+", db_index=False)
    n = models.IntegerField()
    sku = models.CharField(max_length=_TEXT, null=True)  # noqa: DJ001
    name = models.CharField(max_length=_TEXT, null=True)  # noqa: DJ001
    category = models.CharField(max_length=_TEXT, null=True)  # noqa: DJ001
    brand = models.CharField(max_length=_TEXT, null=True)  # noqa: DJ001
    quantity = models.BigIntegerField()
    unit_price = models.BigIntegerField()
    discount = models.BigIntegerField()
    shared_discount = models.BigIntegerField()
    """Its part of the order's own discount."""
    tax = models.BigIntegerField()
    amount = models.BigIntegerField()
    returned_quantity = models.BigIntegerField(db_default=0)
    returned_amount = models.BigIntegerField(db_default=0)
    returned_tax = models.BigIntegerField(db_default=0)
    repriced_quantity = models.BigIntegerField(db_default=0)
    """How many units were back when an amount last came back."""
    repriced_amount = models.BigIntegerField(db_default=0)
    """And how much was back then, with that amount."""

    class Meta:
        db_table = "orders_line"
        constraints = [
            models.CheckConstraint(
                name="line_counts_from_one", condition=Q(n__gte=1, quantity__gte=1)
            ),
            models.CheckConstraint(
                name="line_amounts_within_range",
                condition=Q(unit_price__gte=0)
                & Q(discount__gte=0)
                & Q(shared_discount__gte=0)
                & Q(tax__gte=0)
                & Q(tax__lte=AMOUNT_MAX)
                & Q(amount__gte=0)
                & Q(amount__lte=AMOUNT_MAX),
            ),
            models.CheckConstraint(
                name="line_returned_within_quantity",
                condition=Q(repriced_quantity__gte=0)
                & Q(repriced_quantity__lte=F("returned_quantity"))
                & Q(returned_quantity__lte=F("quantity")),
            ),
            models.CheckConstraint(
                name="line_returned_within_amount",
                condition=Q(repriced_amount__gte=0)
                & Q(repriced_amount__lte=F("returned_amount"))
                & Q(returned_amount__lte=F("amount")),
            ),
            models.CheckConstraint(
                name="line_returned_within_tax",
                condition=Q(returned_tax__gte=0) & Q(returned_tax__lte=F("tax")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.n}"


class Tender(models.Model):
    """What a part of an order's total was paid with, and how much of it went back."""

    pk = models.CompositePrimaryKey("order", "n")
    order = models.ForeignKey(Order, models.PROTECT, related_name="+", db_index=False)
    n = models.IntegerField()
    kind = models.CharField(max_length=12)
    amount = models.BigIntegerField()
    # No foreign key: the ledger's entries are spread by account.
    account = models.UUIDField(db_column="account_id", null=True)
    sequence = models.BigIntegerField(null=True)
    returned = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "orders_tender"
        constraints = [
            models.CheckConstraint(
                name="tender_kind_is_known", condition=Q(kind__in=sorted(KINDS))
            ),
            models.CheckConstraint(
                name="tender_amount_within_range",
                condition=Q(n__gte=1, amount__gte=1, amount__lte=AMOUNT_MAX),
            ),
            models.CheckConstraint(
                name="tender_entry_is_of_points",
                condition=Q(account__isnull=True, sequence__isnull=True)
                | Q(account__isnull=False, sequence__isnull=False)
                & Q(sequence__gte=1, kind="points"),
            ),
            models.CheckConstraint(
                name="tender_returned_within_amount",
                condition=Q(returned__gte=0) & Q(returned__lte=F("amount")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.n}"


class Return(models.Model):
    """What came back of an order, at once. Never changes, but for its refund."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", db_index=False
    )
    order = models.ForeignKey(Order, models.PROTECT, related_name="+", db_index=False)
    n = models.IntegerField()
    external_id = models.CharField(max_length=_TEXT)
    fingerprint = models.BinaryField()
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    amount = models.BigIntegerField()
    shipping = models.BigIntegerField()
    refund = models.CharField(max_length=9, db_default="none")
    withheld = models.BooleanField(db_default=False)

    class Meta:
        db_table = "orders_return"
        constraints = [
            models.UniqueConstraint(
                name="return_external_id_is_unique", fields=["program", "external_id"]
            ),
            models.UniqueConstraint(
                name="return_counts_within_its_order", fields=["order", "n"]
            ),
            models.CheckConstraint(
                name="return_external_id_is_not_empty", condition=~Q(external_id="")
            ),
            models.CheckConstraint(
                name="return_refund_is_known",
                condition=Q(refund__in=["none", "pending", "succeeded", "failed"]),
            ),
            models.CheckConstraint(
                name="return_withheld_until_refunded",
                condition=Q(withheld=False) | Q(refund__in=["pending", "failed"]),
            ),
            models.CheckConstraint(
                name="return_amounts_within_range",
                condition=Q(n__gte=1, shipping__gte=0)
                & Q(amount__gte=F("shipping"))
                & Q(amount__lte=AMOUNT_MAX),
            ),
        ]
        indexes = [
            models.Index(
                name="return_withheld",
                fields=["order"],
                condition=Q(withheld=True),
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class Activity(models.Model):
    """Something else that a member did: a review, a check-in.

    It never changes. Its facts are forgotten when the member is erased.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", db_index=False
    )
    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="+", db_index=False
    )
    external_id = models.CharField(max_length=_TEXT)
    fingerprint = models.BinaryField()
    type = models.CharField(max_length=40)
    place = models.ForeignKey(
        "programs.Place", models.PROTECT, related_name="+", null=True, db_index=False
    )
    facts = models.JSONField()
    """Names of facts, each with a text, a whole number, or true or false."""
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "orders_activity"
        constraints = [
            models.UniqueConstraint(
                name="activity_external_id_is_unique", fields=["program", "external_id"]
            ),
            models.CheckConstraint(
                name="activity_external_id_is_not_empty", condition=~Q(external_id="")
            ),
            models.CheckConstraint(
                name="activity_type_is_a_word",
                condition=Q(type__regex=r"^[a-z][a-z0-9_]*$"),
            ),
        ]
        indexes = [
            models.Index(name="activity_by_program", fields=["program", "id"]),
            # How often a member did this before an instant.
            models.Index(
                name="activity_by_member",
                fields=["member", "type", "occurred_at", "id"],
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class ReturnLine(models.Model):
    """What a return brought back of one line."""

    pk = models.CompositePrimaryKey("order", "n", "return_n")
    order = models.ForeignKey(Order, models.PROTECT, related_name="+", db_index=False)
    n = models.IntegerField()
    """Of the line."""
    return_n = models.IntegerField()
    """Of the return."""
    quantity = models.BigIntegerField()
    amount = models.BigIntegerField()
    tax = models.BigIntegerField()

    class Meta:
        db_table = "orders_return_line"
        constraints = [
            models.CheckConstraint(
                name="return_line_brings_something_back",
                condition=Q(quantity__gte=0, amount__gte=0, tax__gte=0)
                & (Q(quantity__gte=1) | Q(amount__gte=1)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.n}/{self.return_n}"


class ReturnTender(models.Model):
    """How much of a return goes back to one tender."""

    pk = models.CompositePrimaryKey("order", "n", "return_n")
    order = models.ForeignKey(Order, models.PROTECT, related_name="+", db_index=False)
    n = models.IntegerField()
    """Of the tender."""
    return_n = models.IntegerField()
    """Of the return."""
    amount = models.BigIntegerField()

    class Meta:
        db_table = "orders_return_tender"
        constraints = [
            models.CheckConstraint(
                name="return_tender_gives_something_back", condition=Q(amount__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.n}/{self.return_n}"
