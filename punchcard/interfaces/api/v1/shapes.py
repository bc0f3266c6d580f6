"""What answers are made of: balances, entries, lots, as every caller sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.references import Names
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.queries import LotView

JsonObject = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The four numbers of an account, in minor units of its wallet."""

    available: int
    pending: int
    reserved: int
    lifetime: int


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What in your system it was about."""

    type: Annotated[
        str,
        Meta(
            examples=["order"],
            extra_json_schema={"minLength": 1, "maxLength": 40},
        ),
    ]
    id: Annotated[
        str,
        Meta(examples=["1017"], extra_json_schema={"minLength": 1, "maxLength": 200}),
    ]


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """The other half of a transfer."""

    id: str
    account: str
    sequence: int


class EntryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable row of an account: what happened, and the numbers after it."""

    id: Annotated[str, Meta(examples=["acc_01h455vb4pex5vsknk084sn02q/17"])]
    account: str
    sequence: int
    type: str
    source: str
    amount: Annotated[int, Meta(description="What it is about; always above 0.")]
    available: Annotated[int, Meta(description="Signed change of available.")]
    pending: Annotated[int, Meta(description="Signed change of pending.")]
    reserved: Annotated[int, Meta(description="Signed change of reserved.")]
    balance: Annotated[int, Meta(description="Available after this entry.")]
    pending_after: int
    reserved_after: int
    lifetime_after: int
    key: str | None
    reference: Reference | None
    relates_to: Annotated[
        int | None,
        Meta(description="Sequence of the entry it undoes, captures or releases."),
    ]
    transfer: Transfer | None
    referred_member: str | None
    description: str
    metadata: JsonObject
    available_at: datetime | None
    expires_at: datetime | None
    validity: str | None
    effective_at: datetime
    recorded_at: datetime
    actor: str
    hash: Annotated[str | None, Meta(description="Hexadecimal; of the chain.")]


class LotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What can still be spent of one credit."""

    id: Annotated[str, Meta(examples=["17.1"])]
    sequence: Annotated[int, Meta(description="The entry that opened it.")]
    n: int
    root: Annotated[int, Meta(description="The entry of the first lot it stems from.")]
    credited: int
    remaining: int
    lapsed: int
    state: Annotated[
        str,
        Meta(
            extra_json_schema={
                "enum": ["pending", "open", "spent", "lapsed", "cancelled"]
            }
        ),
    ]
    validity: str | None
    available_at: datetime | None
    expires_at: datetime | None


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
