"""Earning rules as a programme writes them down; amounts are whole minor units.

A ratio is a whole number or decimal text (`"1.5"`), never a float. What a struct cannot
say about itself (names that must exist, conditions) is looked at in `checking.py`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Slug: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}\Z")]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Minor: TypeAlias = Annotated[int, Meta(ge=0, le=10**15)]
Points: TypeAlias = Annotated[int, Meta(ge=1, le=10**12)]
RatioText: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?\Z")]
Ratio: TypeAlias = Annotated[int, Meta(ge=0, le=10**9)] | RatioText
WallClock: TypeAlias = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RoundingMode: TypeAlias = Literal["floor", "ceil", "half_even", "half_up"]
Stacking: TypeAlias = Literal["sum", "best", "first"]
CapPeriod: TypeAlias = Literal[
    "order", "day", "week", "month", "year", "ever", "budget"
]


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown fields are mistakes, not extensions."""


class PerSpend(_Document, frozen=True, kw_only=True, tag_field="kind", tag="per_spend"):
    """`points` for each `per` minor units of what the matched lines cost."""

    points: Ratio
    per: Annotated[int, Meta(ge=1, le=10**15)]
    tax: Literal["before", "after"]
    """Must be said: whether points are given on tax is a promise to members."""
    discounts: Literal["before", "after"] = "after"
    shipping: bool = False
    tenders: Literal["money", "all"] = "money"
    whole_steps: bool = False
    """Count whole `per` only, over all matched lines: 1.99 is one step of 1.00."""


class Fixed(_Document, frozen=True, kw_only=True, tag_field="kind", tag="fixed"):
    """`points` once: for the lines that a filter matches, or for the whole order."""

    points: Points


class PerItem(_Document, frozen=True, kw_only=True, tag_field="kind", tag="per_item"):
    """`points` for each item of the matched lines."""

    points: Ratio


class Multiply(_Document, frozen=True, kw_only=True, tag_field="kind", tag="multiply"):
    """What other rules grant on the matched lines, times `factor` (1 or more)."""

    factor: Ratio
    rules: tuple[Slug, ...] = ()
    """Which; none: every rule that grants per spend or per item."""


class Achieve(_Document, frozen=True, kw_only=True, tag_field="kind", tag="achieve"):
    """`points` when a member has come to `target` within a period: a stamp card.

    Counted are orders or activities that match, the items of the matched lines, or
    what was paid for them with money, in minor units.
    """

    points: Points
    target: Annotated[int, Meta(ge=1, le=10**15)]
    count: Literal["times", "items", "spend"] = "times"
    per: Literal["day", "week", "month", "year", "ever"] = "ever"
    repeats: bool = False
    """At every multiple of the target, or at the first alone."""


Earn: TypeAlias = PerSpend | Fixed | PerItem | Multiply | Achieve


class LineFilter(_Document, frozen=True, kw_only=True):
    """Some lines: each list that is given is looked in."""

    sku: tuple[Text, ...] = ()
    category: tuple[Text, ...] = ()
    brand: tuple[Text, ...] = ()


class Lines(_Document, frozen=True, kw_only=True):
    """Which lines: in every list of `include`, in no list of `exclude`."""

    include: LineFilter = LineFilter()
    exclude: LineFilter = LineFilter()
    select: Literal["all", "cheapest", "dearest"] = "all"
    """All that match, or one item of the cheapest or dearest of them."""


class OrderAmount(_Document, frozen=True, kw_only=True):
    """What the customer pays for all lines, with tax, without shipping: [min, max]."""

    min: Minor = 0
    max: Minor | None = None


class Dates(
    _Document,
    frozen=True,
    kw_only=True,
    rename={"starts_on": "from", "ends_on": "to"},
):
    """Days on the programme's calendar, `to` not among them."""

    starts_on: date | None = None
    ends_on: date | None = None


class Hours(
    _Document,
    frozen=True,
    kw_only=True,
    rename={"opens_at": "from", "closes_at": "to"},
):
    """A stretch of days on the programme's wall clock, `to` not part of it.

    Where `to` is not after `from`, it is of the next day: the stretch belongs to the
    day on which it began.
    """

    days: tuple[Weekday, ...] = WEEKDAYS
    opens_at: WallClock = "00:00"
    closes_at: WallClock = "00:00"


class Cap(_Document, frozen=True, kw_only=True):
    """At most `points`, or `times` orders, `per` order, member and period, or in all.

    `budget` is the rule's, of all members together; all others are a member's own.
    """

    per: CapPeriod
    points: Points | None = None
    times: Points | None = None
    over: Literal["reduce", "reject"] = "reduce"


class Rounding(_Document, frozen=True, kw_only=True):
    """How a fraction becomes whole, once: of the order's sum, or of each line."""

    mode: RoundingMode = "floor"
    per: Literal["order", "line"] = "order"


class Rule(_Document, frozen=True, kw_only=True):
    """What is earned, by what, under which conditions, up to which caps."""

    id: Slug
    earn: Earn
    name: Annotated[str, Meta(max_length=200)] = ""
    trigger: Annotated[
        str, Meta(pattern=r"^(order|activity:[a-z0-9][a-z0-9_-]{0,62})\Z")
    ] = "order"
    active: bool = True
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    """The highest is first."""
    group: Slug | None = None
    campaign: Slug | None = None
    wallet: Slug | None = None
    """None: the programme's first."""
    lines: Lines | None = None
    order: OrderAmount | None = None
    dates: Dates | None = None
    hours: tuple[Hours, ...] = ()
    """One of them is enough."""
    first_purchase: bool = False
    birthday: Literal["day", "week", "month"] | None = None
    level: tuple[Text, ...] = ()
    channel: tuple[Text, ...] = ()
    place: tuple[Text, ...] = ()
    segments: tuple[Slug, ...] = ()
    """One of them is enough."""
    when: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    caps: tuple[Cap, ...] = ()
    cooldown: Annotated[str, Meta(max_length=40)] | None = None
    """An ISO 8601 duration in which the rule grants a member nothing more."""
    rounding: Rounding = Rounding()
    validity: Annotated[str, Meta(min_length=2, max_length=40)] | None = None
    """How long what it grants lives; None: as the level or the wallet says."""


class Campaign(_Document, frozen=True, kw_only=True):
    """Rules that begin and end together."""

    id: Slug
    name: Annotated[str, Meta(max_length=200)] = ""
    active: bool = True
    dates: Dates | None = None


class Group(_Document, frozen=True, kw_only=True):
    """Rules that compete.

    An exclusive group that matches leaves out every rule of others; between several,
    the one with the first rule counts.
    """

    id: Slug
    stacking: Stacking = "sum"
    exclusive: bool = False


class Ruleset(_Document, frozen=True, kw_only=True):
    """All the earning of a programme, as of one version."""

    rules: tuple[Rule, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    groups: tuple[Group, ...] = ()
    segments: dict[Slug, Annotated[str, Meta(min_length=1, max_length=1000)]] = {}
    """Conditions over the member, by name."""
    stacking: Stacking = "sum"
    """Of rules without a group, among each other."""
    returns: Literal["share", "reevaluate"] = "share"
    """A return takes its share, or what the order would not have earned without it."""
