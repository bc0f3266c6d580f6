"""What ledger commands look like over HTTP, and how they become the ledger's own.

Types are checked here (a fraction, a text for a number, a field that is not one: the
whole request is refused, by its place); ranges and sense are the ledger's to judge,
command by command, so that in a batch each has its own outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.ledger.commands import Command, Earn, Redeem, Refund, Reverse

from .shapes import Reference

_POINTS_RANGE = {"minimum": 1, "maximum": 10**15}
_SOURCES = ["purchase", "referral", "bonus", "admin", "redemption", "topup", "system"]

Points = Annotated[
    int,
    Meta(
        description="Whole minor units of the wallet.",
        examples=[500],
        extra_json_schema=_POINTS_RANGE,
    ),
]
Source = Annotated[str, Meta(extra_json_schema={"enum": _SOURCES})]
Instant = Annotated[
    datetime, Meta(tz=True, description="RFC 3339, with its offset from UTC.")
]
Period = Annotated[
    str,
    Meta(
        description="ISO 8601 duration on the program's calendar.",
        examples=["P12M"],
        extra_json_schema={"maxLength": 40},
    ),
]
Description = Annotated[str, Meta(extra_json_schema={"maxLength": 2000})]
Metadata = Annotated[
    dict[str, Any],
    Meta(description="Yours; at most 16 kB of JSON. No personal data, please."),
]
AccountText = Annotated[
    str,
    Meta(
        description="`acc_…`, or `ext:<external id of the member>@<wallet>`.",
        examples=["ext:anna@points"],
    ),
]
Key = Annotated[
    str,
    Meta(
        description="Idempotency key: 1 to 200 printable characters.",
        extra_json_schema={"minLength": 1, "maxLength": 200},
    ),
]


class _Said(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
):
    reference: Reference | None = None
    at: Instant | None = None
    """When it happened, where that is earlier than now (imports)."""
    description: Description | None = None
    metadata: Metadata | None = None


class EarnBody(_Said, frozen=True, kw_only=True, tag=False):
    """Credit points: at once, after a pending period, or when an event comes."""

    points: Points
    source: Source = "purchase"
    pending: (
        Annotated[
            Period,
            Meta(description='A duration, or "event"; else the wallet\'s period.'),
        ]
        | None
    ) = None
    validity: (
        Annotated[
            Period,
            Meta(description="From when they become available until they lapse."),
        ]
        | None
    ) = None
    expires_at: Instant | None = None
    referred_member: (
        Annotated[str, Meta(description="`mem_…`, or `ext:<external id>`.")] | None
    ) = None


class RedeemBody(_Said, frozen=True, kw_only=True, tag=False):
    """Spend points."""

    points: Points
    up_to: Annotated[
        bool, Meta(description="Spend what there is, at most `points`, at least 1.")
    ] = False
    source: Source = "redemption"


class RefundBody(_Said, frozen=True, kw_only=True, tag=False):
    """Give back a spend, whole or in part."""

    points: Annotated[
        Points | None, Meta(description="Left out: what is not refunded yet.")
    ] = None
    source: Source = "redemption"


class ReverseBody(_Said, frozen=True, kw_only=True, tag=False):
    """Take back an earn, whole or in part."""

    points: Annotated[
        Points | None, Meta(description="Left out: what is not reversed yet.")
    ] = None
    policy: (
        Annotated[
            str,
            Meta(
                description="What to do about points that are spent already.",
                extra_json_schema={"enum": ["debt", "cap", "refuse"]},
            ),
        ]
        | None
    ) = None
    source: Source = "purchase"


class EarnCommand(EarnBody, frozen=True, kw_only=True, tag="earn"):
    """An earn in a batch."""

    account: AccountText
    key: Key | None = None


class RedeemCommand(RedeemBody, frozen=True, kw_only=True, tag="redeem"):
    """A redeem in a batch."""

    account: AccountText
    key: Key | None = None


class RefundCommand(RefundBody, frozen=True, kw_only=True, tag="refund"):
    """A refund in a batch."""

    account: AccountText
    entry: Annotated[int, Meta(description="Sequence of the spend.")]
    key: Key | None = None


class ReverseCommand(ReverseBody, frozen=True, kw_only=True, tag="reverse"):
    """A reverse in a batch."""

    account: AccountText
    entry: Annotated[int, Meta(description="Sequence of the earn.")]
    key: Key | None = None


AnyCommand: TypeAlias = EarnCommand | RedeemCommand | RefundCommand | ReverseCommand
AnyBody: TypeAlias = EarnBody | RedeemBody | RefundBody | ReverseBody


def to_command(
    body: AnyBody,
    *,
    account: UUID,
    key: str | None,
    actor: str,
    entry: int = 0,
    members: Mapping[str, UUID],
) -> Command:
    """Return the ledger's command; `members` has every referred member's id."""
    reference = body.reference
    said: dict[str, Any] = {
        "account": account,
        "points": body.points,
        "source": body.source,
        "reference_type": None if reference is None else reference.type,
        "reference_id": None if reference is None else reference.id,
        "key": key,
        "at": body.at,
        "actor": actor,
        "description": body.description,
        "metadata": body.metadata,
    }
    if isinstance(body, EarnBody):
        referred = body.referred_member
        return Earn(
            pending=body.pending,
            validity=body.validity,
            expires_at=body.expires_at,
            referred_member=None if referred is None else members[referred],
            **said,
        )
    if isinstance(body, RedeemBody):
        return Redeem(up_to=body.up_to, **said)
    if isinstance(body, RefundBody):
        return Refund(entry=entry, **said)
    return Reverse(entry=entry, policy=body.policy, **said)
