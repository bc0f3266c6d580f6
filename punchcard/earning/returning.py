"""What a return takes back of each award: exactly what was granted there, once.

A pure function of what has come back so far, all returns together; what was taken
before is subtracted. So any number of partial returns, in any order, adds up to one
full return to the point.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from .decisions import Award, Decision, Inputs
from .documents import Achieve, Ruleset
from .purchases import PartOf, Purchase
from .rules import keeping, matching
from .rules.basis import counted_in
from .rules.facts import restored

AwardKey: TypeAlias = tuple[str, str | None]
"""(rule, the rule that it multiplies)."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What one award gives back for the returns so far."""

    rule: str
    of: str | None
    points: int
    """To reverse now."""
    in_all: int
    """With what was reversed before."""
    kept: int


def take_back(
    *,
    awards: Sequence[Award],
    returned: Mapping[PartOf, Fraction],
    taken: Mapping[AwardKey, int],
) -> tuple[Taken, ...]:
    """Return what awards give back, each for its share of what came back.

    `returned` is the share that has come back of every line of the order, all returns
    together, and 0 of those of which nothing has. What is not of a line (shipping,
    points for the order) comes back with the last line unless it is named. An award
    keeps what its own rate gives on what was kept, rounded as it was.
    """
    kept = keeping.kept_points(awards, returned)
    return _taken(awards, kept, taken)


def take_back_anew(
    *,
    awards: Sequence[Award],
    decision: Decision,
    taken: Mapping[AwardKey, int],
) -> tuple[Taken, ...]:
    """Return what awards give back when the kept part was decided anew.

    `decision` is of `keep(...)`, by the rules and counters of when the order was
    placed: a threshold that is no longer met takes its bonus along. No return grants.
    """
    anew = {(award.rule, award.of): award.points for award in decision.awards}
    kept = [min(anew.get(key_of(award), 0), award.points) for award in awards]
    return _taken(awards, kept, taken)


def keep(*, purchase: Purchase, returned: Mapping[PartOf, Fraction]) -> Purchase:
    """Return what is left of a purchase; of a line that came back whole, nothing."""
    return keeping.kept_purchase(purchase, returned)


def key_of(award: Award) -> AwardKey:
    """Return what tells an award from the others of its order."""
    return (award.rule, award.of)


def _taken(
    awards: Sequence[Award], kept: Sequence[int], taken: Mapping[AwardKey, int]
) -> tuple[Taken, ...]:
    before = [taken.get(key_of(award), 0) for award in awards]
    in_all = list(before)
    for places in _chains(awards):
        together = keeping.taken_in_all(
            granted=[awards[at].points for at in places],
            kept=[kept[at] for at in places],
            before=[before[at] for at in places],
        )
        for at, points in zip(places, together, strict=True):
            in_all[at] = points
    return tuple(
        Taken(
            rule=award.rule,
            of=award.of,
            points=now - earlier,
            in_all=now,
            kept=award.points - now,
        )
        for award, now, earlier in zip(awards, in_all, before, strict=True)
    )


def _chains(awards: Sequence[Award]) -> list[list[int]]:
    """Return places of awards that were rounded together: a rule's and those on it."""
    chains: dict[str, list[int]] = {}
    for at, award in enumerate(awards):
        chains.setdefault(award.of or award.rule, []).append(at)
    return list(chains.values())


def as_decided(*, purchase: Purchase, inputs: Inputs) -> Purchase:
    """Return a purchase with what was known of the member when it was decided."""
    return msgspec.structs.replace(
        purchase,
        level=inputs.level,
        is_first=inputs.is_first,
        born_on=inputs.born_on,
        facts=restored(inputs.facts),
    )


def still_counted(
    *,
    ruleset: Ruleset,
    kept: Purchase,
    zone: ZoneInfo,
    rules: Collection[str],
) -> dict[str, int]:
    """Return how far what is kept of a purchase takes a member, by achievement's rule.

    `kept` is of `keep(...)`. The rules matched when it was decided; only lines and
    amounts are looked at anew.
    """
    wanted = [rule for rule in ruleset.rules if rule.id in rules]
    if not kept.lines:
        return {rule.id: 0 for rule in wanted}
    setting = matching.Setting(kept, zone)
    found = {rule.id: 0 for rule in wanted}
    for rule in wanted:
        chosen = matching.chooser_of(rule.lines)(setting)
        if isinstance(rule.earn, Achieve) and (chosen or rule.lines is None):
            found[rule.id] = counted_in(rule.earn, chosen, setting)
    return found
