"""Holds of an account: listed, looked up, captured, voided."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

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
from punchcard.interfaces.api.pagination import (
    BySequence,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    paginate,
)
from punchcard.interfaces.api.problems import Problem
from punchcard.interfaces.api.references import Names
from punchcard.ledger.queries import HoldView, find_hold, list_holds

from .bodies import CaptureBody, VoidBody
from .posting import DryRun, command, post_one
from .reading import SequencePlace, account_of
from .shapes import Reference

_HOLDS = "holds"


class HoldAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Points set aside for a spend that is not final yet, and what became of them."""

    id: Annotated[str, Meta(examples=["acc_01h455vb4pex5vsknk084sn02q/17"])]
    account: Annotated[str, Meta(examples=["acc_01h455vb4pex5vsknk084sn02q"])]
    sequence: Annotated[int, Meta(description="Of its `reserve`.", examples=[17])]
    points: Annotated[int, Meta(examples=[60])]
    state: Annotated[
        str,
        Meta(
            description="`voided` by somebody, or by time.",
            extra_json_schema={"enum": ["open", "captured", "voided"]},
        ),
    ]
    captured: Annotated[int, Meta(description="What of it was spent in the end.")]
    reference: Reference | None
    opened_at: datetime
    expires_at: Annotated[
        datetime, Meta(description="When the points come back by themselves.")
    ]
    resolved_by: Annotated[
        int | None,
        Meta(description="Sequence of its `capture` or `void`, once that is written."),
    ]


class HoldsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of the list of holds."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: BySequence = "-sequence"
    open: Annotated[
        bool | None, Meta(description="Only those that are open, or are not any more.")
    ] = None


class HoldsOfAccount(Endpoint):
    """`/v1/accounts/{account}/holds`."""

    @operation(
        Operation(
            id="listHolds",
            summary="List holds",
            description="In the order in which they were opened; the newest first.",
            tag="accounts",
            scope="ledger:read",
            query=HoldsQuery,
            answers={200: Page[HoldAnswer]},
            refusals=("account_not_found", "invalid_cursor"),
        )
    )
    def get(self, call: Call[NoBody, HoldsQuery]) -> Answer:
        """List holds."""
        query = call.query
        account = account_of(call)
        kind = f"{_HOLDS}:{query.sort}"
        place = decode_cursor(query.cursor, kind, tuple[str, SequencePlace])
        rows = list_holds(
            account=account,
            limit=query.limit + 1,
            as_of=call.now,
            after=place[0] if place else None,
            newest_first=query.sort == "-sequence",
            is_open=query.open,
        )
        name = Names().account(account)
        page = paginate(
            rows,
            limit=query.limit,
            render=lambda hold: render_hold(hold, name),
            cursor=lambda hold: encode_cursor(kind, hold.sequence),
        )
        return Answer(body=page)


class OneHold(Endpoint):
    """`/v1/accounts/{account}/holds/{hold}`."""

    @operation(
        Operation(
            id="getHold",
            summary="Look up a hold",
            description="As it is now: a hold whose time is over is `voided`.",
            tag="accounts",
            scope="ledger:read",
            answers={200: HoldAnswer},
            refusals=("account_not_found", "entry_not_found"),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a hold."""
        account, sequence = account_of(call), call.path["hold"]
        hold = find_hold(account=account, sequence=sequence, as_of=call.now)
        if hold is None:
            detail = "The account has no such hold."
            raise Problem("entry_not_found", detail, details={"hold": sequence})
        return Answer(body=render_hold(hold, Names().account(account)))


class CaptureHold(Endpoint):
    """`POST /v1/accounts/{account}/holds/{hold}/capture`."""

    @operation(
        command(
            "capture",
            "Make a hold a spend",
            CaptureBody,
            "entry_not_found",
            "hold_not_open",
            "exceeds_original",
            description=(
                "Of all that is held, or of a part: the rest comes back. The capture "
                "is what a refund names."
            ),
        )
    )
    def post(self, call: Call[CaptureBody, DryRun]) -> Answer:
        """Make a hold a spend."""
        return post_one(call, hold=call.path["hold"])


class VoidHold(Endpoint):
    """`POST /v1/accounts/{account}/holds/{hold}/void`."""

    @operation(
        command(
            "void",
            "Give up a hold",
            VoidBody,
            "entry_not_found",
            "hold_not_open",
            description=(
                "Everything comes back to the lots it left; what lapsed meanwhile "
                "lapses now."
            ),
        )
    )
    def post(self, call: Call[VoidBody, DryRun]) -> Answer:
        """Give up a hold."""
        return post_one(call, hold=call.path["hold"])


def render_hold(hold: HoldView, account: str) -> HoldAnswer:
    """Return a hold as callers see it."""
    reference = None
    if hold.reference_type is not None and hold.reference_id is not None:
        reference = Reference(type=hold.reference_type, id=hold.reference_id)
    state = "captured" if hold.captured else "voided"
    return HoldAnswer(
        id=f"{account}/{hold.sequence}",
        account=account,
        sequence=hold.sequence,
        points=hold.points,
        state="open" if hold.open else state,
        captured=hold.captured,
        reference=reference,
        opened_at=hold.opened_at,
        expires_at=hold.expires_at,
        resolved_by=hold.resolved_by,
    )
