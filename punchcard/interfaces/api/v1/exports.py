"""Everything that is known of a member, as one document."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    operation,
)
from punchcard.interfaces.api.references import Names, resolve_member
from punchcard.journeys.export_member import SignIn, export_member
from punchcard.kernel.ids import typed
from punchcard.orders.queries import ActivityView, OrderView

from .accounts import AccountAnswer, render_account
from .audit import AuditAnswer, render_audit_row
from .holds import HoldAnswer, render_hold
from .order_shapes import (
    ActivityAnswer,
    Codes,
    OrderAnswer,
    ReturnAnswer,
    codes_of,
    render_activity,
    render_order,
    render_return,
)
from .people import MemberAnswer, render_member
from .shapes import EntryAnswer, JsonObject, LotAnswer, render_entry, render_lot

_IN_MEMORY_BYTES = 4 * 1024 * 1024
_encode = msgspec.json.Encoder().encode


class DecisionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A decision of the person, the last one or an earlier one."""

    purpose: Annotated[str, Meta(examples=["newsletter"])]
    granted: Annotated[bool, Meta(examples=[True])]
    source: Annotated[str, Meta(examples=["sign-up form"])]
    at: datetime


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that is remembered."""

    signed_in_at: datetime
    refreshed_at: datetime | None
    expires_at: datetime
    ended_at: Annotated[datetime | None, Meta(description="Before it expired.")]


class SignInAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who can sign in as the member, or could."""

    user: Annotated[str, Meta(examples=["usr_01h455vb4pex5vsknk084sn02q"])]
    membership: Annotated[str, Meta(examples=["mbr_01h455vb4pex5vsknk084sn02q"])]
    email: Annotated[str, Meta(examples=["anna@example.org"])]
    email_verified_at: datetime | None
    name: Annotated[str, Meta(examples=["Anna"])]
    called: Annotated[
        str, Meta(description="What the program calls them.", examples=["Anna"])
    ]
    language: Annotated[str, Meta(examples=["fr"])]
    created_at: datetime
    accepted_at: datetime | None
    disabled_at: datetime | None
    removed_at: datetime | None
    last_signed_in_at: Annotated[
        datetime | None, Meta(description="With the password, to whatever program.")
    ]
    sessions: list[SessionAnswer]


class ExportedLot(LotAnswer, frozen=True, kw_only=True):
    """A lot, with its account."""

    account: Annotated[str, Meta(examples=["acc_01h455vb4pex5vsknk084sn02q"])]


class ExportedAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry took from a lot, or gave back to it."""

    account: Annotated[str, Meta(examples=["acc_01h455vb4pex5vsknk084sn02q"])]
    sequence: Annotated[int, Meta(examples=[2])]
    lot: Annotated[str, Meta(examples=["1.1"])]
    points: Annotated[int, Meta(examples=[-50])]


class ExportedRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """A command that was refused, and is remembered by its key."""

    account: Annotated[str, Meta(examples=["acc_01h455vb4pex5vsknk084sn02q"])]
    key: Annotated[str, Meta(examples=["order-1018-redeem"])]
    code: Annotated[str, Meta(examples=["insufficient_points"])]
    details: JsonObject
    sequence: Annotated[int, Meta(description="How many entries there were.")]
    decided_at: datetime


class MemberExport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a member, as of one moment."""

    exported_at: datetime
    member: MemberAnswer
    decisions: Annotated[
        list[DecisionAnswer], Meta(description="Every consent, given or taken back.")
    ]
    sign_ins: list[SignInAnswer]
    accounts: list[AccountAnswer]
    entries: list[EntryAnswer]
    lots: list[ExportedLot]
    holds: list[HoldAnswer]
    allocations: list[ExportedAllocation]
    refusals: list[ExportedRefusal]
    orders: list[OrderAnswer]
    returns: list[ReturnAnswer]
    activities: list[ActivityAnswer]
    audit: Annotated[
        list[AuditAnswer],
        Meta(description="What was done to the member, and what they did."),
    ]


