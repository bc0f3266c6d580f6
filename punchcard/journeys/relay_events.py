"""Put what happened into the event log, in order, once.

Note [Nothing is told before what it follows]: the ledger's outbox is read before the
announcements. A status that changed between two entries was committed between them;
so whoever sees the later entry waiting then finds the announcement too, and takes it
along. The other way round, an announcement says after which entry it came, and all
entries up to that one are told with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from punchcard.kernel import clock
from punchcard.kernel.events import (
    NewEvent,
    append_events,
    begin_appending,
    last_sequences,
)
from punchcard.kernel.ids import new_id
from punchcard.kernel.outbox import Announced, take_announced
from punchcard.kernel.transactions import refuse_transaction, transaction
from punchcard.ledger.events import (
    Happening,
    Waiting,
    find_waiting,
    mark_relayed,
    read_happenings,
)

from .retrying import again

POSTS = 1_000
ENTRIES = 5_000


class Relayed(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch did; nothing was taken: nothing waits, or another relay works."""

    taken: int
    """Rows of the two outboxes."""
    events: int


def relay_events(*, posts: int = POSTS, entries: int = ENTRIES) -> Relayed:
    """Append what has waited longest to the event log; seven statements.

    Any number of relays may run: one works at a time, and whoever comes next goes on
    where it stopped, however it stopped. Twice is once.

    Raises:
        TransactionError: a transaction is open already.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    refuse_transaction()

    def once() -> Relayed:
        with transaction():
            if not begin_appending():
                return Relayed(taken=0, events=0)
            return _relay(posts, entries)

    return again(once)


def _relay(posts: int, entries: int) -> Relayed:
    waiting = find_waiting(posts=posts, entries=entries)
    # See Note [Nothing is told before what it follows].
    touched = {row.account for row in waiting}
    announced = take_announced(limit=posts, accounts=touched)
    if not waiting and not announced:
        return Relayed(taken=0, events=0)
    upto = _last_of(waiting, announced)
    happened = read_happenings(after=last_sequences(accounts=upto), upto=upto)
    events = in_order(happened, announced)
    append_events(events=events)
    mark_relayed(waiting=waiting, now=clock.read())
    return Relayed(taken=len(waiting) + len(announced), events=len(events))


def _last_of(
    waiting: Iterable[Waiting], announced: Iterable[Announced]
) -> dict[UUID, int]:
    """Return up to which entry each account is told."""
    upto: defaultdict[UUID, int] = defaultdict(int)
    for row in waiting:
        upto[row.account] = max(upto[row.account], row.last_sequence)
    for said in announced:
        if said.account is not None:
            upto[said.account] = max(upto[said.account], said.after or 0)
    return dict(upto)


def in_order(
    happened: Sequence[Happening], announced: Sequence[Announced]
) -> list[NewEvent]:
    """Return the events of a batch: of each account in its order, else by their time.

    Clocks differ: of one account an event is no earlier than the one that it follows.
    """
    lines: defaultdict[UUID | None, list[tuple[int, int, NewEvent]]]
    lines = defaultdict(list)
    for entry in happened:
        lines[entry.account].append((entry.sequence, 0, _of_entry(entry)))
    for said in announced:
        # Of no account: in the order in which they were announced.
        lines[said.account].append((said.after or 0, said.n, _of_said(said)))
    timed: list[tuple[datetime, NewEvent]] = []
    for line in lines.values():
        line.sort(key=lambda item: item[:2])
        at = line[0][2].created_at
        for _, _, event in line:
            at = max(at, event.created_at)
            timed.append((at, event))
    timed.sort(key=lambda item: item[0])
    return [event for _, event in timed]


def _of_entry(entry: Happening) -> NewEvent:
    return NewEvent(
        id=new_id(),
        program=entry.program,
        type=entry.type,
        account=entry.account,
        sequence=entry.sequence,
        member=entry.member,
        data=entry.data,
        request_id=entry.request_id,
        created_at=entry.recorded_at,
    )


def _of_said(said: Announced) -> NewEvent:
    after = {} if said.after is None else {"after": said.after}
    return NewEvent(
        id=said.id,
        program=said.program,
        type=said.type,
        account=said.account,
        member=said.member,
        data=said.data | after,
        request_id=said.request_id,
        created_at=said.created_at,
    )
