"""Accounts: the four numbers now or at any instant; frozen, unfrozen, closed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
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
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.journeys.change_account_status import Status, change_account_status
from punchcard.kernel.ids import typed
from punchcard.ledger import balances
from punchcard.ledger.balances import balance_as_of
from punchcard.ledger.queries import AccountView, get_account
from punchcard.programs.queries import WalletView, get_wallet

from .bodies import Instant
from .reading import account_of
from .shapes import Balance

YEARS = range(1900, 9999)


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds an account."""

    kind: str
    id: str


class NextExpiry(msgspec.Struct, frozen=True, kw_only=True):
    """What lapses next, if nothing is spent before."""

    at: datetime
    points: int


class AccountAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it stands now."""

    id: Annotated[str, Meta(examples=["acc_01h455vb4pex5vsknk084sn02q"])]
    wallet: Annotated[str, Meta(description="The wallet's code.", examples=["points"])]
    scale: Annotated[
        int,
        Meta(
            description=(
                "Decimals of the wallet: at scale 2, 150 minor units are 1.50."
            ),
            examples=[0],
        ),
    ]
    holder: Holder
    status: Annotated[
        str, Meta(extra_json_schema={"enum": ["open", "frozen", "closed"]})
    ]
    balance: Balance
    next_expiry: NextExpiry | None
    last_sequence: Annotated[int, Meta(description="How many entries there are.")]
    effective_at: Annotated[
        datetime | None, Meta(description="When the last of them took effect.")
    ]


class BalanceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The four numbers of an account at an instant."""

    account: str
    as_of: datetime
    balance: Balance
    next_expiry: NextExpiry | None


class AsOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of a balance."""

    as_of: (
        Annotated[Instant, Meta(description="Past or future; left out: now.")] | None
    ) = None


class OneAccount(Endpoint):
    """`/v1/accounts/{account}`."""

    @operation(
        Operation(
            id="getAccount",
            summary="Look up an account",
            description="Its four numbers now, and what lapses next.",
            tag="accounts",
            scope="ledger:read",
            answers={200: AccountAnswer},
            refusals=("account_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up an account."""
        return Answer(body=_as_it_stands(account_of(call), call.now))


class BalanceOfAccount(Endpoint):
    """`/v1/accounts/{account}/balance`."""

    @operation(
        Operation(
            id="getBalance",
            summary="The balance at any instant",
            description="In the past what it was; in the future what will be left.",
            tag="accounts",
            scope="ledger:read",
            query=AsOf,
            answers={200: BalanceAnswer},
            refusals=("account_not_found",),
        )
    )
    def get(self, call: Call[NoBody, AsOf]) -> Answer:
        """Read the balance at an instant."""
        as_of = checked_year(call.query.as_of or call.now, "as_of")
        account = account_of(call)
        balance = balance_as_of(account=account, as_of=as_of)
        answer = BalanceAnswer(
            account=typed("acc", account),
            as_of=balance.as_of,
            balance=_four(balance),
            next_expiry=_next(balance),
        )
        return Answer(body=answer)


def checked_year(instant: datetime, parameter: str) -> datetime:
    """Return an instant that can be counted from, and to.

    Raises:
        Problem: `malformed`; its year is out of range.
    """
    if instant.year not in YEARS:
        detail = f"`{parameter}` is between {YEARS.start} and {YEARS.stop - 1}."
        wrong = FieldError(code="wrong_value", detail=detail, parameter=parameter)
        raise Problem("malformed", detail, errors=[wrong])
    return instant


class StatusBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the status of an account is changed."""

    reason: Annotated[
        str,
        Meta(
            description="Kept in the audit. No personal data, please.",
            min_length=1,
            max_length=2000,
            pattern=r"^[^\u0000]*$",
            examples=["The card was reported stolen"],
        ),
    ]


def _status_change(
    id: str,  # noqa: A002
    summary: str,
    *refusals: str,
    description: str,
) -> Operation:
    return Operation(
        id=id,
        summary=summary,
        description=description,
        tag="accounts",
        scope="ledger:manage",
        body=StatusBody,
        answers={200: AccountAnswer},
        refusals=("account_not_found", *refusals),
        key="optional",
    )


class FreezeAccount(Endpoint):
    """`POST /v1/accounts/{account}/freeze`."""

    @operation(
        _status_change(
            "freezeAccount",
            "Freeze an account",
            "account_closed",
            description=(
                "Nothing is spent, reserved or transferred from it any more. What is "
                "under way goes on: credits, refunds, holds, and time."
            ),
        )
    )
    def post(self, call: Call[StatusBody, NoQuery]) -> Answer:
        """Freeze an account."""
        return _change(call, "frozen")


class UnfreezeAccount(Endpoint):
    """`POST /v1/accounts/{account}/unfreeze`."""

    @operation(
        _status_change(
            "unfreezeAccount",
            "Unfreeze an account",
            "account_closed",
            description="An account that is not frozen stays as it is.",
        )
    )
    def post(self, call: Call[StatusBody, NoQuery]) -> Answer:
        """Unfreeze an account."""
        return _change(call, "open")


class CloseAccount(Endpoint):
    """`POST /v1/accounts/{account}/close`."""

    @operation(
        _status_change(
            "closeAccount",
            "Close an account",
            "account_not_empty",
            description=(
                "For good, and only when nothing is in it: no points available, "
                "pending or reserved, and no debt."
            ),
        )
    )
    def post(self, call: Call[StatusBody, NoQuery]) -> Answer:
        """Close an account."""
        return _change(call, "closed")


def _change(call: Call[StatusBody, NoQuery], status: Status) -> Answer:
    account = account_of(call)
    change_account_status(
        account=account,
        status=status,
        reason=call.body.reason,
        author=call.author,
        now=call.now,
    )
    return Answer(body=_as_it_stands(account, call.now))


def _as_it_stands(account: UUID, now: datetime) -> AccountAnswer:
    view = get_account(account=account)
    wallet = get_wallet(wallet=view.wallet)
    balance = balance_as_of(account=account, as_of=now)
    return render_account(view, wallet, balance)


def render_account(
    account: AccountView, wallet: WalletView, balance: balances.Balance
) -> AccountAnswer:
    """Return an account with its balance as of now, what fell due included."""
    return AccountAnswer(
        id=typed("acc", account.account),
        wallet=wallet.code,
        scale=wallet.scale,
        holder=Holder(
            kind=account.holder_kind,
            id=typed(account.holder_kind[:3], account.holder),
        ),
        status=account.status,
        balance=_four(balance),
        next_expiry=_next(balance),
        last_sequence=account.last_sequence,
        effective_at=account.effective_at,
    )


def _four(balance: balances.Balance) -> Balance:
    return Balance(
        available=balance.available,
        pending=balance.pending,
        reserved=balance.reserved,
        lifetime=balance.lifetime,
    )


def _next(balance: balances.Balance) -> NextExpiry | None:
    if balance.next_expires_at is None:
        return None
    return NextExpiry(at=balance.next_expires_at, points=balance.next_expiry_points)