class ExportOfMember(Endpoint):
    """`/v1/members/{member}/export`."""

    @operation(
        Operation(
            id="exportMember",
            summary="Export a member",
            description=(
                "Everything that is known of a member, as of one moment, in one "
                "document. That it was asked for is recorded in the audit."
            ),
            tag="members",
            scope="members:export",
            answers={200: MemberExport},
            refusals=("member_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Export a member."""
        program = call.program.id
        member = resolve_member(program=program, text=call.path["member"])
        # Written before it is sent: who reads slowly holds no snapshot open.
        file: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        rows = export_member(
            program=program, member=member.id, author=call.author, now=call.now
        )
        _write(file, rows, call.now)
        file.seek(0)
        name = f'attachment; filename="{typed("mem", member.id)}.json"'
        return Answer(file=file, headers={"Content-Disposition": name})


class _Names(Names):
    """And codes of places: each is looked up once."""

    def __init__(self) -> None:
        super().__init__()
        self._codes: dict[UUID, str] = {}

    def codes(self, row: OrderView | ActivityView) -> Codes:
        if row.place is not None and row.place not in self._codes:
            self._codes |= codes_of(program=row.program, places=[row.place])
        return self._codes


def _write(file: IO[bytes], rows: Iterable[tuple[str, Any]], now: datetime) -> None:
    """Write a `MemberExport`, row by row, as they come section by section."""
    names = _Names()
    waiting = list(MemberExport.__struct_fields__[2:])
    file.write(b'{"exported_at":' + _encode(now))
    is_first = True
    for section, row in rows:
        if section == "member":
            file.write(b',"member":' + _encode(render_member(row)))
            decisions = [_encode(consent) for consent in row.person.consents]
            file.write(b',"decisions":[' + b",".join(decisions))
            waiting.remove("decisions")
            continue
        while section in waiting:
            file.write(f'],"{waiting.pop(0)}":['.encode())
            is_first = True
        file.write((b"" if is_first else b",") + _encode(_RENDER[section](row, names)))
        is_first = False
    file.writelines(f'],"{section}":['.encode() for section in waiting)
    file.write(b"]}")


def _render_sign_in(row: SignIn, _names: _Names) -> SignInAnswer:
    membership, user = row.membership, row.user
    return SignInAnswer(
        user=typed("usr", user.id),
        membership=typed("mbr", membership.id),
        email=user.email,
        email_verified_at=user.email_verified_at,
        name=user.name,
        called=membership.name,
        language=user.language,
        created_at=membership.created_at,
        accepted_at=membership.accepted_at,
        disabled_at=membership.disabled_at,
        removed_at=membership.removed_at,
        last_signed_in_at=user.last_login,
        sessions=[
            SessionAnswer(
                signed_in_at=session.created_at,
                refreshed_at=session.refreshed_at,
                expires_at=session.expires_at,
                ended_at=session.revoked_at,
            )
            for session in row.sessions
        ],
    )


def _render_lot(row: Any, names: _Names) -> ExportedLot:
    account, lot = row
    fields = msgspec.structs.asdict(render_lot(lot))
    return ExportedLot(account=names.account(account), **fields)


def _render_allocation(row: Any, names: _Names) -> ExportedAllocation:
    account, allocation = row
    return ExportedAllocation(
        account=names.account(account),
        sequence=allocation.sequence,
        lot=f"{allocation.lot_sequence}.{allocation.lot_n}",
        points=allocation.points,
    )


def _render_refusal(row: Any, names: _Names) -> ExportedRefusal:
    account, refusal = row
    return ExportedRefusal(
        account=names.account(account),
        key=refusal.key,
        code=refusal.code,
        details=msgspec.Raw(refusal.details.encode()),
        sequence=refusal.sequence,
        decided_at=refusal.decided_at,
    )


_RENDER: dict[str, Callable[[Any, _Names], msgspec.Struct]] = {
    "sign_ins": _render_sign_in,
    "accounts": lambda row, _names: render_account(*row),
    "entries": lambda row, names: render_entry(row[1], names),
    "lots": _render_lot,
    "holds": lambda row, names: render_hold(row[1], names.account(row[0])),
    "allocations": _render_allocation,
    "refusals": _render_refusal,
    "orders": lambda row, names: render_order(row, names.codes(row)),
    "returns": lambda row, _names: render_return(row),
    "activities": lambda row, names: render_activity(row, names.codes(row)),
    "audit": lambda row, _names: render_audit_row(row),
}
