"""What processes asked and were answered, as each of them logged it."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from punchcard.ledger.commands import Command, Transfer
from punchcard.ledger.outcomes import NOT_APPLIED, Outcome


class Asked(msgspec.Struct):
    """One call of `post`, as a process logged it."""

    number: int
    began: float
    now: datetime
    atomic: bool
    commands: list[Command]
    sweep: bool = False


class Answered(msgspec.Struct):
    """What that call answered."""

    number: int
    ended: float
    outcomes: list[Outcome]


class Lost(msgspec.Struct):
    """The connection broke; `committing`: when `post` had answered already."""

    number: int
    committing: bool
    error: str


class Changed(msgspec.Struct):
    """A change of status: an account's sequence, and its status before and after.

    Logged by the process when it was acknowledged, and written by the database into
    the audit, in the transaction of the change: that says what became of lost ones.
    """

    name: str
    account: UUID
    before: str
    after: str
    sequence: int
    at: datetime


class Looked(msgspec.Struct):
    """A balance as of an instant, read while the account went from one sequence on."""

    account: UUID
    as_of: datetime
    earliest: int
    latest: int
    numbers: tuple[int, int, int, int]


class Call(msgspec.Struct):
    """A call with its answer (None: nobody learnt it) and what it lost on the way."""

    asked: Asked
    answered: Answered | None = None
    lost: list[Lost] = []
    times: int = 1
    """How often it was asked: again when its connection or its process was lost."""

    @property
    def accounts(self) -> set[UUID]:
        """The accounts that the call touches."""
        touched = {command.account for command in self.asked.commands}
        return touched | {c.to for c in self.asked.commands if isinstance(c, Transfer)}


class History(msgspec.Struct):
    """What one process saw, or all of them."""

    calls: list[Call] = []
    changes: list[Changed] = []
    looks: list[Looked] = []

    def of(self, accounts: set[UUID]) -> History:
        """Return what touches these accounts."""
        return History(
            [call for call in self.calls if accounts & call.accounts],
            [change for change in self.changes if change.account in accounts],
            [look for look in self.looks if look.account in accounts],
        )


def merge(histories: Iterable[History]) -> History:
    """Return what all processes saw as one."""
    whole = History()
    for each in histories:
        whole.calls += each.calls
        whole.changes += each.changes
        whole.looks += each.looks
    return whole


class Tally:
    """How often what happened, while processes go on logging it.

    By code and type of entry; `lost` connections and posts that were `asked again`.
    """

    def __init__(self, logs: Iterable[Path]) -> None:
        self.counts: Counter[str] = Counter()
        self._asked: set[tuple[Path, int]] = set()
        self._read = dict.fromkeys(logs, 0)
        """How far each log was read."""

    def missing(self, wanted: Iterable[str]) -> list[str]:
        """Return what has not happened yet."""
        for log, offset in self._read.items():
            for record, self._read[log] in _records_from(log, offset):
                self._count(log, record)
        return [what for what in wanted if not self.counts[what]]

    def _count(self, log: Path, record: object) -> None:
        if isinstance(record, Changed):
            self.counts[f"{record.before} to {record.after}"] += 1
        elif isinstance(record, Looked):
            self.counts["looks"] += 1
        elif isinstance(record, Lost):
            self.counts["lost"] += 1
        elif isinstance(record, Asked):
            self.counts["asked again"] += (log, record.number) in self._asked
            self._asked.add((log, record.number))
        elif isinstance(record, Answered):
            for outcome in record.outcomes:
                self.counts[outcome.code] += 1
                self.counts["replayed"] += outcome.replayed
                if outcome.entry is not None:
                    self.counts[outcome.entry.type] += 1


def read(log: Path) -> History:
    """Read what one process logged; a last record cut by a kill does not count."""
    calls: dict[int, Call] = {}
    history = History()
    for record in _records(log):
        if isinstance(record, Changed):
            history.changes.append(record)
        elif isinstance(record, Looked):
            history.looks.append(record)
        elif isinstance(record, Asked):
            known = calls.get(record.number)
            if known is None:
                calls[record.number] = Call(asked=record)
            else:
                # Asked again by the process that came after: the same commands.
                assert known.asked.commands == record.commands
                known.asked.now = record.now
                known.times += 1
        elif isinstance(record, Answered):
            calls[record.number].answered = record
        else:
            calls[record.number].lost.append(record)
    history.calls = list(calls.values())
    return history


def _records(log: Path) -> Iterator[Any]:
    return (record for record, _ in _records_from(log, 0))


def _records_from(log: Path, offset: int) -> Iterator[tuple[Any, int]]:
    """Yield each whole record from there on, and where it ends."""
    if not log.exists():
        return
    with log.open("rb") as file:
        file.seek(offset)
        while True:
            try:
                yield pickle.load(file), file.tell()
            except (EOFError, pickle.UnpicklingError):
                return


def check_real_time(account: UUID, calls: Iterable[Call]) -> None:
    """Check that what ended before another began was decided before it.

    Raises:
        AssertionError: it was decided after it.
    """
    spans: list[tuple[float, float, int, int]] = []
    for call in calls:
        seen = sorted(_decided_on(account, call))
        if seen and call.times == 1:
            assert call.answered is not None
            spans.append((call.asked.began, call.answered.ended, seen[0], seen[-1]))
    by_end = sorted(spans, key=lambda span: span[1])
    ended, highest = 0, 0
    for began, _, lowest, _ in sorted(spans):
        while ended < len(by_end) and by_end[ended][1] < began:
            highest = max(highest, by_end[ended][3])
            ended += 1
        assert lowest >= highest, (account, lowest, highest)


def _decided_on(account: UUID, call: Call) -> Iterator[int]:
    """Yield the sequences of an account after which a call was decided."""
    assert call.answered is not None
    for outcome in call.answered.outcomes:
        if outcome.replayed or outcome.code == NOT_APPLIED:
            continue
        if outcome.account == account:
            yield outcome.sequence
        elif outcome.entry is not None and outcome.entry.other_account == account:
            assert outcome.entry.other_sequence is not None
            yield outcome.entry.other_sequence
