"""What undoes an earlier entry: a refund of a spend, a reverse of an earn."""

from __future__ import annotations

from typing import Any

import msgspec

from punchcard.ledger.commands import Refund, Reverse
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules import lots
from punchcard.ledger.rules.limits import within_total
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.refusing import Refused, missing
from punchcard.ledger.rules.state import Account, Lot, Named

_SPENDS = frozenset({"redeem", "capture"})
_json = msgspec.json.Encoder(order="sorted").encode


def refund(account: Account, command: Refund, common: dict[str, Any]) -> Entry:
    """Give points back to the lots that a spend took them from."""
    spend = _named(account, command.entry, _SPENDS)
    points = _rest_of(spend.amount - spend.undone, command.points)
    within_total(account, available=points)
    at, sequence = common["at"], account.last_sequence + 1
    parts = lots.last_taken(spend.taken, points, spend.undone)
    moves, risen = lots.give_back(account, sequence, parts, at, with_grace=True)
    moves += lots.repay_debt(-account.available, risen)
    opened = [lot for lot in risen if lot.sequence == sequence]
    spend.undone += points
    return record(
        account,
        type="refund",
        amount=points,
        available=points,
        moves=moves,
        opened=opened,
        relates_to=command.entry,
        available_at=at,
        **common,
    )


def reverse(account: Account, command: Reverse, common: dict[str, Any]) -> Entry:
    """Take an earn back: its own lots, then what lapsed of them, then other lots."""
    earn = _named(account, command.entry, frozenset({"earn"}))
    points = _rest_of(earn.amount - earn.undone, command.points)
    own = [lot for lot in account.lots.values() if lot.root == command.entry]
    pending = [lot for lot in own if lot.state == "pending"]
    from_pending = min(sum(lot.remaining for lot in pending), points)
    own_open = sum(lot.remaining for lot in own if lot.state == "open")
    from_own = min(own_open, points - from_pending)
    rest = points - from_pending - from_own
    lapsed = min(sum(lot.lapsed for lot in own) - earn.lapsed_counted, rest)
    rest -= lapsed
    others = max(account.available, 0) - own_open
    short = max(rest - others, 0)
    policy = command.policy or account.policy.debt_policy
    if short and policy == "refuse":
        raise missing(account.available, points, short)
    owed = short if policy == "debt" else 0
    from_open = from_own + rest - short
    if owed:
        within_total(account, available=-from_open - owed, pending=-from_pending)
    moves, _ = lots.take(pending, from_pending)
    taken, _ = lots.take(_own_first(account, command.entry), from_open)
    earn.undone += points
    earn.lapsed_counted += lapsed
    note(common, command.metadata, lapsed=lapsed, written_off=short - owed)
    return record(
        account,
        type="reverse",
        amount=points,
        available=-from_open - owed,
        pending=-from_pending,
        moves=moves + taken,
        relates_to=command.entry,
        **common,
    )


def note(common: dict[str, Any], said: dict[str, object] | None, **facts: int) -> None:
    """Write what the deltas do not show into the entry's metadata."""
    noted = {name: value for name, value in facts.items() if value}
    if noted:
        common["metadata"] = _json({**(said or {}), **noted}).decode()


def _own_first(account: Account, root: int) -> list[Lot]:
    open_lots = [lot for lot in account.lots.values() if lot.state == "open"]
    return sorted(
        open_lots, key=lambda lot: (lot.root != root, *lots.spending_key(lot))
    )


def _named(account: Account, sequence: int, types: frozenset[str]) -> Named:
    named = account.named.get(sequence)
    if named is None:
        raise Refused("entry_not_found", entry=sequence)
    if named.type not in types:
        raise Refused("entry_not_reversible", entry=sequence, type=named.type)
    return named


def _rest_of(rest: int, points: int | None) -> int:
    """Return the points to undo: those asked for, or all that is left."""
    wanted = rest if points is None else points
    if wanted > rest or wanted < 1:
        raise Refused("exceeds_original", left=rest)
    return wanted
