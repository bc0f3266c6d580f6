"""Rulesets made ready: what of a rule is the same for every purchase, found once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from punchcard.earning.documents import (
    Achieve,
    Campaign,
    CapPeriod,
    Rule,
    Ruleset,
    Stacking,
)
from punchcard.earning.rules import capping, matching, multiplying
from punchcard.earning.rules.facts import FACTS, MEMBER_FACTS
from punchcard.earning.rules.matching import Check, Chooser, No
from punchcard.kernel.conditions import compile_condition

KEPT = 1_000
"""Rulesets that a process has ready: as many as the documents that it remembers."""


class Ready(NamedTuple):
    """A rule, what is asked of a purchase for it, and its lines of one."""

    rule: Rule
    checks: tuple[Check, ...]
    choose: Chooser


class Playing(NamedTuple):
    """The rules for one trigger."""

    rules: tuple[Ready, ...]
    """Those that can apply, in order."""
    never: Mapping[str, No]
    """Why the others never do, by rule."""
    counting: tuple[tuple[str, CapPeriod], ...]
    """Rules and the periods in which they are counted."""


class Prepared:
    """A ruleset made ready."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        self.ordered = in_order(ruleset.rules)
        self.stackings: Mapping[str | None, Stacking] = {
            None: ruleset.stacking,
            **{group.id: group.stacking for group in ruleset.groups},
        }
        """How the rules of each group stack; None: those without a group."""
        self.exclusive = {group.id for group in ruleset.groups if group.exclusive}
        self.multiplied = multiplying.multiplied(ruleset.rules)
        """Which rules multiply a rule."""
        self.facts = _facts_of(ruleset)
        triggers = {rule.trigger for rule in ruleset.rules}
        self._playing = {trigger: self._play(trigger) for trigger in triggers}

    def playing(self, trigger: str) -> Playing:
        """Return the rules for a trigger."""
        # Of a trigger that no rule has nothing is kept: those come from outside.
        return self._playing.get(trigger) or self._play(trigger)

    def _play(self, trigger: str) -> Playing:
        campaigns: dict[str | None, Campaign] = {
            campaign.id: campaign for campaign in self.ruleset.campaigns
        }
        never = {
            rule.id: no
            for rule in self.ordered
            if (no := matching.standing(rule, trigger, campaigns)) is not None
        }
        rules = tuple(
            Ready(
                rule,
                matching.checks_of(rule, campaigns, self.ruleset.segments),
                matching.chooser_of(rule.lines),
            )
            for rule in self.ordered
            if rule.id not in never
        )
        counting = tuple(
            (rule.id, per)
            for rule in self.ruleset.rules
            if rule.trigger == trigger and rule.active
            for per in _periods_of(rule)
        )
        return Playing(rules, never, counting)


def _periods_of(rule: Rule) -> list[CapPeriod]:
    periods = dict.fromkeys(capping.periods_of(rule))
    if isinstance(rule.earn, Achieve):
        periods[rule.earn.per] = None
    return list(periods)


def _facts_of(ruleset: Ruleset) -> frozenset[str]:
    """Return the names of all facts that rules may look at."""
    names: set[str] = set()
    for rule in ruleset.rules:
        if not rule.active:
            continue
        if rule.first_purchase:
            names.add("order.is_first")
        for name in rule.segments:
            text = ruleset.segments[name]
            names |= compile_condition(text, variables=MEMBER_FACTS).names
        if rule.when is not None:
            names |= compile_condition(rule.when, variables=FACTS).names
    return frozenset(names)


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """Return rules by priority, the highest first; equal ones by their ids."""
    return sorted(rules, key=lambda rule: (-rule.priority, rule.id))


def prepared(ruleset: Ruleset) -> Prepared:
    """Return a ruleset made ready: the same object is made ready once."""
    return _prepared(_Itself(ruleset))


class _Itself:
    """A ruleset as a key: it is equal to itself alone, and is compared in no time."""

    __slots__ = ("ruleset",)

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.ruleset is other.ruleset

    def __hash__(self) -> int:
        return id(self.ruleset)


@lru_cache(maxsize=KEPT)
def _prepared(itself: _Itself) -> Prepared:
    return Prepared(itself.ruleset)
