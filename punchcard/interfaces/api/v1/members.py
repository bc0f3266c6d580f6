"""Members: enrol, look up, list, change, erase, and the accounts they hold."""

from __future__ import annotations

from functools import partial

import msgspec

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
    NewestFirst,
    Page,
    page_by_id,
)
from punchcard.interfaces.api.references import HOLDER_KIND, resolve_member
from punchcard.interfaces.api.versions import etag, is_known, versions_to_change
from punchcard.journeys.change_member import change_member
from punchcard.journeys.enrol_members import enrol_members
from punchcard.journeys.erase_member import erase_member
from punchcard.kernel.ids import typed
from punchcard.ledger.balances import balances_as_of
from punchcard.ledger.queries import list_accounts
from punchcard.members.errors import MemberMalformed
from punchcard.members.queries import Filters, get_member, list_members
from punchcard.programs.queries import list_wallets

from .accounts import AccountAnswer, render_account
from .bodies import Instant
from .people import (
    MemberAnswer,
    MemberBody,
    MemberPatch,
    SoughtEmail,
    SoughtId,
    SoughtPhone,
    SoughtStatus,
    SoughtTag,
    answer_member,
    malformed_member,
    render_member,
    to_changes,
    to_new_member,
)

_CURSOR = "members"
_FRESH = {"Cache-Control": "private, no-cache"}
"""May be kept by whoever asked, and must be asked about again."""


class MembersQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of members."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: NewestFirst = "-created_at"
    created_from: Instant | None = msgspec.field(name="created_at.gte", default=None)
    created_to: Instant | None = msgspec.field(name="created_at.lt", default=None)
    external_id: SoughtId | None = None
    email: SoughtEmail | None = None
    phone: SoughtPhone | None = None
    tag: SoughtTag | None = None
    status: SoughtStatus | None = None


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
                "external id that is enrolled already answers 200 with that member as "
                "it is: nothing is changed."
            ),
            tag="members",
            scope="members:write",
            body=MemberBody,
            answers={201: MemberAnswer, 200: MemberAnswer},
            key="optional",
            version="told",
        )
    )
    def post(self, call: Call[MemberBody, NoQuery]) -> Answer:
        """Enrol a member."""
        try:
            (enrolled,) = enrol_members(
                program=call.program.id,
                members=[to_new_member(call.body, call.now)],
                author=call.author,
                now=call.now,
            )
        except MemberMalformed as error:
            raise malformed_member(error) from error
        member = get_member(program=call.program.id, member=enrolled.id)
        return answer_member(
            member,
            status=201 if enrolled.created else 200,
            headers={"Location": f"/v1/members/{typed('mem', member.id)}"},
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
        page = page_by_id(
            query,
            _CURSOR,
            read=partial(
                list_members,
                program=call.program.id,
                filters=Filters(
                    created_from=query.created_from,
                    created_to=query.created_to,
                    external_id=query.external_id,
                    email=query.email,
                    phone=query.phone,
                    tag=query.tag,
                    erased=None if query.status is None else query.status == "erased",
                ),
            ),
            render=render_member,
        )
        return Answer(body=page)


class OneMember(Endpoint):
    """`/v1/members/{member}`."""

    @operation(
        Operation(
            id="getMember",
            summary="Look up a member",
            description="An erased one is found by its `mem_…`, and nothing is known.",
            tag="members",
            scope="members:read",
            answers={200: MemberAnswer, 304: None},
            refusals=("member_not_found",),
            version="told",
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a member."""
        member = resolve_member(program=call.program.id, text=call.path["member"])
        if is_known(call.request, member.version):
            headers = {"ETag": etag(member.version), **_FRESH}
            return Answer(status=304, headers=headers)
        return answer_member(member, headers=_FRESH)

    @operation(
        Operation(
            id="changeMember",
            summary="Change a member",
            description=(
                "Fields that are left out stay, null takes away, `attributes` and "
                "`address` are merged (RFC 7396), `tags` are replaced, `consents` are "
                "added: every decision is kept. `If-Match` says which version you "
                "change, `*` any; what changes nothing makes no new version."
            ),
            tag="members",
            scope="members:write",
            body=MemberPatch,
            answers={200: MemberAnswer},
            refusals=(
                "precondition_required",
                "member_not_found",
                "member_erased",
                "precondition_failed",
            ),
            key="optional",
            version="demanded",
            example={"email": "anna@example.org", "attributes": {"shoe_size": None}},
        )
    )
    def patch(self, call: Call[MemberPatch, NoQuery]) -> Answer:
        """Change a member."""
        versions = versions_to_change(call.request)
        member = resolve_member(program=call.program.id, text=call.path["member"])
        try:
            changed = change_member(
                program=call.program.id,
                member=member.id,
                changes=to_changes(call.body, call.now),
                versions=versions,
                author=call.author,
                now=call.now,
            )
        except MemberMalformed as error:
            raise malformed_member(error) from error
        return answer_member(changed)


class EraseMember(Endpoint):
    """`POST /v1/members/{member}/erase`."""

    @operation(
        Operation(
            id="eraseMember",
            summary="Erase a member",
            description=(
                "Forgets the person for good: everything known of them, the external "
                "id, and who could sign in as them. The accounts stay as they are, "
                "under the member's `mem_…`: entries name nobody. Erasing twice is "
                "erasing once."
            ),
            tag="members",
            scope="members:erase",
            answers={200: MemberAnswer},
            refusals=("member_not_found",),
            key="optional",
            version="told",
        )
    )
    def post(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Erase a member."""
        member = resolve_member(program=call.program.id, text=call.path["member"])
        erased = erase_member(
            program=call.program.id,
            member=member.id,
            author=call.author,
            now=call.now,
        )
        return answer_member(erased)


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
            render_account(account, wallets[account.wallet], balances[account.account])
            for account in accounts
        ]
        return Answer(body=MemberAccounts(data=data))
