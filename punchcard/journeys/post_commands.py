"""Post commands to the ledger: the transaction, its retries, and its poison."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import perf_counter

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import refuse_transaction
from punchcard.ledger.commands import Command
from punchcard.ledger.operations import post
from punchcard.ledger.outcomes import Entry, Outcome

from .counting import count_posted
from .retrying import LOST, TRIES, UNEXPECTED, OutcomeUnknown, in_halves, surely

__all__ = ["TRIES", "UNEXPECTED", "OutcomeUnknown", "post_commands"]

_ACTIONS = {
    "earn": "points.earned",
    "redeem": "points.redeemed",
    "reserve": "points.reserved",
    "capture": "hold.captured",
    "void": "hold.voided",
    "refund": "points.refunded",
    "reverse": "points.reversed",
    "adjust": "points.adjusted",
    "transfer_out": "points.transferred",
    "activate": "lot.activated",
    "cancel": "lot.cancelled",
}
"""Type of an entry -> what the audit calls it."""


def post_commands(
    *,
    commands: Sequence[Command],
    now: datetime,
    atomic: bool = False,
    dry_run: bool = False,
    author: Author | None = None,
) -> list[Outcome]:
    """Post commands in one transaction and return their outcomes, in order.

    A command that the database refuses unexpectedly fails alone, as `unexpected`; of
    an atomic batch nothing is then applied, and the error is raised. What a person
    does is written into the audit with it.

    Raises:
        OutcomeUnknown: the connection was lost at COMMIT, or between the halves of a
            batch, and did not come back.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            nothing was applied.
    """
    refuse_transaction()

    def post_part(part: Sequence[Command]) -> list[Outcome]:
        def once() -> list[Outcome]:
            outcomes = post(commands=part, now=now, atomic=atomic, dry_run=dry_run)
            if author is not None and author.is_person and not dry_run:
                record_changes(author=author, changes=_changes(outcomes), now=now)
            return outcomes

        began = perf_counter()
        outcomes = surely(once, writes=not dry_run)
        if not dry_run:
            count_posted(commands=part, outcomes=outcomes, began=began)
        return outcomes

    if atomic:
        return post_part(commands)
    outcomes: list[Outcome] = []
    try:
        for part in in_halves(commands, post_part, _unexpected):
            outcomes += part
    except LOST as error:
        if outcomes:
            # What was posted of it stands; only its keys can tell.
            raise OutcomeUnknown from error
        raise
    return outcomes


def _unexpected(command: Command) -> list[Outcome]:
    return [Outcome(account=command.account, code=UNEXPECTED)]


def _changes(outcomes: Sequence[Outcome]) -> list[Change]:
    """Return one row for each command that took effect now."""
    return [
        change_of(outcome.entry)
        for outcome in outcomes
        if outcome.applied and not outcome.replayed and outcome.entry is not None
    ]


def change_of(entry: Entry) -> Change:
    """Return what the audit says of an entry that a person asked for."""
    fields: dict[str, object] = {"entry": entry.sequence, "points": entry.amount}
    if entry.other_account is not None:
        fields["to"] = typed("acc", entry.other_account)
    return Change(
        action=_ACTIONS[entry.type],
        target=typed("acc", entry.account),
        fields=fields,
    )
