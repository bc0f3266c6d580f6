"""Members: enrol, look up, list, and the accounts they hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
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
from punchcard.interfaces.api.pagination import (
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    paginate,
)
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.interfaces.api.references import HOLDER_KIND, resolve_member
from punchcard.journeys.enrol_members import enrol_members
from punchcard.kernel.ids import typed
from punchcard.ledger.queries import balances_as_of, list_accounts
from punchcard.members.errors import ExternalIdMalformed
from punchcard.members.queries import MemberView, list_members
from punchcard.programs.queries import list_wallets

from .accounts import AccountAnswer, render_account
from .bodies import Instant

_CURSOR = "members"


class MemberBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who can hold points, under your own id."""

    external_id: Annotated[
        str,
        Meta(
            description="Your id: 1 to 200 printable characters. No personal data.",
            examples=["anna"],
            extra_json_schema={"minLength": 1, "maxLength": 200},
        ),
    ]


class MemberAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A member."""

    id: Annotated[str, Meta(examples=["mem_01h455vb4pex5vsknk084sn02q"])]
    external_id: str
    created_at: datetime


class MembersQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of members."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: Literal["-created_at", "created_at"] = "-created_at"
    created_from: Instant | None = msgspec.field(name="created_at.gte", default=None)
    created_to: Instant | None = msgspec.field(name="created_at.lt", default=None)


class MemberAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of a member: one per wallet."""

    data: list[AccountAnswer]
    has_more: bool = False
    next_cursor: None = None


class Members(Endpoint):
    """`/v1/members`."""

    @operation(
        Operation(
            id="enrolMember",
            summary="Enrol a member",
            description=(
                "Makes the member and its account in every wallet of the program. An "
                "external id that is enrolled already answers 200 with that member."
            ),
            tag="members",
            scope="members:write",
            body=MemberBody,
            answers={201: MemberAnswer, 200: MemberAnswer},
            key="optional",
        )
    )
    def post(self, call: Call[MemberBody, NoQuery]) -> Answer:
        """Enrol a member."""
        try:
            (member,) = enrol_members(
                program=call.program.id,
                external_ids=[call.body.external_id],
                now=call.now,
            )
        except ExternalIdMalformed as error:
            detail = str(error)
            wrong = FieldError(
                code="wrong_value", detail=detail, pointer="/external_id"
            )
            raise Problem("malformed", detail, errors=[wrong]) from error
        answer = MemberAnswer(
            id=typed("mem", member.id),
            external_id=member.external_id,
            created_at=member.created_at,
        )
        return Answer(
            body=answer,
            status=201 if member.created else 200,
            headers={"Location": f"/v1/members/{answer.id}"},
        )

    @operation(
        Operation(
            id="listMembers",
            summary="List members",
            description="In the order of enrolment, the newest first.",
            tag="members",
            scope="members:read",
            query=MembersQuery,
            answers={200: Page[MemberAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, MembersQuery]) -> Answer:
        """List members."""
        query = call.query
        kind = f"{_CURSOR}:{query.sort}"
        place = decode_cursor(query.cursor, kind, tuple[str, UUID])
        rows = list_members(
            program=call.program.id,
            limit=query.limit + 1,
            after=place[0] if place else None,
            newest_first=query.sort == "-created_at",
            created_from=query.created_from,
            created_to=query.created_to,
        )
        page = paginate(
            rows,
            limit=query.limit,
            render=_render,
            cursor=lambda member: encode_cursor(kind, member.id),
        )
        return Answer(body=page)


class OneMember(Endpoint):
    """`/v1/members/{member}`."""

    @operation(
        Operation(
            id="getMember",
            summary="Look up a member",
            tag="members",
            scope="members:read",
            answers={200: MemberAnswer},
            refusals=("member_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a member."""
        member = resolve_member(program=call.program.id, text=call.path["member"])
        return Answer(body=_render(member))


class AccountsOfMember(Endpoint):
    """`/v1/members/{member}/accounts`."""

    @operation(
        Operation(
            id="listMemberAccounts",
            summary="List a member's accounts",
            description="One per wallet, by the wallet's code.",
            tag="members",
            scope="ledger:read",
            answers={200: MemberAccounts},
            refusals=("member_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """List a member's accounts."""
        program = call.program.id
        member = resolve_member(program=program, text=call.path["member"])
        wallets = {wallet.id: wallet for wallet in list_wallets(program=program)}
        accounts = [
            account
            for account in list_accounts(holder_kind=HOLDER_KIND, holder=member.id)
            if account.wallet in wallets
        ]
        accounts.sort(key=lambda account: wallets[account.wallet].code)
        balances = balances_as_of(
            accounts=[account.account for account in accounts], as_of=call.now
        )
        data = [
            render_account(
                account, wallets[account.wallet].code, balances[account.account]
            )
            for account in accounts
        ]
        return Answer(body=MemberAccounts(data=data))


def _render(member: MemberView) -> MemberAnswer:
    return MemberAnswer(
        id=typed("mem", member.id),
        external_id=member.external_id,
        created_at=member.created_at,
    )
