"""What is asked of a world: commands made up at the edges where ledgers break."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from punchcard.ledger.commands import (
    Activate,
    Adjust,
    Cancel,
    Capture,
    Command,
    Earn,
    Redeem,
    Refund,
    Reserve,
    Reverse,
    Settle,
    Transfer,
    Void,
)
from tests import model

if TYPE_CHECKING:
    from tests.database.worlds import World

T = TypeVar("T")

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
MOST = 10**15
KINDS = (
    5 * [Earn]
    + 3 * [Redeem, Reserve, Capture, Refund, Adjust, Transfer]
    + 2 * [Void, Reverse, Activate, Cancel]
    + [Settle]
)
OF_TYPE = {
    Refund: ("redeem", "capture"),
    Reverse: ("earn",),
    Capture: ("reserve",),
    Void: ("reserve",),
}
"""Which entries a command can name with success."""
STATES = {Activate: ("pending",), Cancel: ("pending",), Adjust: ("open", "spent")}
"""Which lots."""


class Pick(Protocol):
    """Who decides what happens next."""

    def one(self, options: Sequence[T]) -> T:
        """Return one of the options; the first is the simplest."""

    def number(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""

    def now_and_then(self, times: int) -> bool:
        """Return True once in about so many times."""


class RandomPick:
    """Picks by a seeded random: long runs that a seed repeats."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.one = self.random.choice
        self.number = self.random.randint

    def now_and_then(self, times: int) -> bool:
        return self.random.randrange(times) == 0


def a_command(world: World, pick: Pick) -> Command:
    """Make up a command: a new one, an earlier one again, or one with its key."""
    if world.posted and pick.now_and_then(7):
        return an_earlier_one(world, pick)
    account = pick.one(world.accounts)
    if pick.now_and_then(60):
        account = world.strangers[0]
    ours = world.model.accounts.get(account, model.Account())
    kind = pick.one(KINDS)
    if ours.id and not pick.now_and_then(6) and not can_name(ours, kind):
        kind = Earn
    fields: dict[str, Any] = {"account": account}
    if pick.now_and_then(6):
        fields["at"] = an_instant(world, ours, pick, ahead=False)
    if kind is Settle:
        return Settle(**fields)
    fields["key"] = f"k{world.keys}"
    world.keys += 1
    if pick.now_and_then(6):
        fields |= {"reference_type": "order", "reference_id": f"{pick.number(1, 4)}"}
        if pick.now_and_then(2):
            fields["key"] = None
    return kind(**fields, **SAYS[kind](world, ours, pick, kind))


def can_name(ours: model.Account, kind: type) -> bool:
    """Return whether the account has what a command of this kind names."""
    if kind in (Activate, Cancel):
        return any(lot.state == "pending" for lot in ours.lots)
    return kind not in OF_TYPE or bool(ours.typed(*OF_TYPE[kind]))


def an_earlier_one(world: World, pick: Pick) -> Command:
    """Return an earlier command: the same again, or another with its key."""
    command = pick.one(world.posted[-12:])
    if isinstance(command, Settle) or pick.now_and_then(2):
        return command
    changes: list[dict[str, Any]] = [
        {"source": "bonus"},
        {"at": world.ledger.now - DAY},
        {"actor": "another hand", "metadata": {"note": "not part of what is said"}},
        {"account": pick.one(world.accounts)},
    ]
    for field, other in (
        ("points", lambda points: (points or 0) + 1),
        ("hold", lambda hold: hold + 1),
        ("lot", lambda lot: lot and (lot[0], lot[1] + 1)),
        ("to", lambda _: pick.one([*world.accounts, *world.strangers])),
        ("time_to_live", lambda text: None if text else "PT60S"),
    ):
        if hasattr(command, field):
            changes.append({field: other(getattr(command, field))})
    return msgspec.structs.replace(command, **pick.one(changes))


def an_amount(
    world: World, ours: model.Account, pick: Pick, *edges: int, earns: bool = False
) -> int:
    """Return an amount at an edge of this account, or a plain one; seldom a bad one."""
    if pick.now_and_then(20):
        return pick.one([0, -1, MOST + 1])
    available, pending, reserved, lifetime = ours.numbers
    held = abs(available) + pending + reserved
    room = model.LARGEST - (max(lifetime, held) if earns else held)
    plain = pick.number(1, 100)
    near = [1, available, available + 1, available - 1, -available, pending, *edges]
    if world.huge:
        near += [MOST, MOST, MOST, room, room + 1, room - 1]
        near += [MOST] * 20 if room > MOST else [room, room + 1] * 3
    return pick.one([plain, plain, plain, *(e for e in near if 1 <= e <= MOST)])


