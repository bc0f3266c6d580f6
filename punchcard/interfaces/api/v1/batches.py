"""Many ledger commands in one call, each with its own key and its own outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    Operation,
    operation,
)
from punchcard.interfaces.api.permissions import ANY_COMMAND
from punchcard.interfaces.api.problems import TABLE, refusal_detail
from punchcard.interfaces.api.references import Names
from punchcard.journeys.post_commands import post_commands
from punchcard.ledger.outcomes import APPLIED, Outcome

from .allowances import allow_commands, places_of
from .bodies import (
    AccountText,
    ActivateBody,
    AdjustBody,
    CancelBody,
    CaptureBody,
    EarnBody,
    EntrySequence,
    HoldSequence,
    Key,
    LotText,
    RedeemBody,
    RefundBody,
    ReserveBody,
    ReverseBody,
    TransferBody,
    VoidBody,
)
from .posting import DryRun
from .shapes import Balance, EntryAnswer, render_balance, render_entry
from .translating import Asked, translate

COMMANDS_MAX = 10_000


class EarnCommand(EarnBody, frozen=True, kw_only=True, tag="earn"):
    """An earn in a batch."""

    account: AccountText
    key: Key | None = None


class RedeemCommand(RedeemBody, frozen=True, kw_only=True, tag="redeem"):
    """A redeem in a batch."""

    account: AccountText
    key: Key | None = None


class ReserveCommand(ReserveBody, frozen=True, kw_only=True, tag="reserve"):
    """A reserve in a batch."""

    account: AccountText
    key: Key | None = None


class CaptureCommand(CaptureBody, frozen=True, kw_only=True, tag="capture"):
    """A capture in a batch."""

    account: AccountText
    hold: HoldSequence
    key: Key | None = None


class VoidCommand(VoidBody, frozen=True, kw_only=True, tag="void"):
    """A void in a batch."""

    account: AccountText
    hold: HoldSequence
    key: Key | None = None


class RefundCommand(RefundBody, frozen=True, kw_only=True, tag="refund"):
    """A refund in a batch."""

    account: AccountText
    entry: EntrySequence
    key: Key | None = None


class ReverseCommand(ReverseBody, frozen=True, kw_only=True, tag="reverse"):
    """A reverse in a batch."""

    account: AccountText
    entry: EntrySequence
    key: Key | None = None


class AdjustCommand(AdjustBody, frozen=True, kw_only=True, tag="adjust"):
    """An adjust in a batch."""

    account: AccountText
    key: Key | None = None


class TransferCommand(TransferBody, frozen=True, kw_only=True, tag="transfer"):
    """A transfer in a batch."""

    account: AccountText
    key: Key | None = None


class ActivateCommand(ActivateBody, frozen=True, kw_only=True, tag="activate"):
    """An activate in a batch."""

    account: AccountText
    lot: LotText
    key: Key | None = None


class CancelCommand(CancelBody, frozen=True, kw_only=True, tag="cancel"):
    """A cancel in a batch."""

    account: AccountText
    lot: LotText
    key: Key | None = None


AnyCommand: TypeAlias = (
    EarnCommand
    | RedeemCommand
    | ReserveCommand
    | CaptureCommand
    | VoidCommand
    | RefundCommand
    | ReverseCommand
    | AdjustCommand
    | TransferCommand
    | ActivateCommand
    | CancelCommand
)


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Commands, decided one after the other in this order."""

    commands: Annotated[list[AnyCommand], Meta(min_length=1, max_length=COMMANDS_MAX)]
    atomic: Annotated[
        bool, Meta(description="All or nothing: at the first refusal nothing is done.")
    ] = False


class OutcomeAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one command."""

    account: Annotated[str, Meta(description="As you wrote it.")]
    code: Annotated[
        str,
        Meta(description="`applied`, a refusal's code, or `not_applied` (atomic)."),
    ]
    status: Annotated[
        int, Meta(description="The HTTP status that the single call would have had.")
    ]
    replayed: bool
    key: str | None = None
    entry: EntryAnswer | None = None
    balance: Balance | None = None
    detail: str | None = None
    details: dict[str, Any] = {}


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome per command, in the order sent."""

    data: list[OutcomeAnswer]
    applied: int
    refused: int


class PostBatch(Endpoint):
    """`POST /v1/entries:batch`."""

    @operation(
        Operation(
            id="postEntries",
            summary="Post up to 10,000 commands",
            description=(
                "Answers 200 whatever became of the commands: look at each outcome. "
                "A batch that was cut off can be sent again as it was: what happened "
                "already answers `replayed`. A type error refuses the whole batch, "
                "and so does a command that is not the caller's to give: each needs "
                "the scope that the single call needs."
            ),
            tag="ledger commands",
            scope=ANY_COMMAND,
            body=Batch,
            query=DryRun,
            answers={200: BatchAnswer},
            refusals=("outcome_unknown",),
        )
    )
    def post(self, call: Call[Batch, DryRun]) -> Answer:
        """Post a batch."""
        asked = [
            Asked(
                account=said.account,
                body=said,
                key=said.key,
                pointer=f"/commands/{position}",
            )
            for position, said in enumerate(call.body.commands)
        ]
        allow_commands(call.caller, asked)
        outcomes = post_commands(
            commands=translate(
                asked,
                places_of(call.caller, asked),
                program=call.program.id,
                actor=call.caller.actor,
            ),
            now=call.now,
            atomic=call.body.atomic,
            dry_run=call.query.dry_run,
            author=call.author,
        )
        done = 200 if call.query.dry_run else 201
        return Answer(body=_answer(asked, outcomes, done))


def _answer(
    asked: Sequence[Asked], outcomes: Sequence[Outcome], done: int
) -> BatchAnswer:
    names = Names()
    applied = sum(outcome.code == APPLIED for outcome in outcomes)
    data = [
        _outcome(command, outcome, names, done)
        for command, outcome in zip(asked, outcomes, strict=True)
    ]
    return BatchAnswer(data=data, applied=applied, refused=len(outcomes) - applied)


def _outcome(said: Asked, outcome: Outcome, names: Names, done: int) -> OutcomeAnswer:
    entry = outcome.entry
    if entry is not None and outcome.code == APPLIED:
        return OutcomeAnswer(
            account=said.account,
            code=APPLIED,
            status=done,
            key=entry.key,
            replayed=outcome.replayed,
            entry=render_entry(entry, names),
            balance=render_balance(entry),
        )
    return OutcomeAnswer(
        account=said.account,
        code=outcome.code,
        status=TABLE[outcome.code].status,
        key=said.key,
        replayed=outcome.replayed,
        detail=refusal_detail(outcome.code, outcome.details),
        details=outcome.details,
    )
