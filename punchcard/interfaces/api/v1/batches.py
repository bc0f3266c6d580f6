"""Many ledger commands in one call, each with its own key and its own outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    Operation,
    operation,
)
from punchcard.interfaces.api.problems import TABLE, refusal_detail
from punchcard.interfaces.api.references import (
    Names,
    resolve_accounts,
    resolve_members,
)
from punchcard.journeys.post_commands import post_commands
from punchcard.ledger.commands import Command
from punchcard.ledger.outcomes import APPLIED, Outcome

from .bodies import (
    AnyCommand,
    EarnCommand,
    RefundCommand,
    ReverseCommand,
    to_command,
)
from .commands import DryRun, unknown_referred_member
from .shapes import Balance, EntryAnswer, render_balance, render_entry

COMMANDS_MAX = 10_000


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
                "already answers `replayed`. A type error refuses the whole batch."
            ),
            tag="ledger commands",
            scope="ledger:write",
            body=Batch,
            query=DryRun,
            answers={200: BatchAnswer},
            refusals=("outcome_unknown",),
        )
    )
    def post(self, call: Call[Batch, DryRun]) -> Answer:
        """Post a batch."""
        said = call.body.commands
        outcomes = post_commands(
            commands=_commands(call, said),
            now=call.now,
            atomic=call.body.atomic,
            dry_run=call.query.dry_run,
        )
        names = Names()
        done = 200 if call.query.dry_run else 201
        data = [
            _outcome(command, outcome, names, done)
            for command, outcome in zip(said, outcomes, strict=True)
        ]
        applied = sum(outcome.code == APPLIED for outcome in outcomes)
        return Answer(
            body=BatchAnswer(
                data=data, applied=applied, refused=len(outcomes) - applied
            )
        )


def _commands(call: Call[Batch, DryRun], said: Sequence[AnyCommand]) -> list[Command]:
    program = call.program.id
    accounts = resolve_accounts(
        program=program, texts={command.account for command in said}
    )
    members = _referred(program, said)
    actor = call.caller.actor
    return [
        to_command(
            command,
            account=accounts[command.account],
            key=command.key,
            actor=actor,
            entry=command.entry
            if isinstance(command, RefundCommand | ReverseCommand)
            else 0,
            members=members,
        )
        for command in said
    ]


def _referred(program: UUID, said: Sequence[AnyCommand]) -> dict[str, UUID]:
    asked = {
        position: command.referred_member
        for position, command in enumerate(said)
        if isinstance(command, EarnCommand) and command.referred_member is not None
    }
    if not asked:
        return {}
    members = resolve_members(program=program, texts=set(asked.values()))
    for position, text in asked.items():
        if text not in members:
            raise unknown_referred_member(f"/commands/{position}/referred_member")
    return members


def _outcome(
    said: AnyCommand, outcome: Outcome, names: Names, done: int
) -> OutcomeAnswer:
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
