"""What a shop's purchases earn, and keep after each partial return, worked out by hand.

The oracle of an order file with purchases and refunds, and of a second one that says
to which purchase each returned line belongs. It shares no code with the product and
knows no ledger, no lots and no rounding modes. Its rules:

* A purchase earns `rate` points for each 1.00 that was paid and kept: as one number,
  rounded down once. Of what it earned, a return takes back the difference.
* A refund is as many returns as it names purchases, at the refund's instant, in the
  order in which they are first named. What each brings back is the sum of its lines.
* What names no purchase, or one that the file does not have before the refund, is
  unknown: it takes nothing from anybody.
* What happens is in the order of the file, which is that of time.
* A spender spends all there is after each purchase. So a return finds nothing, the
  member owes what it takes, and the next purchase repays it (`debt`).

    python -m tests.oracles.returns_replay ORDERS LINKS [RATE]
"""

from __future__ import annotations

import csv
import lzma
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, TextIO

MINOR_PER_UNIT = 100
PURCHASE, REFUND = "purchase", "refund"


class Event(NamedTuple):
    """A purchase, or what one refund brings back of one purchase."""

    kind: str
    id: str
    """Of a return: `<refund>/<purchase>`; its purchase may be empty."""
    at: datetime
    member: str
    purchase: str
    amount_minor: int
    """What was paid, or what came back."""


class Step(NamedTuple):
    """An event that counts, and how its purchase stands after it."""

    event: Event
    kept_minor: int
    net: int
    """What the purchase earned and kept, in points."""
    moved: int
    """What this event changed of it: not negative of a purchase, not positive else."""


class Replay(NamedTuple):
    """All of it."""

    steps: list[Step]
    unknown: list[Event]
    """Returns of a purchase that nobody knows."""
    spent: dict[str, list[int]]
    """By member: what was spent after each purchase; of who spends nothing, nothing."""
    balances: dict[str, int]
    """By member; below zero is owed."""


def read(orders: str | Path, links: str | Path) -> Iterator[Event]:
    """Yield what happened, in the order of the file.

    Raises:
        ValueError: the lines of a refund do not add up to it.
    """
    parts = _parts_of_refunds(links)
    with _open(Path(orders)) as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["ts"]).replace(tzinfo=UTC)
            id_, member, amount = (
                row["event_id"],
                row["customer"],
                int(row["amount_minor"]),
            )
            if row["kind"] == PURCHASE:
                yield Event(PURCHASE, id_, at, member, id_, amount)
                continue
            named = parts.pop(id_, {})
            if sum(named.values()) != -amount:
                message = f"{id_} is {-amount}, its lines are {sum(named.values())}"
                raise ValueError(message)
            for purchase, part in named.items():
                yield Event(REFUND, f"{id_}/{purchase}", at, member, purchase, part)


def replay(
    events: Iterable[Event],
    rate: Fraction,
    is_spender: Callable[[str], bool] = lambda _member: False,
) -> Replay:
    """Return what every purchase earns and keeps, step by step, and every balance.

    Raises:
        ValueError: more comes back than was bought, or by somebody else.
    """
    kept: dict[str, int] = {}
    net: dict[str, int] = {}
    owner: dict[str, str] = {}
    done = Replay([], [], defaultdict(list), defaultdict(int))
    for event in events:
        done.balances[event.member] += 0
        if event.kind == PURCHASE:
            kept[event.id], net[event.id] = event.amount_minor, 0
            owner[event.id] = event.member
        elif event.purchase not in kept:
            done.unknown.append(event)
            continue
        else:
            kept[event.purchase] -= event.amount_minor
        left = kept[event.purchase]
        if left < 0 or owner[event.purchase] != event.member:
            raise ValueError(f"{event} is more than {event.purchase} was, or another's")
        points = earned(left, rate)
        moved = points - net[event.purchase]
        net[event.purchase] = points
        done.steps.append(Step(event, left, points, moved))
        done.balances[event.member] += moved
        if event.kind == PURCHASE and is_spender(event.member):
            spent = max(done.balances[event.member], 0)
            done.spent[event.member].append(spent)
            done.balances[event.member] -= spent
    return done


def earned(amount_minor: int, rate: Fraction) -> int:
    """Return what an amount earns, rounded down once."""
    exact = rate * amount_minor / MINOR_PER_UNIT
    return exact.numerator // exact.denominator


def _parts_of_refunds(links: str | Path) -> dict[str, dict[str, int]]:
    """Return what each refund brings back of each purchase that it names."""
    parts: dict[str, dict[str, int]] = {}
    with _open(Path(links)) as file:
        for row in csv.DictReader(file):
            named = parts.setdefault(row["refund_id"], {})
            before = named.get(row["purchase_id"], 0)
            named[row["purchase_id"]] = before + int(row["amount_minor"])
    return parts


def _open(path: Path) -> TextIO:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def main(arguments: list[str]) -> int:
    """Print how every purchase stands after each event, and every balance, as CSV."""
    if len(arguments) not in {2, 3}:
        usage = "usage: python -m tests.oracles.returns_replay ORDERS LINKS [RATE]"
        print(usage, file=sys.stderr)
        return 2
    orders, links, *rate = arguments
    done = replay(read(orders, links), Fraction(rate[0] if rate else "1"))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("at", "id", "member", "purchase", "kept_minor", "net", "moved"))
    for step in done.steps:
        event = step.event
        at = event.at.isoformat().replace("+00:00", "Z")
        numbers = step.kept_minor, step.net, step.moved
        writer.writerow((at, event.id, event.member, event.purchase, *numbers))
    writer.writerow(("member", "balance"))
    writer.writerows(sorted(done.balances.items()))
    print(f"{len(done.unknown)} returns of an unknown purchase", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
