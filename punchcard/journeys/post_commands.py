"""Post commands to the ledger: the transaction, its retries, and its poison.

Note [A lost COMMIT is asked again]: when the connection breaks at COMMIT nobody can
say whether it happened. Every command has a key, so posting again on a new connection
waits for the account's lock, and answers what happened, or makes it happen, once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from punchcard.kernel.transactions import refuse_transaction, transaction
from punchcard.ledger.commands import Command
from punchcard.ledger.operations import post
from punchcard.ledger.outcomes import Outcome

TRIES = 3
FIRST_PAUSE_SECONDS = 0.05
UNEXPECTED = "unexpected"
"""Code of a command that the database refuses for no reason we know."""

# The ledger speaks psycopg, the transaction around it Django: either may break.
_LOST = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
_REFUSED = (DatabaseError, psycopg.DatabaseError)

logger = logging.getLogger(__name__)


class OutcomeUnknown(Exception):
    """The connection was lost at COMMIT, again and again: ask with the same keys."""

    code = "outcome_unknown"


def post_commands(
    *,
    commands: Sequence[Command],
    now: datetime,
    atomic: bool = False,
    dry_run: bool = False,
) -> list[Outcome]:
    """Post commands in one transaction and return their outcomes, in order.

    A command that the database refuses unexpectedly fails alone, as `unexpected`; of
    an atomic batch nothing is then applied, and the error is raised.

    Raises:
        OutcomeUnknown: the connection was lost at COMMIT, or between the halves of a
            batch, and did not come back.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            nothing was applied.
    """
    refuse_transaction()
    try:
        return _post_surely(commands, now, atomic=atomic, dry_run=dry_run)
    except _LOST:
        raise
    except _REFUSED:
        if atomic:
            raise
        logger.exception("a batch of %d commands was refused", len(commands))
    if len(commands) == 1:
        return [Outcome(account=commands[0].account, code=UNEXPECTED)]
    half = len(commands) // 2
    outcomes = post_commands(commands=commands[:half], now=now, dry_run=dry_run)
    try:
        rest = post_commands(commands=commands[half:], now=now, dry_run=dry_run)
    except _LOST as error:
        # The first half stands; only its keys can tell.
        raise OutcomeUnknown from error
    return outcomes + rest


def _post_surely(
    commands: Sequence[Command], now: datetime, *, atomic: bool, dry_run: bool
) -> list[Outcome]:
    """Post until an answer is sure. See Note [A lost COMMIT is asked again]."""
    committing = False
    for attempt in range(TRIES):
        try:
            with transaction():
                outcomes = post(
                    commands=commands, now=now, atomic=atomic, dry_run=dry_run
                )
                committing = not dry_run
        except _LOST as error:
            # A deadlock's victim comes here too, and its connection is still good.
            if connection.connection is not None and not connection.is_usable():
                connection.close()
            if attempt < TRIES - 1:
                time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
            elif committing:
                raise OutcomeUnknown from error
            else:
                raise
        else:
            return outcomes
    raise AssertionError("unreachable")
