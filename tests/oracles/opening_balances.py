"""What every member of a balance file must hold at one instant, worked out by hand.

The oracle of `punchcard import balances FILE --at AT`: it shares no code with the
product and knows no ledger. Its rules:

* A row with points above zero is a lot that can be spent from AT until `expires_at`;
  without one it lives for ever. At that very instant it is gone already.
* A row below zero takes from what the member has of the rows above it, what expires
  soonest first; what is missing is a debt, which the rows below repay before they
  become lots.
* A `lot` id counts once for a member and wallet. Rows without an id count each.
* Every member of the file is listed, by id as text. Nobody has earned anything here, so
  lifetime is 0; nothing is pending or reserved.

    python -m tests.oracles.opening_balances FILE WALLET AS_OF
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Row(NamedTuple):
    """One line of the file."""

    member: str
    points: int
    expires_at: datetime
    lot: str
    wallet: str


class Holding:
    """What one member holds in one wallet."""

    def __init__(self) -> None:
        self.lots: list[list[object]] = []
        self.debt = 0
        self.seen: set[str] = set()

    def add(self, row: Row) -> None:
        if row.lot and row.lot in self.seen:
            return
        self.seen.add(row.lot)
        if row.points > 0:
            repaid = min(self.debt, row.points)
            self.debt -= repaid
            self.lots.append([row.expires_at, row.points - repaid])
            return
        owed = -row.points
        for lot in sorted(self.lots, key=lambda lot: lot[0]):
            taken = min(owed, lot[1])
            lot[1] -= taken
            owed -= taken
        self.debt += owed

    def cells(self, as_of: datetime) -> tuple[object, ...]:
        left = [(ends, points) for ends, points in self.lots if ends > as_of and points]
        soonest = min((ends for ends, _ in left), default=FOR_EVER)
        lapsing = sum(p for ends, p in left if ends == soonest != FOR_EVER)
        shown = soonest.isoformat().replace("+00:00", "Z") if lapsing else ""
        available = sum(points for _, points in left) - self.debt
        return (available, 0, 0, 0, lapsing, shown)


def read(path: str | Path) -> Iterator[Row]:
    """Yield the rows of a CSV file whose columns have our names."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            ends = line["expires_at"]
            yield Row(
                member=line["member"],
                points=int(line["points"]),
                expires_at=instant(ends) if ends else FOR_EVER,
                lot=line.get("lot", ""),
                wallet=line.get("wallet") or "points",
            )


def holdings(rows: Iterable[Row], wallet: str) -> dict[str, Holding]:
    """Return what each member of the file holds in a wallet, by member as text."""
    found: dict[str, Holding] = {}
    for row in rows:
        held = found.setdefault(row.member, Holding())
        if row.wallet == wallet:
            held.add(row)
    return dict(sorted(found.items()))


def instant(text: str) -> datetime:
    """Read an ISO 8601 date or time; without a zone it is UTC."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def main(arguments: list[str]) -> int:
    """Print the balances as CSV."""
    path, wallet, as_of = arguments
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(
        (
            "member",
            "available",
            "pending",
            "reserved",
            "lifetime",
            "next_expiry_points",
            "next_expires_at",
        )
    )
    for member, held in holdings(read(path), wallet).items():
        writer.writerow((member, *held.cells(instant(as_of))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
