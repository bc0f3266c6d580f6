"""What every member of an order file must hold at one instant, worked out by hand.

The oracle of `punchcard import orders FILE --points-per-unit 1 --pending P3D
--validity P365D`: it shares no code with the product and knows no ledger. Its rules:

* One point (`points_per_unit`) for each whole unit of currency of one order. What is
  below a unit, zero or negative earns nothing.
* An instant without a zone is UTC.
* Points are pending until order + `pending`, then available until order + `pending` +
  `validity`. At those very instants they already are available, or already gone.
* Only orders at or before `as_of` count. An event id counts once.
* Every member of the file is listed, by id as text, also who earned nothing or whose
  first order comes after `as_of`: with zeros.

    python -m tests.oracles.order_replay FILE AS_OF
"""

from __future__ import annotations

import csv
import lzma
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TextIO

# ISO 4217; what is not named here has two digits.
MINOR_DIGITS = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"),
            *("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
THREE_DAYS = timedelta(days=3)
ONE_YEAR = timedelta(days=365)


class Order(NamedTuple):
    """One line of the file."""

    event_id: str
    occurred_at: datetime
    member: str
    amount_minor: int
    currency: str


class Row(NamedTuple):
    """What a member holds; without a next expiry its points are 0, its time None."""

    available: int
    pending: int
    reserved: int
    lifetime: int
    next_expiry_points: int
    next_expires_at: datetime | None


NOTHING = Row(0, 0, 0, 0, 0, None)


class Lot(NamedTuple):
    """The points of one order. They are available in [available_at, expires_at)."""

    points: int
    available_at: datetime
    expires_at: datetime


def read(path: str | Path) -> Iterator[Order]:
    """Yield the orders of a CSV file, packed with xz or not, as they stand in it."""
    path = Path(path)
    with _open(path) as file:
        for line in csv.DictReader(file):
            yield Order(
                event_id=line["event_id"],
                occurred_at=instant(line["ts"]),
                member=line["customer"],
                amount_minor=int(line["amount_minor"]),
                currency=line["currency"],
            )


def balances(
    rows: Iterable[Order],
    as_of: datetime,
    points_per_unit: int = 1,
    pending: timedelta = THREE_DAYS,
    validity: timedelta = ONE_YEAR,
) -> dict[str, Row]:
    """Return what each member of the file holds at `as_of`, by member id as text.

    Raises:
        ValueError: one event id stands for two different orders.
    """
    seen: dict[str, Order] = {}
    lots: dict[str, list[Lot]] = defaultdict(list)
    for order in rows:
        known = seen.get(order.event_id)
        if known is not None:
            if known != order:
                message = f"{order.event_id} is both {known} and {order}"
                raise ValueError(message)
            continue
        seen[order.event_id] = order
        earned = lots[order.member]
        points = whole_units(order) * points_per_unit
        if points > 0 and order.occurred_at <= as_of:
            available_at = order.occurred_at + pending
            earned.append(Lot(points, available_at, available_at + validity))
    return {member: _row(lots[member], as_of) for member in sorted(lots)}


def whole_units(order: Order) -> int:
    """Return the whole units of currency, 0 for what is below one."""
    minor_per_unit: int = 10 ** MINOR_DIGITS.get(order.currency, 2)
    return max(order.amount_minor // minor_per_unit, 0)


def instant(text: str) -> datetime:
    """Read an ISO 8601 date or time; without a zone it is UTC."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _row(lots: list[Lot], as_of: datetime) -> Row:
    if not lots:
        return NOTHING
    usable = [lot for lot in lots if lot.available_at <= as_of < lot.expires_at]
    soonest = min((lot.expires_at for lot in usable), default=None)
    return Row(
        available=sum(lot.points for lot in usable),
        pending=sum(lot.points for lot in lots if as_of < lot.available_at),
        reserved=0,
        lifetime=sum(lot.points for lot in lots),
        next_expiry_points=sum(
            lot.points for lot in usable if lot.expires_at == soonest
        ),
        next_expires_at=soonest,
    )


def _open(path: Path) -> TextIO:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def main(arguments: list[str]) -> int:
    """Print the balances as CSV."""
    if len(arguments) != 2:
        print("usage: python -m tests.oracles.order_replay FILE AS_OF", file=sys.stderr)
        return 2
    path, as_of = arguments
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("member", *Row._fields))
    for member, row in balances(read(path), instant(as_of)).items():
        expires_at = row.next_expires_at
        shown = "" if expires_at is None else expires_at.isoformat()
        writer.writerow((member, *row[:-1], shown.replace("+00:00", "Z")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
