"""One ledger command per call: how each is declared, posted and answered."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import Answer, Call, Operation
from punchcard.interfaces.api.idempotency import REPLAYED, require_key
from punchcard.interfaces.api.problems import refusal_problem
from punchcard.interfaces.api.references import Names
from punchcard.journeys.post_commands import post_commands
from punchcard.kernel.ids import new_id
from punchcard.ledger.outcomes import Outcome

from .allowances import allow_commands, places_of
from .bodies import AnyBody, EarnBody, RedeemBody
from .shapes import Balance, EntryAnswer, render_balance, render_entry
from .translating import Asked, scope_of, translate

OF_EVERY_COMMAND = (
    "idempotency_key_required",
    "account_not_found",
    "key_reused",
    "account_closed",
    "outcome_unknown",
)


class DryRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of every command."""

    dry_run: Annotated[
        bool,
        Meta(description="The same answer, with nothing written and no key used."),
    ] = False


class CommandAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and the account's four numbers right after it."""

    entry: EntryAnswer
    balance: Balance


def command(
    id: str,  # noqa: A002
    summary: str,
    body: type[Any],
    *refusals: str,
    description: str,
) -> Operation:
    """Return the declaration of an operation that posts one command."""
    return Operation(
        id=id,
        summary=summary,
        description=description,
        tag="ledger commands",
        scope=scope_of(body),
        body=body,
        query=DryRun,
        answers={201: CommandAnswer, 200: CommandAnswer},
        refusals=(*OF_EVERY_COMMAND, *refusals),
        key="required",
    )


def post_one(call: Call[Any, DryRun], **named: Any) -> Answer:
    """Post the command that the body is; `named` is what the path names.

    Raises:
        Problem: the command is refused.
    """
    dry_run, key = call.query.dry_run, call.key
    if key is not None or not _is_its_orders(call.body):
        key = key_of(key, dry_run=dry_run)
    asked = Asked(account=call.path["account"], body=call.body, key=key, named=named)
    allow_commands(call.caller, [asked])
    commands = translate(
        [asked],
        places_of(call.caller, [asked]),
        program=call.program.id,
        actor=call.caller.actor,
    )
    (outcome,) = post_commands(
        commands=commands, now=call.now, dry_run=dry_run, author=call.author
    )
    return _answer(outcome, dry_run=dry_run)


def key_of(key: str | None, *, dry_run: bool) -> str:
    """Return the key of a command that needs one.

    Raises:
        Problem: `idempotency_key_required`.
    """
    if key is None and dry_run:
        # Nothing is remembered of it, so any key that is nobody's will do.
        return f"dry-run:{new_id().hex}"
    return require_key(key)


def _is_its_orders(body: AnyBody) -> bool:
    """Return whether the order that the body names can stand for its key."""
    return (
        isinstance(body, EarnBody | RedeemBody)
        and body.reference is not None
        and body.reference.type == "order"
    )


def _answer(outcome: Outcome, *, dry_run: bool) -> Answer:
    entry = outcome.entry
    if not outcome.applied or entry is None:
        raise refusal_problem(outcome.code, outcome.details, replayed=outcome.replayed)
    return Answer(
        body=CommandAnswer(
            entry=render_entry(entry, Names()), balance=render_balance(entry)
        ),
        status=200 if dry_run else 201,
        headers=REPLAYED if outcome.replayed else {},
    )
