"""Accounts, read: the four numbers now or at any instant, entries, lots."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

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
from punchcard.interfaces.api.references import Names, resolve_account
from punchcard.kernel.ids import typed
from punchcard.ledger import queries
from punchcard.ledger.queries import (
    AccountView,
    balance_as_of,
    get_account,
    get_entry,
    list_entries,
    list_lots,
)
from punchcard.programs.queries import get_wallet

from .bodies import Instant
from .shapes import (
    Balance,
    EntryAnswer,
    LotAnswer,
    render_entry,
    render_lot,
)

EntryType = Literal[
    "earn",
    "redeem",
    "reserve",
    "capture",
    "void",
    "refund",
    "reverse",
    "adjust",
    "transfer_out",
    "transfer_in",
    "activate",
    "cancel",
    "release",
    "expire",
]
EntrySource = Literal[
    "purchase",
    "referral",
    "bonus",
    "admin",
    "redemption",
    "transfer",
    "topup",
    "system",
]
YEARS = range(1900, 9999)
_ENTRIES, _LOTS = "entries", "lots"


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
    wallet: Annotated[str, Meta(description="The wallet's code.")]
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


class EntriesQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of entries."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: Literal["-sequence", "sequence"] = "-sequence"
    type: Annotated[
        list[EntryType] | None, Meta(description="May be given more than once.")
    ] = None
    source: Annotated[
        list[EntrySource] | None, Meta(description="May be given more than once.")
    ] = None
    reference_type: str | None = msgspec.field(name="reference.type", default=None)
    reference_id: str | None = msgspec.field(name="reference.id", default=None)
    effective_from: Instant | None = msgspec.field(
        name="effective_at.gte", default=None
    )
    effective_to: Instant | None = msgspec.field(name="effective_at.lt", default=None)


class LotsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of the list of lots."""

    limit: Limit = 50
    cursor: Cursor | None = None


class AllocationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry took from a lot (below zero) or gave back to it."""

    lot: Annotated[str, Meta(examples=["17.1"])]
    points: int


class UseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What another entry took from a lot (below zero) or gave back to it."""

    entry: Annotated[int, Meta(description="Its sequence.")]
    lot: Annotated[str, Meta(examples=["17.1"])]
    points: int


class EntryDetailAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An entry, the lots it made and used, and the entries that are about it."""

    entry: EntryAnswer
    lots_opened: list[LotAnswer]
    allocations: list[AllocationAnswer]
    used_by: Annotated[
        list[UseAnswer],
        Meta(description="What other entries did with the lots that it opened."),
    ]
    related: Annotated[
        list[int], Meta(description="Sequences of the entries that relate to it.")
    ]


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
        account = get_account(
            account=resolve_account(program=call.program.id, text=call.path["account"])
        )
        wallet = get_wallet(wallet=account.wallet)
        balance = balance_as_of(account=account.account, as_of=call.now)
        return Answer(body=render_account(account, wallet.code, balance))


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
        as_of = call.query.as_of or call.now
        if as_of.year not in YEARS:
            detail = f"`as_of` is between {YEARS.start} and {YEARS.stop - 1}."
            wrong = FieldError(code="wrong_value", detail=detail, parameter="as_of")
            raise Problem("malformed", detail, errors=[wrong])
        account = resolve_account(program=call.program.id, text=call.path["account"])
        balance = balance_as_of(account=account, as_of=as_of)
        answer = BalanceAnswer(
            account=typed("acc", account),
            as_of=balance.as_of,
            balance=_four(balance),
            next_expiry=_next(balance),
        )
        return Answer(body=answer)


class EntriesOfAccount(Endpoint):
    """`/v1/accounts/{account}/entries`."""

    @operation(
        Operation(
            id="listEntries",
            summary="List entries",
            description="The statement of an account, the newest first.",
            tag="accounts",
            scope="ledger:read",
            query=EntriesQuery,
            answers={200: Page[EntryAnswer]},
            refusals=("account_not_found", "invalid_cursor"),
        )
    )
    def get(self, call: Call[NoBody, EntriesQuery]) -> Answer:
        """List entries."""
        query = call.query
        for text in (query.reference_type, query.reference_id):
            if text is not None and "\0" in text:
                raise Problem("malformed", "A reference has no NUL in it.")
        account = resolve_account(program=call.program.id, text=call.path["account"])
        newest_first = query.sort == "-sequence"
        kind = f"{_ENTRIES}:{query.sort}"
        place = decode_cursor(query.cursor, kind, tuple[str, _Sequence])
        sequence = place[0] if place else None
        rows = list_entries(
            account=account,
            limit=query.limit + 1,
            before_sequence=sequence if newest_first else None,
            after_sequence=None if newest_first else sequence,
            types=query.type,
            sources=query.source,
            reference_type=query.reference_type,
            reference_id=query.reference_id,
            effective_from=query.effective_from,
            effective_to=query.effective_to,
            newest_first=newest_first,
        )
        names = Names()
        page = paginate(
            rows,
            limit=query.limit,
            render=lambda entry: render_entry(entry, names),
            cursor=lambda entry: encode_cursor(kind, entry.sequence),
        )
        return Answer(body=page)


class OneEntry(Endpoint):
    """`/v1/accounts/{account}/entries/{sequence}`."""

    @operation(
        Operation(
            id="getEntry",
            summary="Look up an entry",
            description="With the lots it opened, those it took from or gave back to.",
            tag="accounts",
            scope="ledger:read",
            answers={200: EntryDetailAnswer},
            refusals=("account_not_found", "entry_not_found"),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up an entry."""
        account = resolve_account(program=call.program.id, text=call.path["account"])
        detail = get_entry(account=account, sequence=call.path["sequence"])
        answer = EntryDetailAnswer(
            entry=render_entry(detail.entry, Names()),
            lots_opened=[render_lot(lot) for lot in detail.opened],
            allocations=[
                AllocationAnswer(lot=f"{a.lot_sequence}.{a.lot_n}", points=a.points)
                for a in detail.allocations
            ],
            used_by=[
                UseAnswer(
                    entry=u.sequence,
                    lot=f"{u.lot_sequence}.{u.lot_n}",
                    points=u.points,
                )
                for u in detail.used_by
            ],
            related=detail.related,
        )
        return Answer(body=answer)


class LotsOfAccount(Endpoint):
    """`/v1/accounts/{account}/lots`."""

    @operation(
        Operation(
            id="listLots",
            summary="List lots",
            description="All credits ever, by the entry that opened them.",
            tag="accounts",
            scope="ledger:read",
            query=LotsQuery,
            answers={200: Page[LotAnswer]},
            refusals=("account_not_found", "invalid_cursor"),
        )
    )
    def get(self, call: Call[NoBody, LotsQuery]) -> Answer:
        """List lots."""
        query = call.query
        account = resolve_account(program=call.program.id, text=call.path["account"])
        place = decode_cursor(query.cursor, _LOTS, tuple[str, _Sequence, _Small])
        rows = list_lots(
            account=account,
            limit=query.limit + 1,
            after=(place[0], place[1]) if place else None,
        )
        page = paginate(
            rows,
            limit=query.limit,
            render=render_lot,
            cursor=lambda lot: encode_cursor(_LOTS, lot.sequence, lot.n),
        )
        return Answer(body=page)


_Sequence = Annotated[int, Meta(ge=0, lt=2**53)]
_Small = Annotated[int, Meta(ge=0, lt=2**15)]


def render_account(
    account: AccountView, wallet: str, balance: queries.Balance
) -> AccountAnswer:
    """Return an account with its balance as of now, what fell due included."""
    return AccountAnswer(
        id=typed("acc", account.account),
        wallet=wallet,
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


def _four(balance: queries.Balance) -> Balance:
    return Balance(
        available=balance.available,
        pending=balance.pending,
        reserved=balance.reserved,
        lifetime=balance.lifetime,
    )


def _next(balance: queries.Balance) -> NextExpiry | None:
    if balance.next_expires_at is None:
        return None
    return NextExpiry(at=balance.next_expires_at, points=balance.next_expiry_points)
