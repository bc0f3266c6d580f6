"""From what a caller says to the ledger's commands: names looked up, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from punchcard.access.queries import Scope
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.interfaces.api.references import (
    NOBODY,
    resolve_accounts,
    resolve_members,
)
from punchcard.ledger import commands as ledger
from punchcard.ledger.commands import Command, LotName

from . import bodies
from .bodies import AnyBody, EarnBody, TransferBody

_SOMEBODY_ELSE = UUID(int=1)
"""As absent as `NOBODY`: of two accounts that are not there, neither is the other."""

_TRANSLATED = frozenset({"account", "key", "metadata", "to", "lot", "referred_member"})
_KINDS: Mapping[type[Any], tuple[type[Any], Scope]] = {
    bodies.EarnBody: (ledger.Earn, "ledger:earn"),
    bodies.RedeemBody: (ledger.Redeem, "ledger:spend"),
    bodies.ReserveBody: (ledger.Reserve, "ledger:spend"),
    bodies.CaptureBody: (ledger.Capture, "ledger:spend"),
    bodies.VoidBody: (ledger.Void, "ledger:spend"),
    bodies.RefundBody: (ledger.Refund, "ledger:correct"),
    bodies.ReverseBody: (ledger.Reverse, "ledger:correct"),
    bodies.ActivateBody: (ledger.Activate, "ledger:correct"),
    bodies.CancelBody: (ledger.Cancel, "ledger:correct"),
    bodies.AdjustBody: (ledger.Adjust, "ledger:adjust"),
    bodies.TransferBody: (ledger.Transfer, "ledger:transfer"),
}
"""Body -> the command that it becomes, and the scope that it needs."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One command as a caller asks for it."""

    account: str
    body: AnyBody
    key: str | None
    pointer: str = ""
    """Where it stands in the request's body."""
    named: Mapping[str, Any] = field(default_factory=dict)
    """What the path names: `entry`, `hold` or `lot`."""


@lru_cache(maxsize=64)
def _plan(body: type[Any]) -> tuple[type[Any], Scope, tuple[str, ...]]:
    """Return the command and scope of a body, and the fields that both have."""
    kind, scope = next(_KINDS[base] for base in body.__mro__ if base in _KINDS)
    both = set(body.__struct_fields__) & set(kind.__struct_fields__)
    return kind, scope, tuple(sorted(both - _TRANSLATED))


def scope_of(body: type[AnyBody]) -> Scope:
    """Return the scope that a command needs."""
    return _plan(body)[1]


def lot_name(text: str) -> LotName:
    """Return the lot that `17.1` names, or `17`, which is its first."""
    sequence, _, n = text.partition(".")
    return int(sequence), int(n or 1)


def in_utc(instant: datetime) -> datetime:
    """Return the instant as we answer it, now and in every replay."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        # Before the year 1 or after 9999: the ledger will say so.
        return instant


def _plain(value: Any) -> Any:
    return in_utc(value) if isinstance(value, datetime) else value


def translate(
    asked: Sequence[Asked],
    places: Sequence[str | None],
    *,
    program: UUID,
    actor: str,
) -> list[Command]:
    """Return the ledger's commands; a constant number of look-ups.

    An account that is not the program's is passed on as nobody's, so that the ledger's
    order of precedence holds: malformed before account_not_found.

    Raises:
        Problem: `malformed`; a referred member is not the program's.
    """
    texts = {command.account for command in asked}
    texts |= {c.body.to for c in asked if isinstance(c.body, TransferBody)}
    accounts = resolve_accounts(program=program, texts=texts)
    members = _referred(program, asked)
    return [
        _command(command, place, actor, accounts, members)
        for command, place in zip(asked, places, strict=True)
    ]


def _command(
    asked: Asked,
    place: str | None,
    actor: str,
    accounts: Mapping[str, UUID],
    members: Mapping[str, UUID],
) -> Command:
    body = asked.body
    kind, _, same = _plan(type(body))
    said: dict[str, Any] = {name: _plain(getattr(body, name)) for name in same}
    if body.reference is not None:
        said["reference_type"] = body.reference.type
        said["reference_id"] = body.reference.id
    lot = getattr(body, "lot", None)
    if lot is not None:
        said["lot"] = lot_name(lot)
    if isinstance(body, EarnBody) and body.referred_member is not None:
        said["referred_member"] = members[body.referred_member]
    if isinstance(body, TransferBody):
        to = accounts[body.to]
        said["to"] = _SOMEBODY_ELSE if to == NOBODY else to
    metadata = body.metadata
    if place is not None:
        metadata = {**(metadata or {}), "place": place}
    command: Command = kind(
        account=accounts[asked.account],
        key=asked.key,
        actor=actor,
        metadata=metadata,
        **said,
        **asked.named,
    )
    return command


def _referred(program: UUID, asked: Sequence[Asked]) -> dict[str, UUID]:
    said = {
        command.pointer: command.body.referred_member
        for command in asked
        if isinstance(command.body, EarnBody)
        and command.body.referred_member is not None
    }
    if not said:
        return {}
    members = resolve_members(program=program, texts=set(said.values()))
    for pointer, text in said.items():
        if text not in members:
            detail = "There is no such member."
            wrong = FieldError(
                code="member_not_found",
                detail=detail,
                pointer=f"{pointer}/referred_member",
            )
            raise Problem("malformed", detail, errors=[wrong])
    return members
