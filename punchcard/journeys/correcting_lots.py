"""A lot corrected by hand: an adjust down that names it, and maybe one up, as one.

Note [An amount that is left out is looked up first]: "all that remains" is no amount,
but the ledger's key stands for a command with one. So it is read before the key is
looked for: whoever came first with this key took what a retry is to say again, and a
retry finds their entry. Where nothing remains, or the key stands for a refusal, it is
1, so that the refusal too is answered again. What does not fit what was read, because
somebody else changed the lot meanwhile, is rolled back and decided anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto
from functools import partial
from time import perf_counter
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import refuse_transaction
from punchcard.ledger.commands import Adjust, Command, LotName
from punchcard.ledger.errors import NOT_REMEMBERED
from punchcard.ledger.operations import post
from punchcard.ledger.outcomes import APPLIED, NOT_APPLIED, Outcome
from punchcard.ledger.queries import find_key, find_lot

from .counting import count_posted
from .retrying import TRIES, surely

EXTEND: Final = "extend"
LAPSE: Final = "lapse"
_ACTIONS: Final = {EXTEND: "lot.extended", LAPSE: "lot.lapsed"}

_NOTHING = 1
"""Stands for "all" where nothing remains: the ledger refuses it."""


class LotCorrection(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done to a lot, by whom and why."""

    account: UUID
    lot: LotName
    points: int | None = None
    """None: all that remains."""
    reason: str
    key: str
    author: Author
    limit: int | None = None
    """The most points that the author may correct; None: no limit."""


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """How long the points live on; said neither way: for the wallet's validity."""

    validity: str | None = None
    expires_at: datetime | None = None


class AboveAdjustLimit(Exception):
    """These are more points than the author may correct."""

    code = "forbidden"

    def __init__(self, limit: int) -> None:
        """Take the limit."""
        super().__init__(limit)
        self.limit = limit


class _Found(Enum):
    STATED = auto()
    """By the caller, or by what the key stands for already."""
    POINTS = auto()
    NOTHING = auto()


class _Amount(NamedTuple):
    points: int
    found: _Found


class _Stale(Exception):
    """The lot, or the key, is not as it was read."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    verb: str
    correction: LotCorrection
    renewal: Renewal | None
    now: datetime
    dry_run: bool


def correct_lot(
    *,
    verb: str,
    correction: LotCorrection,
    renewal: Renewal | None,
    now: datetime,
    dry_run: bool,
) -> list[Outcome]:
    """Take from a lot and, with a renewal, give what was taken a new lot: both or none.

    See Note [An amount that is left out is looked up first].

    Raises:
        AboveAdjustLimit: these are more points than the author may correct.
        OutcomeUnknown: the connection was lost at COMMIT and did not come back.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            nothing was applied.
    """
    refuse_transaction()
    asked = _Asked(
        verb=verb, correction=correction, renewal=renewal, now=now, dry_run=dry_run
    )
    outcomes: list[Outcome] = []
    for _ in range(TRIES):
        amount = _amount(correction, now)
        limit = correction.limit
        if limit is not None and amount.points > limit:
            raise AboveAdjustLimit(limit)
        began = perf_counter()
        try:
            outcomes = surely(partial(_attempt, asked, amount), writes=not dry_run)
        except _Stale as stale:
            outcomes = stale.outcomes
            continue
        if not dry_run:
            commands = _commands(asked, amount.points)
            count_posted(commands=commands, outcomes=outcomes, began=began)
        return outcomes
    if refusal_of(outcomes) is not None:
        return outcomes
    # Others change it all the while; there was nothing left whenever we looked.
    code, details = "exceeds_original", {"left": 0}
    return [Outcome(account=correction.account, code=code, details=details)]


def refusal_of(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the refusal of a correction, or None where it took effect."""
    return next((o for o in outcomes if o.code not in {APPLIED, NOT_APPLIED}), None)


def _attempt(asked: _Asked, amount: _Amount) -> list[Outcome]:
    outcomes = post(
        commands=_commands(asked, amount.points),
        now=asked.now,
        atomic=True,
        dry_run=asked.dry_run,
    )
    if _is_stale(amount.found, outcomes):
        raise _Stale(outcomes)
    if not asked.dry_run and asked.correction.author.is_person:
        _record(asked, outcomes)
    return outcomes


def _amount(correction: LotCorrection, now: datetime) -> _Amount:
    """Return the points to take; the lot is read before the key is looked for."""
    if correction.points is not None:
        return _Amount(correction.points, _Found.STATED)
    account = correction.account
    lot = find_lot(account=account, lot=correction.lot, as_of=now)
    known = find_key(account=account, key=correction.key)
    if known is not None:
        return _Amount(known.amount or _NOTHING, _Found.STATED)
    if lot is None or lot.state != "open":
        return _Amount(_NOTHING, _Found.NOTHING)
    return _Amount(lot.remaining, _Found.POINTS)


def _is_stale(found: _Found, outcomes: Sequence[Outcome]) -> bool:
    refusal = refusal_of(outcomes)
    if found is _Found.STATED:
        return False
    if refusal is None:
        return found is _Found.NOTHING and not outcomes[0].replayed
    if refusal.code == "key_reused":
        return True
    is_new = refusal.code not in NOT_REMEMBERED and not refusal.replayed
    return found is _Found.POINTS and is_new


def _commands(asked: _Asked, points: int) -> list[Command]:
    correction = asked.correction
    said: dict[str, Any] = {
        "account": correction.account,
        "lot": correction.lot,
        "reason": correction.reason,
        "reference_type": asked.verb,
        "reference_id": lot_text(correction.lot),
        "actor": correction.author.actor,
    }
    commands: list[Command] = [Adjust(points=-points, key=correction.key, **said)]
    if asked.renewal is not None:
        # The second key is nobody's to choose, and the same at every retry.
        derived = hashlib.sha256(correction.key.encode()).hexdigest()
        commands.append(
            Adjust(
                points=points,
                key=f"{asked.verb}:{derived}",
                validity=asked.renewal.validity,
                expires_at=asked.renewal.expires_at,
                **said,
            )
        )
    return commands


def _record(asked: _Asked, outcomes: Sequence[Outcome]) -> None:
    entries = [
        outcome.entry
        for outcome in outcomes
        if outcome.applied and not outcome.replayed and outcome.entry is not None
    ]
    if not entries:
        return
    correction = asked.correction
    change = Change(
        action=_ACTIONS[asked.verb],
        target=typed("acc", correction.account),
        fields={
            "lot": lot_text(correction.lot),
            "points": entries[0].amount,
            "entries": [entry.sequence for entry in entries],
        },
    )
    record_changes(author=correction.author, changes=[change], now=asked.now)


def lot_text(lot: LotName) -> str:
    """Return a lot's name as it is written: `17.1`."""
    return f"{lot[0]}.{lot[1]}"
