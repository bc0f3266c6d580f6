"""Entries of an account: listed, looked up, refunded, reversed."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
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
from punchcard.ledger.queries import EntryDetail, get_entry, list_entries

from .bodies import Instant, RefundBody, ReverseBody
from .posting import DryRun, command, post_one
from .reading import SequencePlace, account_of
from .shapes import EntryAnswer, LotAnswer, render_entry, render_lot

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


ReferenceType = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=texts.ANY,
        description="Of what it is about.",
        examples=["order"],
    ),
]
ReferenceId = Annotated[
    str,
    Meta(
        max_length=200,
        pattern=texts.ANY,
        description="Your id of what it is about.",
        examples=["1017"],
    ),
]


class EntriesQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of entries."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: BySequence = "-sequence"
    type: (
        Annotated[
            list[EntryType],
            Meta(description="May be given more than once.", max_length=20),
        ]
        | None
    ) = None
    source: (
        Annotated[
            list[EntrySource],
            Meta(description="May be given more than once.", max_length=20),
        ]
        | None
    ) = None
    reference_type: ReferenceType | None = msgspec.field(
        name="reference.type", default=None
    )
    reference_id: ReferenceId | None = msgspec.field(name="reference.id", default=None)
    effective_from: Instant | None = msgspec.field(
        name="effective_at.gte", default=None
    )
    effective_to: Instant | None = msgspec.field(name="effective_at.lt", default=None)


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
        account = account_of(call)
        newest_first = query.sort == "-sequence"
        kind = f"entries:{query.sort}"
        place = decode_cursor(query.cursor, kind, tuple[str, SequencePlace])
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
            description=(
                "With the lots that it opened and what became of them, the lots that "
                "it took from or gave back to, and the entries that are about it."
            ),
            tag="accounts",
            scope="ledger:read",
            answers={200: EntryDetailAnswer},
            refusals=("account_not_found", "entry_not_found"),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up an entry."""
        account = account_of(call)
        detail = get_entry(
            account=account, sequence=call.path["sequence"], as_of=call.now
        )
        return Answer(body=_detail(detail))


class RefundEntry(Endpoint):
    """`POST /v1/accounts/{account}/entries/{sequence}/refund`."""

    @operation(
        command(
            "refund",
            "Give back a spend",
            RefundBody,
            "entry_not_found",
            "entry_not_reversible",
            "exceeds_original",
            "limit_exceeded",
            description=(
                "Of a `redeem` or a `capture`. Points go back to the lots they were "
                "taken from; those that lapsed meanwhile live on for the wallet's "
                "grace."
            ),
        )
    )
    def post(self, call: Call[RefundBody, DryRun]) -> Answer:
        """Give back a spend."""
        return post_one(call, entry=call.path["sequence"])


class ReverseEntry(Endpoint):
    """`POST /v1/accounts/{account}/entries/{sequence}/reverse`."""

    @operation(
        command(
            "reverse",
            "Take back an earn",
            ReverseBody,
            "entry_not_found",
            "entry_not_reversible",
            "exceeds_original",
            "insufficient_points",
            "limit_exceeded",
            description=(
                "Of points that are spent already, the policy decides: `debt` goes "
                "below zero, `cap` writes them off, `refuse` refuses."
            ),
        )
    )
    def post(self, call: Call[ReverseBody, DryRun]) -> Answer:
        """Take back an earn."""
        return post_one(call, entry=call.path["sequence"])


def _detail(detail: EntryDetail) -> EntryDetailAnswer:
    return EntryDetailAnswer(
        entry=render_entry(detail.entry, Names()),
        lots_opened=[render_lot(lot) for lot in detail.opened],
        allocations=[
            AllocationAnswer(lot=f"{a.lot_sequence}.{a.lot_n}", points=a.points)
            for a in detail.allocations
        ],
        used_by=[
            UseAnswer(
                entry=u.sequence, lot=f"{u.lot_sequence}.{u.lot_n}", points=u.points
            )
            for u in detail.used_by
        ],
        related=detail.related,
    )
