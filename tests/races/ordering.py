"""In which order a serial ledger would have decided what many processes asked.

Every decision says after which sequence of its account it was taken; a transfer says
so of both accounts, a refused batch of all that it names. An entry comes after
everything that was decided at an earlier sequence. What wrote nothing comes after the
entry of its sequence, and commutes with everything else there but a change of status:
a refusal finds the status that it names, so it is taken while the account has it.
These are the facts, and the order is any that agrees with all of them; where there
is none, no serial ledger has this history.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from punchcard.ledger.commands import Command, Redeem, Reserve, Settle, Transfer
from punchcard.ledger.outcomes import APPLIED, NOT_APPLIED, Outcome
from tests.races.history import Changed, Looked

FREEZABLE = (Redeem, Reserve, Transfer)

Level = tuple[int, bool]
"""(sequence, whether nothing was written): where on an account's line."""


class Event(msgspec.Struct, eq=False):
    """One decision: of a command, of a refused atomic batch, of a change; or a look."""

    places: dict[UUID, int]
    """Account -> its sequence after."""
    at: datetime
    wrote: bool = False
    commands: list[Command] = []
    outcomes: list[Outcome] = []
    atomic: bool = False
    change: Changed | None = None
    look: Looked | None = None

    @property
    def refused_transfers(self) -> list[UUID]:
        """The receivers that were not closed when transfers to them were refused."""
        return [
            command.to
            for command, outcome in zip(self.commands, self.outcomes, strict=True)
            if isinstance(command, Transfer)
            and outcome.code not in (APPLIED, NOT_APPLIED, "account_closed")
        ]

    def fits(self, status_of: Callable[[UUID], str]) -> bool:
        """Say whether accounts of this status can have answered so."""
        if self.change is not None:
            return status_of(self.change.account) == self.change.before
        if self.wrote:
            return True
        for command, outcome in zip(self.commands, self.outcomes, strict=True):
            if isinstance(command, Settle):
                continue
            if not _fits(command, outcome, status_of):
                return False
            if outcome.code not in (APPLIED, NOT_APPLIED):
                break  # What follows in a refused batch was never looked at.
        return True


def _fits(command: Command, outcome: Outcome, status_of: Callable[[UUID], str]) -> bool:
    status = status_of(command.account)
    others = [status_of(command.to)] if isinstance(command, Transfer) else []
    if outcome.code == "account_closed":
        return "closed" in [status, *others]
    if outcome.code == "account_frozen":
        return status == "frozen" and "closed" not in others
    if "closed" in [status, *others]:
        return False
    return status == "open" or not isinstance(command, FREEZABLE)


class Order:
    """Hands out events one by one, none before what it came after."""

    def __init__(self, events: Iterable[Event]) -> None:
        lines: defaultdict[UUID, defaultdict[Level, list[Event]]]
        lines = defaultdict(lambda: defaultdict(list))
        self._unmet: dict[int, int] = {}
        self._to_refuse: Counter[UUID] = Counter()
        for event in events:
            self._unmet[id(event)] = len(event.places)
            self._to_refuse.update(event.refused_transfers)
            for account, sequence in event.places.items():
                lines[account][sequence, not event.wrote].append(event)
        self._lines = {
            account: sorted(line.items(), reverse=True)
            for account, line in lines.items()
        }
        self._here: dict[UUID, set[int]] = {}
        self._ready: list[Event] = []
        for account in self._lines:
            self._advance(account)

    def __bool__(self) -> bool:
        return bool(self._unmet)

    def take(self, status_of: Callable[[UUID], str]) -> Event:
        """Return an event that can come next, with accounts of this status.

        Raises:
            AssertionError: there is none.
        """
        able = [
            event
            for event in self._ready
            if event.fits(status_of) and not self._closes_too_early(event)
        ]
        assert able, f"nothing can have come next of {self._ready[:5]}"
        event = min(able, key=self._preference)
        self._ready.remove(event)
        self._to_refuse.subtract(event.refused_transfers)
        del self._unmet[id(event)]
        for account in event.places:
            self._here[account].remove(id(event))
            if not self._here[account]:
                self._advance(account)
        return event

    def _preference(self, event: Event) -> tuple[bool, bool, bool, datetime]:
        """What commutes first, also a change to what is; what is final last.

        Of changes rather one that nobody, who waits for another account, can mind.
        """
        change = event.change
        if change is None or change.before == change.after:
            return (False, False, False, event.at)
        here = self._here[change.account]
        minded = len(here) > sum(id(ready) in here for ready in self._ready)
        return (True, minded, change.after == "closed", event.at)

    def _closes_too_early(self, event: Event) -> bool:
        change = event.change
        if change is None or change.after != "closed":
            return False
        return self._to_refuse[change.account] > 0

    def _advance(self, account: UUID) -> None:
        """Go on to the next level of an account's line."""
        line = self._lines[account]
        if not line:
            return
        _, events = line.pop()
        self._here[account] = {id(event) for event in events}
        for event in events:
            self._unmet[id(event)] -= 1
            if self._unmet[id(event)] == 0:
                self._ready.append(event)
