"""The document of a programme's configuration: its wallets and all its earning.

What a struct cannot say about itself is looked at in `checking.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from punchcard.earning.documents import Ruleset

Code: TypeAlias = Annotated[
    str, Meta(max_length=63, pattern=r"^[a-z0-9]([-_]?[a-z0-9])*\Z")
]
WORD = r"[a-z][a-z0-9_]{0,39}"
"""What orders calls a type of activity, and a fact."""
Word: TypeAlias = Annotated[str, Meta(pattern=rf"^{WORD}\Z")]
Duration: TypeAlias = Annotated[
    str, Meta(max_length=40, pattern=r"^P[0-9YMWDTHS.,]+\Z")
]
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=10**15)]
FactKind: TypeAlias = Literal["text", "int", "bool"]
Shortfall: TypeAlias = Literal["debt", "cap", "deduct_from_refund", "refuse"]


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown fields are mistakes, not extensions."""


class WalletDocument(_Document, frozen=True, kw_only=True):
    """A wallet, and the policy that its points live by."""

    code: Code
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    scale: Annotated[int, Meta(ge=0, le=9)] = 0
    pending_period: Duration = "PT0S"
    validity: Annotated[str, Meta(min_length=2, max_length=40)] | None = None
    """None: points never expire."""
    grace: Duration = "P30D"
    debt_policy: Literal["debt", "cap", "refuse"] = "debt"
    hold_time_max: Duration = "P7D"
    idle: Duration | None = None
    limit_per_command: Limit | None = None
    limit_per_day: Limit | None = None
    limit_per_month: Limit | None = None


class ActivityType(_Document, frozen=True, kw_only=True):
    """What is told of an activity of one type."""

    facts: dict[Word, FactKind] = {}
    required: tuple[Word, ...] = ()


class PointValue(_Document, frozen=True, kw_only=True):
    """So many points of the first wallet are worth so many minor units of money."""

    points: Annotated[int, Meta(ge=1, le=10**12)]
    amount: Annotated[int, Meta(ge=1, le=10**15)]


class Returns(_Document, frozen=True, kw_only=True):
    """What becomes of points that a return takes back and that are spent already."""

    shortfall: Shortfall | None = None
    """None: as each wallet's debt policy says."""
    value: PointValue | None = None
    """What `deduct_from_refund` reckons with."""


class Document(_Document, frozen=True, kw_only=True):
    """A programme, whole."""

    wallets: tuple[WalletDocument, ...] = ()
    """In order: rules that name none grant in the first."""
    earning: Ruleset = Ruleset()
    activities: dict[Word, ActivityType] = {}
    """Which types there are; none: every type is taken, with any facts."""
    returns: Returns = Returns()


EMPTY = Document()


def parse_document(builtins: dict[str, Any]) -> Document:
    """Return the document that was checked and saved before.

    Raises:
        msgspec.ValidationError: it is none.
    """
    return msgspec.convert(builtins, Document)


def whole(document: Document) -> dict[str, Any]:
    """Return a document as it is saved: with every default.

    So a later release that has another default changes no version.
    """
    built: dict[str, Any] = msgspec.to_builtins(document)
    return built
