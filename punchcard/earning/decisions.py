"""What was decided: awards to the point and line, and a word on every rule.

A batch makes some ten thousand of these. None is ever part of a cycle, so Python's
collector need not look for one (`gc=False`): it took a fifth of the time.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, TypeAlias

import msgspec

from .documents import RoundingMode
from .purchases import Counter, PartOf, Used

WhyNot: TypeAlias = Literal[
    "other_trigger",
    "rule_inactive",
    "campaign_inactive",
    "outside_campaign",
    "outside_dates",
    "outside_hours",
    "not_first_purchase",
    "not_birthday",
    "other_level",
    "other_channel",
    "other_place",
    "order_below_minimum",
    "order_above_maximum",
    "not_in_segment",
    "condition_false",
    "condition_failed",
    "no_line_matches",
    "not_reached",
    "reached_before",
    "nothing_to_earn_on",
    "excluded",
    "outdone",
    "nothing_to_multiply",
    "rounds_to_nothing",
    "cooldown",
    "cap_order",
    "cap_day",
    "cap_week",
    "cap_month",
    "cap_year",
    "cap_ever",
    "cap_budget",
]
"""Why a rule granted nothing, or less than it asked; the first reason is told."""

Reason: TypeAlias = Literal["returned", "cancelled", "reopened"]
"""Why something was taken back: what became of the order."""


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An award's part on one line; ratios are text, `3` or `3/2`."""

    line: PartOf
    basis: int
    """Minor units, items, or a weight of the line: what the rate applies to."""
    beneath: str = "0"
    """The factor up to which other awards have granted already."""
    factor: str = "1"
    """The factor up to which this one grants."""
    points: int


class Award(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one rule granted; for a multiplier, on top of one other rule.

    As it was worked out: the sum of basis x factor x `rate` / `per`, rounded once, less
    what is beneath, cut down by caps.
    """

    rule: str
    of: str | None = None
    """The rule that a multiplier multiplies."""
    campaign: str | None = None
    wallet: str | None = None
    kind: str
    rate: str
    per: int
    whole_steps: bool = False
    rounding: RoundingMode
    rounding_per: str
    asked: int
    """Points before caps."""
    cap: WhyNot | None = None
    """What made `points` less than `asked`."""
    points: int
    validity: str | None = None
    """Its own rule's; of a multiplier without one, that of the rule it multiplies."""
    parts: tuple[Part, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of a rule: `code` and `detail` say why it granted less than asked."""

    rule: str
    matched: bool
    points: int = 0
    code: WhyNot | None = None
    detail: str = ""


class Use(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a decision adds to a counter."""

    counter: Counter
    points: int = 0
    times: int = 0
    counted: int = 0
    """Towards an achievement."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The awards of a purchase, and every rule that was looked at, in order."""

    awards: tuple[Award, ...] = ()
    looked_at: tuple[Verdict, ...] = ()
    uses: tuple[Use, ...] = ()

    @property
    def points(self) -> int:
        """All that is granted."""
        return sum(award.points for award in self.awards)


class Inputs(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was known of the member when it was decided, to decide it anew alike."""

    level: str = ""
    is_first: bool = False
    born_on: date | None = None
    facts: dict[str, Any] = {}
    used: tuple[tuple[Counter, Used], ...] = ()