def an_instant(
    world: World, ours: model.Account, pick: Pick, *, ahead: bool
) -> datetime:
    """Return an instant ahead or behind, at the edge of something; seldom astray."""
    now = world.ledger.now
    edges = [e["effective_at"] for e in ours.entries[-6:]] + world.dues()[-8:]
    edges += [edge + pick.one([-TICK, TICK, DAY]) for edge in edges]
    plain = [now + TICK, now + DAY, now + 5 * DAY] if ahead else [now, now - TICK]
    if pick.now_and_then(8):
        return pick.one([now, now + TICK, now - TICK, now - 5 * DAY, *edges])
    return pick.one(plain + [e for e in edges if e != now and (e > now) == ahead])


# What each command says, beside its account, key and instant


def an_earn(world: World, ours: model.Account, pick: Pick, _: type) -> dict[str, Any]:
    """Say how much, from when and until when."""
    fields: dict[str, Any] = {"points": an_amount(world, ours, pick, earns=True)}
    fields["pending"] = pick.one([None, None, None, "P2D", "PT0S", "PT5S", "event"])
    return fields | some_dates(world, ours, pick)


def some_dates(world: World, ours: model.Account, pick: Pick) -> dict[str, Any]:
    """Say until when, or for how long."""
    if pick.now_and_then(4):
        return {"expires_at": an_instant(world, ours, pick, ahead=True)}
    if pick.now_and_then(2):
        validity = pick.one(["P3D", "P10D", "PT5S", "P30D"])
        return {"validity": "P0D" if pick.now_and_then(20) else validity}
    return {}


def a_spend(world: World, ours: model.Account, pick: Pick, kind: type) -> Any:
    """Say how much is redeemed, reserved or transferred, and to whom."""
    limits = [limit for limit in world.limits if limit]
    fields = {"points": an_amount(world, ours, pick, *limits, *(x + 1 for x in limits))}
    if kind is Transfer:
        others = [x for x in world.accounts if world.model.accounts[x] is not ours]
        elsewhere = not others or pick.now_and_then(12)
        rest = [*world.strangers, pick.one(world.accounts)]
        return fields | {"to": pick.one(rest if elsewhere else others)}
    fields["up_to"] = pick.now_and_then(4)
    if kind is Reserve and pick.now_and_then(2):
        fields["time_to_live"] = pick.one(["PT5S", "P1D", "P3D", "P9D", "PT0S"])
    return fields


def an_undoing(world: World, ours: model.Account, pick: Pick, kind: type) -> Any:
    """Say which entry is undone, captured or voided, and how much of it."""
    named = [e["sequence"] for e in ours.typed(*OF_TYPE[kind])][-6:]
    following = ours.last_sequence + pick.number(1, 3)
    strays = [following, pick.number(1, following)]
    number = pick.one(named if named and pick.number(1, 8) > 1 else strays)
    fields = {"hold" if kind in (Capture, Void) else "entry": number}
    if kind is not Void:
        amounts = [e["amount"] for e in ours.entries[number - 1 : number]]
        edges = [a + by for a in amounts for by in (-1, 0, 1)]
        some = an_amount(world, ours, pick, *edges)
        fields["points"] = pick.one([None, None, some])
    if kind is Reverse:
        fields["policy"] = pick.one([None, "debt", "cap", "refuse", "refuse"])
    return fields


def a_lot(ours: model.Account, pick: Pick, kind: type) -> tuple[int, int]:
    """Return the name of a lot that fits, or of any, or of none."""
    named = [lot.name for lot in ours.lots if lot.state in STATES[kind]][-6:]
    following = ours.last_sequence + pick.number(1, 2)
    strays = [(following, 1), (pick.number(1, following), pick.number(1, 2))]
    strays += [lot.name for lot in ours.lots[-4:]]
    return pick.one(named if named and pick.number(1, 8) > 1 else strays)


def a_pending_lot(
    world: World, ours: model.Account, pick: Pick, kind: type
) -> dict[str, Any]:
    """Say which lot is activated or cancelled."""
    return {"lot": a_lot(ours, pick, kind)}


def an_adjust(world: World, ours: model.Account, pick: Pick, kind: type) -> Any:
    """Say how much more or less, of which lot, until when; seldom what does not fit."""
    fields: dict[str, Any] = {"reason": "" if pick.now_and_then(40) else "counted anew"}
    lot = a_lot(ours, pick, kind) if pick.now_and_then(3) else None
    edges = [x.remaining + by for x in ours.lots if x.name == lot for by in (0, 1)]
    points = an_amount(world, ours, pick, *edges)
    upwards = pick.now_and_then(2)
    fields |= {"points": points if upwards else -points, "lot": lot}
    if upwards != pick.now_and_then(20):
        fields |= some_dates(world, ours, pick)
    elif lot is None or pick.now_and_then(20):
        fields["policy"] = pick.one([None, "debt", "cap", "refuse"])
    return fields


SAYS = {
    Earn: an_earn,
    Redeem: a_spend,
    Reserve: a_spend,
    Transfer: a_spend,
    Capture: an_undoing,
    Void: an_undoing,
    Refund: an_undoing,
    Reverse: an_undoing,
    Activate: a_pending_lot,
    Cancel: a_pending_lot,
    Adjust: an_adjust,
}
