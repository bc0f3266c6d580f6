"""What answers are made of: balances, entries, lots, as every caller sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.references import Names
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.queries import LotView

_WORD = {"maxLength": 40, "pattern": "^[a-z_]+$"}
JsonObject = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The four numbers of an account, in minor units of its wallet."""

    available: Annotated[int, Meta(examples=[120])]
    pending: int
    reserved: int
    lifetime: Annotated[int, Meta(description="All ever earned.", examples=[120])]


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What in your system it was about."""

    type: Annotated[
        str,
        Meta(
            examples=["order"],
            extra_json_schema={
                "minLength": 1,
                "maxLength": 40,
                "pattern": texts.ANY,
            },
        ),
    ]
    id: Annotated[
        str,
        Meta(
            examples=["1017"],
            extra_json_schema={
                "minLength": 1,
                "maxLength": 200,
                "pattern": texts.ANY,
            },
        ),
    ]


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """The other half of a transfer."""

    id: Annotated[
        str,
        Meta(
            examples=["0197d1c2-f1e4-7a3b-9d5e-6f708192a3b4"],
            extra_json_schema={"format": "uuid"},
        ),
    ]
    account: texts.AccountId
    sequence: Annotated[int, Meta(examples=[1])]


class EntryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable row of an account: what happened, and the numbers after it."""

    id: texts.EntryId
    account: texts.AccountId
    sequence: Annotated[int, Meta(examples=[1])]
    type: Annotated[str, Meta(examples=["earn"], extra_json_schema=_WORD)]
    source: Annotated[str, Meta(examples=["purchase"], extra_json_schema=_WORD)]
    amount: Annotated[
        int, Meta(description="What it is about; always above 0.", examples=[120])
    ]
    available: Annotated[
        int, Meta(description="Signed change of available.", examples=[120])
    ]
    pending: Annotated[int, Meta(description="Signed change of pending.")]
    reserved: Annotated[int, Meta(description="Signed change of reserved.")]
    balance: Annotated[
        int, Meta(description="Available after this entry.", examples=[120])
    ]
    pending_after: int
    reserved_after: int
    lifetime_after: Annotated[int, Meta(examples=[120])]
    key: Annotated[str | None, Meta(examples=["order-1017-earn"])]
    reference: Annotated[
        Reference | None, Meta(examples=[{"type": "order", "id": "1017"}])
    ]
    relates_to: Annotated[
        int | None,
        Meta(description="Sequence of the entry it undoes, captures or releases."),
    ]
    transfer: Transfer | None
    referred_member: Annotated[texts.MemberId | None, Meta(examples=[None])]
    description: Annotated[str, Meta(examples=[""])]
    metadata: JsonObject
    available_at: Annotated[datetime | None, Meta(examples=["2030-01-01T12:00:00Z"])]
    expires_at: Annotated[datetime | None, Meta(examples=["2031-01-01T12:00:00Z"])]
    validity: Annotated[str | None, Meta(examples=["P12M"])]
    effective_at: Annotated[datetime, Meta(examples=["2030-01-01T12:00:00Z"])]
    recorded_at: Annotated[datetime, Meta(examples=["2030-01-01T12:00:01Z"])]
    actor: texts.Actor
    hash: Annotated[
        str | None,
        Meta(
            description="Hexadecimal; of the chain.", examples=["9f86d081884c7d65" * 4]
        ),
    ]


class LotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What can still be spent of one credit."""

    id: texts.LotId
    sequence: Annotated[
        int, Meta(description="The entry that opened it.", examples=[1])
    ]
    n: Annotated[int, Meta(description="Which of that entry's lots.", examples=[1])]
    root: Annotated[
        int,
        Meta(description="The entry of the first lot it stems from.", examples=[1]),
    ]
    credited: Annotated[int, Meta(examples=[120])]
    remaining: Annotated[int, Meta(examples=[120])]
    lapsed: int
    state: Annotated[
        str,
        Meta(
            examples=["open"],
            extra_json_schema={
                "enum": ["pending", "open", "spent", "lapsed", "cancelled"]
            },
        ),
    ]
    validity: Annotated[str | None, Meta(examples=["P12M"])]
    available_at: Annotated[datetime | None, Meta(examples=["2030-01-01T12:00:00Z"])]
    expires_at: Annotated[datetime | None, Meta(examples=["2031-01-01T12:00:00Z"])]


def render_balance(entry: Entry) -> Balance:
    """Return the account's four numbers right after an entry."""
    return Balance(
        available=entry.balance,
        pending=entry.pending_after,
        reserved=entry.reserved_after,
        lifetime=entry.lifetime_after,
    )


def render_entry(entry: Entry, names: Names) -> EntryAnswer:
    """Return an entry as callers see it."""
    account = names.account(entry.account)
    reference = None
    if entry.reference_type is not None and entry.reference_id is not None:
        reference = Reference(type=entry.reference_type, id=entry.reference_id)
    transfer = None
    if entry.transfer is not None and entry.other_account is not None:
        transfer = Transfer(
            id=str(entry.transfer),
            account=names.account(entry.other_account),
            sequence=entry.other_sequence or 0,
        )
    referred = entry.referred_member
    return EntryAnswer(
        id=f"{account}/{entry.sequence}",
        account=account,
        sequence=entry.sequence,
        type=entry.type,
        source=entry.source,
        amount=entry.amount,
        available=entry.available,
        pending=entry.pending,
        reserved=entry.reserved,
        balance=entry.balance,
        pending_after=entry.pending_after,
        reserved_after=entry.reserved_after,
        lifetime_after=entry.lifetime_after,
        key=entry.key,
        reference=reference,
        relates_to=entry.relates_to,
        transfer=transfer,
        referred_member=None if referred is None else names.member(referred),
        description=entry.description,
        metadata=msgspec.Raw(entry.metadata.encode()),
        available_at=entry.available_at,
        expires_at=entry.expires_at,
        validity=entry.validity,
        effective_at=entry.effective_at,
        recorded_at=entry.recorded_at,
        actor=entry.actor,
        hash=entry.hash.hex() or None,
    )


def render_lot(lot: LotView) -> LotAnswer:
    """Return a lot as callers see it."""
    return LotAnswer(
        id=f"{lot.sequence}.{lot.n}",
        sequence=lot.sequence,
        n=lot.n,
        root=lot.root,
        credited=lot.credited,
        remaining=lot.remaining,
        lapsed=lot.lapsed,
        state=lot.state,
        validity=lot.validity,
        available_at=lot.available_at,
        expires_at=lot.expires_at,
    )
