"""What ledger commands look like over HTTP, and how they become the ledger's own.

Types are checked here (a fraction, a text for a number, a field that is not one: the
whole request is refused, by its place); ranges and sense are the ledger's to judge,
command by command, so that in a batch each has its own outcome.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.pagination import SEQUENCE_MAX

from .shapes import Reference

_POINTS_MAX = 10**15
_POLICIES = ["debt", "cap", "refuse"]
_SOURCES = ["purchase", "referral", "bonus", "admin", "redemption", "topup", "system"]

Points = Annotated[
    int,
    Meta(
        description="Whole minor units of the wallet.",
        examples=[500],
        extra_json_schema={"minimum": 1, "maximum": _POINTS_MAX},
    ),
]
WholePoints = Annotated[
    int,
    Meta(
        description="Whole minor units of the wallet.",
        ge=1,
        le=_POINTS_MAX,
        examples=[500],
    ),
]
SignedPoints = Annotated[
    int,
    Meta(
        description="Whole minor units of the wallet, up or down; not 0.",
        examples=[-250],
        extra_json_schema={"minimum": -_POINTS_MAX, "maximum": _POINTS_MAX},
    ),
]
Source = Annotated[str, Meta(extra_json_schema={"enum": _SOURCES})]
TransferSource = Annotated[
    str, Meta(extra_json_schema={"enum": [*_SOURCES, "transfer"]})
]
Instant = Annotated[
    datetime, Meta(tz=True, description="RFC 3339, with its offset from UTC.")
]
Period = Annotated[
    str,
    Meta(
        description="ISO 8601 duration on the program's calendar.",
        examples=["P12M"],
        extra_json_schema={"maxLength": 40, "pattern": texts.DURATION},
    ),
]
ValidityText = Annotated[
    str,
    Meta(
        description="How long points live from when they can be spent: a duration, "
        "and behind a slash what it is rounded up to: the end of its `day`, `week`, "
        "`month`, `quarter`, `half` or `year`, or the end of the next of some days, "
        "as in `P6M/--12-31`. Or `never`.",
        examples=["P12M"],
        extra_json_schema={
            "minLength": 2,
            "maxLength": 40,
            "pattern": texts.VALIDITY,
        },
    ),
]
PendingPeriod = Annotated[
    str,
    Meta(
        description='A duration, or "event"; else the wallet\'s period.',
        examples=["P14D"],
        extra_json_schema={"maxLength": 40, "pattern": texts.PENDING},
    ),
]
Description = Annotated[
    str, Meta(extra_json_schema={"maxLength": 2000, "pattern": texts.ANY})
]
Reason = Annotated[
    str,
    Meta(
        description="Why; becomes the entry's description. No personal data, please.",
        examples=["Points of the paper card"],
        extra_json_schema={"minLength": 1, "maxLength": 2000, "pattern": texts.ANY},
    ),
]
Metadata = Annotated[
    dict[str, Any],
    Meta(
        description="Yours: at most 16 kB of JSON, 100 levels deep. No personal data, "
        "please."
    ),
]
PlaceCode = Annotated[
    str,
    Meta(
        description=(
            "Code of the place where it happens; kept in the metadata as `place`. A "
            "cashier's is one of their own, and may be left out when they have one."
        ),
        max_length=texts.CODE_MAX,
        pattern=texts.whole(texts.CODE),
        examples=["paris-3"],
    ),
]
Policy = Annotated[
    str,
    Meta(
        description="What to do about points that are spent already.",
        extra_json_schema={"enum": _POLICIES},
    ),
]
AccountText = Annotated[
    str,
    Meta(
        description="`acc_…`, or `ext:<external id of the member>@<wallet>`.",
        max_length=texts.ACCOUNT_MAX,
        pattern=texts.ANY,
        examples=["ext:anna@points"],
    ),
]
MemberText = Annotated[
    str,
    Meta(
        description="`mem_…`, or `ext:<external id>`.",
        max_length=texts.MEMBER_MAX,
        pattern=texts.ANY,
    ),
]
LotText = Annotated[
    str,
    Meta(
        description="`<sequence>.<n>`; `17` is `17.1`.",
        max_length=texts.LOT_MAX,
        pattern=texts.whole(texts.LOT),
        examples=["17.1"],
    ),
]
EntrySequence = Annotated[
    int,
    Meta(
        description="Sequence of the entry.",
        examples=[1],
        extra_json_schema={"minimum": 1, "maximum": SEQUENCE_MAX},
    ),
]
HoldSequence = Annotated[
    int,
    Meta(
        description="Sequence of the hold's `reserve`.",
        examples=[1],
        extra_json_schema={"minimum": 1, "maximum": SEQUENCE_MAX},
    ),
]
Key = Annotated[
    str,
    Meta(
        description="Idempotency key: 1 to 200 printable characters.",
        examples=["order-1017-earn"],
        extra_json_schema={
            "minLength": 1,
            "maxLength": 200,
            "pattern": texts.PRINTABLE,
        },
    ),
]


class Said(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
):
    """What every command may say."""

    reference: Reference | None = None
    at: Instant | None = None
    """When it happened, where that is earlier than now (imports)."""
    metadata: Metadata | None = None


class Described(Said, frozen=True, kw_only=True, tag=False):
    """A command that may say what the statement shows."""

    description: Description | None = None


class AtPlace(Described, frozen=True, kw_only=True, tag=False):
    """A command of a till."""

    place: PlaceCode | None = None


class EarnBody(AtPlace, frozen=True, kw_only=True, tag=False):
    """Credit points: at once, after a pending period, or when an event comes."""

    points: Points
    source: Source = "purchase"
    pending: PendingPeriod | None = None
    validity: (
        Annotated[ValidityText, Meta(description="Else the wallet's validity.")] | None
    ) = None
    expires_at: Instant | None = None
    referred_member: MemberText | None = None


class RedeemBody(AtPlace, frozen=True, kw_only=True, tag=False):
    """Spend points."""

    points: Points
    up_to: Annotated[
        bool, Meta(description="Spend what there is, at most `points`, at least 1.")
    ] = False
    source: Source = "redemption"


class ReserveBody(AtPlace, frozen=True, kw_only=True, tag=False):
    """Set points aside for a spend that is not final yet."""

    points: Points
    up_to: Annotated[
        bool, Meta(description="Reserve what there is, at most `points`, at least 1.")
    ] = False
    time_to_live: (
        Annotated[
            Period,
            Meta(
                description="Then the points come back; else the wallet's maximum.",
                examples=["PT15M"],
            ),
        ]
        | None
    ) = None
    source: Source = "redemption"


class CaptureBody(AtPlace, frozen=True, kw_only=True, tag=False):
    """Make a hold a spend, whole or in part."""

    points: Annotated[
        Points | None, Meta(description="Left out: all that is held.")
    ] = None
    source: Source = "redemption"


class VoidBody(AtPlace, frozen=True, kw_only=True, tag=False):
    """Give up a hold."""

    source: Source = "redemption"


class RefundBody(Described, frozen=True, kw_only=True, tag=False):
    """Give back a spend, whole or in part."""

    points: Annotated[
        Points | None, Meta(description="Left out: what is not refunded yet.")
    ] = None
    source: Source = "redemption"


class ReverseBody(Described, frozen=True, kw_only=True, tag=False):
    """Take back an earn, whole or in part."""

    points: Annotated[
        Points | None, Meta(description="Left out: what is not reversed yet.")
    ] = None
    policy: (
        Annotated[Policy, Meta(description="Left out: the wallet's debt policy.")]
        | None
    ) = None
    source: Source = "purchase"


class AdjustBody(Said, frozen=True, kw_only=True, tag=False):
    """Correct a balance by hand, up or down."""

    points: SignedPoints
    reason: Reason
    policy: (
        Annotated[Policy, Meta(description="Of a minus; left out: `refuse`.")] | None
    ) = None
    validity: (
        Annotated[
            ValidityText,
            Meta(description="Of a plus, from now; else the wallet's validity."),
        ]
        | None
    ) = None
    expires_at: Annotated[Instant, Meta(description="Of a plus.")] | None = None
    lot: (
        Annotated[
            LotText,
            Meta(description="A minus takes from it alone; a plus continues it."),
        ]
        | None
    ) = None
    source: Source = "admin"


class TransferBody(Described, frozen=True, kw_only=True, tag=False):
    """Move points to another account of the same wallet."""

    to: AccountText
    points: Points
    source: TransferSource = "transfer"


class ActivateBody(Described, frozen=True, kw_only=True, tag=False):
    """Make a pending lot available, whole."""

    source: Source = "purchase"


class CancelBody(Described, frozen=True, kw_only=True, tag=False):
    """Take a pending lot back, whole."""

    source: Source = "purchase"


AnyBody: TypeAlias = (
    EarnBody
    | RedeemBody
    | ReserveBody
    | CaptureBody
    | VoidBody
    | RefundBody
    | ReverseBody
    | AdjustBody
    | TransferBody
    | ActivateBody
    | CancelBody
)
