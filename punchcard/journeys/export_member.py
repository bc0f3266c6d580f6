"""Tell everything that is known of a member, in one snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import msgspec

from punchcard.access.queries import (
    MembershipView,
    SessionView,
    UserView,
    get_user,
    list_memberships_of_member,
    list_sessions,
)
from punchcard.kernel import sql
from punchcard.kernel.audit import (
    AuditView,
    Author,
    Change,
    each_change_about,
    record_changes,
)
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.ledger.balances import Balance, balances_as_of
from punchcard.ledger.histories import (
    RefusalView,
    each_allocation,
    each_entry,
    each_hold,
    each_lot,
    each_refusal,
)
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.queries import (
    AccountView,
    AllocationView,
    HoldView,
    LotView,
    list_accounts,
)
from punchcard.members.queries import MemberView, get_member
from punchcard.orders.histories import each_activity, each_order, each_return
from punchcard.orders.queries import ActivityView, OrderView, ReturnView
from punchcard.programs.queries import WalletView, list_wallets

from .open_member_accounts import HOLDER_KIND


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who can sign in as the member, or could before they were removed."""

    membership: MembershipView
    user: UserView
    sessions: list[SessionView]


Holding: TypeAlias = tuple[AccountView, WalletView, Balance]
OfAccount: TypeAlias = Entry | LotView | HoldView | AllocationView | RefusalView
OfOrders: TypeAlias = OrderView | ReturnView | ActivityView
Row: TypeAlias = (
    MemberView | SignIn | Holding | tuple[UUID, OfAccount] | OfOrders | AuditView
)


def export_member(
    *, program: UUID, member: UUID, author: Author, now: datetime
) -> Iterator[tuple[str, Row]]:
    """Yield (section, row): the member first, then section by section.

    All of it is of one moment, and memory stays flat. That it was told is recorded:
    also by whom, which is the last row of the audit.

    Raises:
        MemberNotFound: the program has no such member.
    """
    with transaction():
        sql.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield "member", get_member(program=program, member=member)
        told = Change(action="member.exported", target=typed("mem", member))
        record_changes(author=author, changes=[told], now=now)
        signed_in = list_memberships_of_member(program=program, member=member)
        for membership in signed_in:
            user = get_user(user=membership.user)
            sessions = list_sessions(membership=membership.id)
            yield (
                "sign_ins",
                SignIn(membership=membership, user=user, sessions=sessions),
            )
        holdings = _holdings(program, member, now)
        for holding in holdings:
            yield "accounts", holding
        yield from _histories([holding[0].account for holding in holdings], now)
        yield from _bought_and_done(program, member)
        names = [typed("mem", member)]
        names += [typed("acc", holding[0].account) for holding in holdings]
        for membership in signed_in:
            names += [typed("mbr", membership.id), typed("usr", membership.user)]
        for row in each_change_about(program=program, names=names):
            yield "audit", row


def _holdings(program: UUID, member: UUID, now: datetime) -> list[Holding]:
    wallets = {wallet.id: wallet for wallet in list_wallets(program=program)}
    accounts = [
        account
        for account in list_accounts(holder_kind=HOLDER_KIND, holder=member)
        if account.wallet in wallets
    ]
    balances = balances_as_of(
        accounts=[account.account for account in accounts], as_of=now
    )
    return [
        (account, wallets[account.wallet], balances[account.account])
        for account in accounts
    ]


def _bought_and_done(program: UUID, member: UUID) -> Iterator[tuple[str, OfOrders]]:
    for order in each_order(program=program, member=member):
        yield "orders", order
    for returned in each_return(program=program, member=member):
        yield "returns", returned
    for activity in each_activity(program=program, member=member):
        yield "activities", activity


def _histories(
    accounts: Sequence[UUID], now: datetime
) -> Iterator[tuple[str, tuple[UUID, OfAccount]]]:
    for account in accounts:
        for entry in each_entry(account=account):
            yield "entries", (account, entry)
    for account in accounts:
        for lot in each_lot(account=account, as_of=now):
            yield "lots", (account, lot)
    for account in accounts:
        for hold in each_hold(account=account, as_of=now):
            yield "holds", (account, hold)
    for account in accounts:
        for allocation in each_allocation(account=account):
            yield "allocations", (account, allocation)
    for account in accounts:
        for refusal in each_refusal(account=account):
            yield "refusals", (account, refusal)
