"""One ledger command per call: earn, redeem, refund, reverse."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    Operation,
    operation,
)
from punchcard.interfaces.api.idempotency import REPLAYED, require_key
from punchcard.interfaces.api.problems import FieldError, Problem, refusal_problem
from punchcard.interfaces.api.references import (
    Names,
    resolve_accounts,
    resolve_members,
)
from punchcard.journeys.post_commands import post_commands
from punchcard.kernel.ids import new_id
from punchcard.ledger.outcomes import Outcome

from .bodies import (
    AnyBody,
    EarnBody,
    RedeemBody,
    RefundBody,
    ReverseBody,
    to_command,
)
from .shapes import Balance, EntryAnswer, render_balance, render_entry

_OF_ALL = (
    "idempotency_key_required",
    "account_not_found",
    "key_reused",
    "account_closed",
    "limit_exceeded",
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


def _operation(
    id: str,  # noqa: A002
    summary: str,
    body: type[Any],
    *refusals: str,
    description: str,
) -> Operation:
    return Operation(
        id=id,
        summary=summary,
        description=description,
        tag="ledger commands",
        scope="ledger:write",
        body=body,
        query=DryRun,
        answers={201: CommandAnswer, 200: CommandAnswer},
        refusals=(*_OF_ALL, *refusals),
        key="required",
    )


class EarnPoints(Endpoint):
    """`POST /v1/accounts/{account}/earn`."""

    @operation(
        _operation(
            "earn",
            "Credit points",
            EarnBody,
            description=(
                "Points become available at once, after a pending period, or when an "
                "event comes; what they repay of a debt is available no more."
            ),
        )
    )
    def post(self, call: Call[EarnBody, DryRun]) -> Answer:
        """Credit points."""
        return _post(call)


class RedeemPoints(Endpoint):
    """`POST /v1/accounts/{account}/redeem`."""

    @operation(
        _operation(
            "redeem",
            "Spend points",
            RedeemBody,
            "account_frozen",
            "insufficient_points",
            description="The points that expire soonest are spent first.",
        )
    )
    def post(self, call: Call[RedeemBody, DryRun]) -> Answer:
        """Spend points."""
        return _post(call)


class RefundEntry(Endpoint):
    """`POST /v1/accounts/{account}/entries/{sequence}/refund`."""

    @operation(
        _operation(
            "refund",
            "Give back a spend",
            RefundBody,
            "entry_not_found",
            "entry_not_reversible",
            "exceeds_original",
            description=(
                "Points go back to the lots they were taken from; those that lapsed "
                "meanwhile live on for the wallet's grace."
            ),
        )
    )
    def post(self, call: Call[RefundBody, DryRun]) -> Answer:
        """Give back a spend."""
        return _post(call)


class ReverseEntry(Endpoint):
    """`POST /v1/accounts/{account}/entries/{sequence}/reverse`."""

    @operation(
        _operation(
            "reverse",
            "Take back an earn",
            ReverseBody,
            "entry_not_found",
            "entry_not_reversible",
            "exceeds_original",
            "insufficient_points",
            description=(
                "Of points that are spent already, the policy decides: `debt` goes "
                "below zero, `cap` writes them off, `refuse` refuses."
            ),
        )
    )
    def post(self, call: Call[ReverseBody, DryRun]) -> Answer:
        """Take back an earn."""
        return _post(call)


def _post(call: Call[Any, DryRun]) -> Answer:
    body: AnyBody = call.body
    dry_run = call.query.dry_run
    text = call.path["account"]
    command = to_command(
        body,
        # Who is not ours is passed on as nobody, so that the ledger's order of
        # precedence holds: malformed before account_not_found.
        account=resolve_accounts(program=call.program.id, texts=[text])[text],
        key=_key(call.key, body, dry_run=dry_run),
        actor=call.caller.actor,
        entry=call.path.get("sequence", 0),
        members=_referred(call, body),
    )
    (outcome,) = post_commands(commands=[command], now=call.now, dry_run=dry_run)
    return _answer(outcome, dry_run=dry_run)


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


def _key(key: str | None, body: AnyBody, *, dry_run: bool) -> str | None:
    if key is not None:
        return key
    if dry_run:
        # Nothing is remembered of it, so any key that is nobody's will do.
        return f"dry-run:{new_id().hex}"
    by_order = isinstance(body, EarnBody | RedeemBody)
    if by_order and body.reference is not None and body.reference.type == "order":
        return None
    return require_key(key)


def _referred(call: Call[Any, DryRun], body: AnyBody) -> dict[str, Any]:
    text = body.referred_member if isinstance(body, EarnBody) else None
    if text is None:
        return {}
    members = resolve_members(program=call.program.id, texts=[text])
    if text not in members:
        raise unknown_referred_member("/referred_member")
    return members


def unknown_referred_member(pointer: str) -> Problem:
    """Return the problem for a referred member that the program does not have."""
    detail = "There is no such member."
    wrong = FieldError(code="member_not_found", detail=detail, pointer=pointer)
    return Problem("malformed", detail, errors=[wrong])
