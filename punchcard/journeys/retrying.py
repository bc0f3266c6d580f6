"""What a journey does when the database breaks: again, or in halves.

Note [A lost COMMIT is asked again]: when the connection breaks at COMMIT nobody can
say whether it happened. Every command has a key, so posting again on a new connection
waits for the account's lock, and answers what happened, or makes it happen, once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from punchcard.kernel.transactions import refuse_transaction, snapshot, transaction

Item = TypeVar("Item")
Result = TypeVar("Result")

TRIES = 3
FIRST_PAUSE_SECONDS = 0.05
UNEXPECTED = "unexpected"
"""Code of what the database refuses for no reason we know."""

# The ledger speaks psycopg, the transaction around it Django: either may break.
LOST = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
REFUSED = (DatabaseError, psycopg.DatabaseError)

logger = logging.getLogger(__name__)


class OutcomeUnknown(Exception):
    """The connection was lost at COMMIT, again and again: ask with the same keys."""

    code = "outcome_unknown"


def again(work: Callable[[], Result]) -> Result:
    """Return what `work` returns; where the database is lost, ask again a few times.

    Raises:
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    for attempt in range(TRIES):
        try:
            return work()
        except LOST:
            # A deadlock's victim comes here too, and its connection is still good.
            if connection.connection is not None and not connection.is_usable():
                connection.close()
            if attempt == TRIES - 1:
                raise
            time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
    raise AssertionError("unreachable")


def surely(work: Callable[[], Result], *, writes: bool = True) -> Result:
    """Do `work` in the one transaction until its answer is sure; twice must be once.

    See Note [A lost COMMIT is asked again].

    Raises:
        OutcomeUnknown: the connection was lost at COMMIT and did not come back.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            nothing was written.
    """
    committing = False

    def once() -> Result:
        nonlocal committing
        # What only looks, looks at one moment.
        with transaction() if writes else snapshot():
            answer = work()
            committing = writes
        return answer

    try:
        return again(once)
    except LOST as error:
        if committing:
            raise OutcomeUnknown from error
        raise


def in_one_transaction(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Result],
    alone: Callable[[Item], Result],
    *,
    join: Callable[[Sequence[Result]], Result],
    along: Callable[[Result], object] | None = None,
) -> Result:
    """Return what `work` answers of all items: in one transaction, if that will do.

    Where the database refuses them unexpectedly it is done in halves (`in_halves`),
    and `join` makes one answer of theirs. `along` is called with the answer in the
    transaction that has it, or after the halves in one of its own; once more, where
    the COMMIT was lost.

    Raises:
        TransactionError: a transaction is open.
        OperationalError: (Django's or psycopg's) the database cannot be reached; do
            the same again to know, and to have it once.
    """
    refuse_transaction()

    def work_on(some: Sequence[Item]) -> tuple[bool, Result]:
        is_whole = len(some) == len(items)

        def once() -> Result:
            with transaction():
                answer = work(some) if some else join([])
                if is_whole and along is not None:
                    along(answer)
                return answer

        return is_whole, again(once)

    parts = list(in_halves(items, work_on, lambda item: (False, alone(item))))
    answer = join([part for _, part in parts])
    if along is not None and not parts[0][0]:
        surely(lambda: along(answer))
    return answer


def in_halves(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Result],
    alone: Callable[[Item], Result],
) -> Iterator[Result]:
    """Yield what `work` answers of all items, or of their parts, in order.

    What the database refuses unexpectedly is tried in halves, down to the one item
    that it does not like: that is answered by `alone`.

    Raises:
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            what was yielded before stands.
    """
    try:
        answer = work(items)
    except LOST:
        raise
    except REFUSED:
        logger.exception("a batch of %d was refused", len(items))
    else:
        yield answer
        return
    if len(items) == 1:
        yield alone(items[0])
        return
    half = len(items) // 2
    for part in (items[:half], items[half:]):
        yield from in_halves(part, work, alone)
