"""What is said of an order, a return, a move, an activity; what is malformed of it.

Pure: no Django, database or clock. Money is whole minor units of the order's currency.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec

from punchcard.kernel.amounts import MINOR_DIGITS

from .errors import OrderMalformed

EXTERNAL_ID_MAX = 200
TEXT_MAX = 200
LINES_MAX = 1_000
TENDERS_MAX = 50
AMOUNT_MAX = 10**15
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
FACTS_MAX = 50
FACT_MAX = 500
WORD_PATTERN = r"[a-z][a-z0-9_]{0,39}"

MoneyKind: TypeAlias = Literal["card", "cash", "bank", "other"]
TenderKind: TypeAlias = (
    MoneyKind | Literal["points", "voucher", "gift_card", "store_credit"]
)
MONEY: frozenset[str] = frozenset({"card", "cash", "bank", "other"})
KINDS = MONEY | {"points", "voucher", "gift_card", "store_credit"}
Refund: TypeAlias = Literal["none", "pending", "succeeded", "failed"]
Status: TypeAlias = Literal[
    "open", "paid", "partially_returned", "returned", "cancelled", "reopened"
]


class NewLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line: so many of one thing, and what they cost together."""

    quantity: int = 1
    unit_price: int
    discount: int = 0
    """Of the whole line."""
    tax: int = 0
    """Of the whole line, after every discount."""
    sku: str | None = None
    name: str | None = None
    category: str | None = None
    brand: str | None = None


class NewTender(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False
):
    """What a part of the total was paid with."""

    kind: TenderKind
    amount: int
    account: UUID | None = None
    sequence: int | None = None
    """With `account`, of points: the entry that spent them, a redeem or a capture."""


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An order as somebody else knows it."""

    external_id: str
    member: UUID
    occurred_at: datetime
    currency: str
    status: Literal["open", "paid"] = "paid"
    lines: tuple[NewLine, ...] = ()
    """None are one, of what the total leaves after shipping."""
    shipping: int = 0
    discount: int = 0
    """Of the whole order, beside those of its lines; spread over them."""
    total: int | None = None
    """What the customer pays. Of an order with lines it is computed, and compared."""
    tax_included: bool = True
    """Whether prices have the tax inside; else it comes on top of them."""
    tenders: tuple[NewTender, ...] = ()
    """None of a paid order are one, of money."""
    channel: str | None = None
    place: UUID | None = None


class ReturnedPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one line, so many units or so much of its amount."""

    line: int
    quantity: int | None = None
    amount: int | None = None


class NewReturn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody gave back of an order."""

    order: UUID
    external_id: str
    occurred_at: datetime
    lines: tuple[ReturnedPart, ...] = ()
    shipping: int = 0
    everything: bool = False
    """All that is left, the shipping with it."""
    refund_pending: bool = False
    """Whether money goes back, of which nobody knows yet that it arrives."""


class NewActivity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something else that a member did, as somebody else knows it."""

    external_id: str
    member: UUID
    type: str
    """A word: `review`, `check_in`."""
    occurred_at: datetime
    place: UUID | None = None
    facts: dict[str, str | int | bool] = {}


class RefundOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the refund of a return."""

    returned: UUID
    succeeded: bool
    at: datetime


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """An order was paid, was cancelled, or is open again."""

    order: UUID
    to: Literal["paid", "cancelled", "reopened"]
    at: datetime
    tenders: tuple[NewTender, ...] = ()
    """With `paid`: what it was paid with, if that was not said before."""


def fingerprint_order(order: NewOrder) -> bytes:
    """Return what two deliveries of one order have in common.

    Not its status, nor its tenders: an order is often told when it is placed, and
    told again when it is paid.
    """
    at = order.occurred_at.astimezone(UTC)
    same = msgspec.structs.replace(order, status="paid", tenders=(), occurred_at=at)
    return _digest(same)


def fingerprint_return(asked: NewReturn) -> bytes:
    """Return what two deliveries of one return have in common."""
    at = asked.occurred_at.astimezone(UTC)
    return _digest(msgspec.structs.replace(asked, occurred_at=at))


def fingerprint_activity(activity: NewActivity) -> bytes:
    """Return what two deliveries of one activity have in common."""
    at = activity.occurred_at.astimezone(UTC)
    facts = dict(sorted(activity.facts.items()))
    return _digest(msgspec.structs.replace(activity, occurred_at=at, facts=facts))


def check_activity(activity: NewActivity, *, now: datetime) -> None:
    """Refuse an activity that makes no sense as it stands, whatever its type asks for.

    Raises:
        OrderMalformed: a field is not what it must be; the first one.
    """
    _external_id(activity.external_id)
    _require(_is_word(activity.type), "type", "must be a word: a-z, 0-9, _")
    _instant(activity.occurred_at, now)
    _require(len(activity.facts) <= FACTS_MAX, "facts", f"at most {FACTS_MAX}")
    for name, value in activity.facts.items():
        at = f"facts/{name}"
        _require(_is_word(name), "facts", "must have words as names: a-z, 0-9, _")
        if isinstance(value, str):
            good = len(value) <= FACT_MAX and (not value or value.isprintable())
            _require(good, at, f"must be at most {FACT_MAX} printable characters")
        else:
            within = isinstance(value, int) and abs(value) <= AMOUNT_MAX
            _require(within, at, "must be a text, a whole number, or true or false")


def check_order(order: NewOrder, *, now: datetime) -> None:
    """Refuse an order that makes no sense as it stands; sums are judged elsewhere.

    Raises:
        OrderMalformed: a field is not what it must be; the first one.
    """
    _external_id(order.external_id)
    _instant(order.occurred_at, now)
    _require(
        order.currency in MINOR_DIGITS, "currency", "must be a currency of ISO 4217"
    )
    _text("channel", order.channel)
    _require(len(order.lines) <= LINES_MAX, "lines", f"at most {LINES_MAX}")
    for place, line in enumerate(order.lines):
        try:
            _check_line(line)
        except OrderMalformed as malformed:
            field = f"lines/{place}/{malformed.field}"
            raise OrderMalformed(field, str(malformed)) from None
    _amount("shipping", order.shipping)
    _amount("discount", order.discount)
    if order.total is not None:
        _amount("total", order.total)
    elif not order.lines:
        raise OrderMalformed("total", "is needed where there are no lines")
    check_tenders(order.tenders)


def check_tenders(tenders: tuple[NewTender, ...]) -> None:
    """Refuse tenders that make no sense as they stand.

    Raises:
        OrderMalformed: a field is not what it must be; the first one.
    """
    _require(len(tenders) <= TENDERS_MAX, "tenders", f"at most {TENDERS_MAX}")
    for place, tender in enumerate(tenders):
        at = f"tenders/{place}"
        _require(tender.kind in KINDS, f"{at}/kind", "must be a kind of tender")
        _amount(f"{at}/amount", tender.amount, least=1)
        named = (tender.account is not None, tender.sequence is not None)
        _require(named[0] == named[1], at, "an entry is an account and a sequence")
        _require(
            not named[0] or tender.kind == "points",
            at,
            "only a tender of points has an entry",
        )
        if tender.sequence is not None:
            _amount(f"{at}/sequence", tender.sequence, least=1)
    entries = [(one.account, one.sequence) for one in tenders if one.account]
    _require(len(set(entries)) == len(entries), "tenders", "name an entry once")


def check_return(asked: NewReturn, *, now: datetime) -> None:
    """Refuse a return that makes no sense as it stands.

    Raises:
        OrderMalformed: a field is not what it must be; the first one.
    """
    _external_id(asked.external_id)
    _instant(asked.occurred_at, now)
    _require(len(asked.lines) <= LINES_MAX, "lines", f"at most {LINES_MAX}")
    for place, part in enumerate(asked.lines):
        at = f"lines/{place}"
        _require(
            (part.quantity is None) != (part.amount is None),
            at,
            "must have either a quantity or an amount",
        )
        for name in ("quantity", "amount"):
            if (value := getattr(part, name)) is not None:
                _amount(f"{at}/{name}", value, least=1)
    numbers = [part.line for part in asked.lines]
    _require(len(set(numbers)) == len(numbers), "lines", "must name a line once")
    _amount("shipping", asked.shipping)
    some = bool(asked.lines or asked.shipping)
    _require(
        some != asked.everything, "lines", "must name something, or it is everything"
    )


def check_move(move: Move, *, now: datetime) -> None:
    """Refuse a move that makes no sense as it stands.

    Raises:
        OrderMalformed: a field is not what it must be; the first one.
    """
    _instant(move.at, now, field="at")
    _require(not move.tenders or move.to == "paid", "tenders", "come with paying alone")
    check_tenders(move.tenders)


def check_refund(outcome: RefundOutcome, *, now: datetime) -> None:
    """Refuse an outcome of a refund that makes no sense as it stands.

    Raises:
        OrderMalformed: a field is not what it must be; the first one.
    """
    _instant(outcome.at, now)


def _check_line(line: NewLine) -> None:
    _text("sku", line.sku)
    _text("name", line.name)
    _text("category", line.category)
    _text("brand", line.brand)
    _amount("quantity", line.quantity, least=1)
    _amount("unit_price", line.unit_price)
    _amount("discount", line.discount)
    _amount("tax", line.tax)
    gross = line.quantity * line.unit_price
    _amount("unit_price", gross)
    _require(line.discount <= gross, "discount", "is more than the line costs")


def _external_id(text: str) -> None:
    good = 1 <= len(text) <= EXTERNAL_ID_MAX and text.isprintable()
    _require(
        good and text == text.strip(),
        "external_id",
        f"must be 1 to {EXTERNAL_ID_MAX} printable characters, no space at the ends",
    )


def _is_word(text: str) -> bool:
    return re.fullmatch(WORD_PATTERN, text) is not None


def _text(field: str, text: str | None) -> None:
    if text is None:
        return
    if not 1 <= len(text) <= TEXT_MAX or not text.isprintable():
        raise OrderMalformed(field, f"must be 1 to {TEXT_MAX} printable characters")


def _amount(field: str, value: int, *, least: int = 0) -> None:
    if not least <= value <= AMOUNT_MAX:
        raise OrderMalformed(field, f"must be {least} to 10^15")


def _instant(at: datetime, now: datetime, *, field: str = "occurred_at") -> None:
    _require(at.tzinfo is not None, field, "must have a time zone")
    # Earlier ones are mistakes, and the first year is not in every time zone.
    _require(at >= EARLIEST, field, "must not be before 1900")
    _require(at <= now, field, "must not be later than now")


def _require(good: bool, field: str, detail: str) -> None:  # noqa: FBT001
    if not good:
        raise OrderMalformed(field, detail)


def _digest(said: msgspec.Struct) -> bytes:
    return hashlib.sha256(msgspec.json.encode(said)).digest()
