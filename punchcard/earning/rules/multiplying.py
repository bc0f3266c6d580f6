"""Multipliers on a rule: which count on which line, and what each adds.

Within a group the bonuses add up (x2 and x3 make x4), or the best or first counts, line
by line; between groups factors multiply. Each link of the chain is one rule's, and its
factors are those up to and with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from math import prod

import msgspec

from punchcard.earning.documents import (
    Multiply,
    PerItem,
    PerSpend,
    Ratio,
    Rule,
    Stacking,
)
from punchcard.earning.purchases import PartOf
from punchcard.earning.rules.basis import Base
from punchcard.earning.rules.formula import Scaled, exact, scaled
from punchcard.earning.rules.matching import Chosen


class Bonus(msgspec.Struct, frozen=True, gc=False):
    """What a multiplier adds to a line: of its factor, on one of so many items."""

    factor: Ratio
    group: str | None
    items: int


class Multiplier(msgspec.Struct, frozen=True, gc=False):
    """A rule that multiplies, with the lines that it matches."""

    rule: Rule
    factor: Ratio
    chosen: Sequence[Chosen]


class Link(msgspec.Struct, frozen=True, gc=False):
    """A rule's place in a chain: the factors of all lines up to and with it."""

    rule: Rule
    factors: Scaled


def multiplied(rules: Sequence[Rule]) -> dict[str, frozenset[str]]:
    """Return which rules multiply a rule at all; those that none does are left out."""
    found = {
        rule.id: frozenset(one.id for one in rules if _multiplies(one, rule))
        for rule in rules
    }
    return {rule: by for rule, by in found.items() if by}


def _multiplies(one: Rule, rule: Rule) -> bool:
    earn = one.earn
    if not isinstance(earn, Multiply):
        return False
    if earn.rules:
        return rule.id in earn.rules
    return isinstance(rule.earn, (PerSpend, PerItem))


class Chains:
    """The chains of one purchase: rules that grant on the same lines share one."""

    def __init__(
        self,
        multipliers: Sequence[Multiplier],
        multiplied: Mapping[str, Collection[str]],
        stackings: Mapping[str | None, Stacking],
    ) -> None:
        self._multipliers = multipliers
        self._multiplied = multiplied
        self._stackings = stackings
        self._known: dict[tuple[object, ...], list[Link]] = {}

    def of(self, rule: Rule, base: Base) -> list[Link]:
        """Return the rule itself, then the multipliers that add something to it."""
        lines = tuple(base.basis)
        links = [Link(rule, _ones(len(lines)))]
        by = self._multiplied.get(rule.id)
        if by is None:
            return links
        numbers = tuple(
            [
                number
                for number, one in enumerate(self._multipliers)
                if one.rule.id in by
            ]
        )
        if not numbers:
            return links
        one_item = rule.lines is not None and rule.lines.select != "all"
        key = (lines, numbers, one_item)
        if key not in self._known:
            self._known[key] = self._on(lines, numbers, one_item=one_item)
        return links + self._known[key]

    def _on(
        self, lines: tuple[PartOf, ...], numbers: tuple[int, ...], *, one_item: bool
    ) -> list[Link]:
        matched = {
            number: _items(self._multipliers[number], lines, one_item=one_item)
            for number in numbers
        }
        on_lines: list[tuple[Bonus, ...]] = [()] * len(lines)
        links = []
        for number, counted in self._counting(matched).items():
            one = self._multipliers[number]
            for place, items in counted.items():
                on_lines[place] += (Bonus(one.factor, one.rule.group, items),)
            if counted and _added(one.factor, 1) > 0:
                links.append(Link(one.rule, _factors(tuple(on_lines))))
        return links

    def _counting(
        self, matched: dict[int, dict[int, int]]
    ) -> dict[int, dict[int, int]]:
        """Leave of each group, on each line, what its stacking lets count."""
        holders: dict[tuple[str | None, int], int] = {}
        for number, of_lines in matched.items():
            group = self._multipliers[number].rule.group
            if self._stackings[group] == "sum":
                continue
            for place, items in of_lines.items():
                held = holders.setdefault((group, place), number)
                if self._stackings[group] == "best" and held != number:
                    best = self._added(held, matched[held][place])
                    if self._added(number, items) > best:
                        holders[group, place] = number
        counting = {}
        for number, of_lines in matched.items():
            group = self._multipliers[number].rule.group
            counting[number] = {
                place: items
                for place, items in of_lines.items()
                if holders.get((group, place), number) == number
            }
        return counting

    def _added(self, number: int, items: int) -> Fraction:
        return _added(self._multipliers[number].factor, items)


@lru_cache(maxsize=4096)
def _ones(lines: int) -> Scaled:
    return Scaled((1,) * lines)


@lru_cache(maxsize=4096)
def _added(factor: Ratio, items: int) -> Fraction:
    return (exact(factor) - 1) / items


@lru_cache(maxsize=4096)
def _factors(on_lines: tuple[tuple[Bonus, ...], ...]) -> Scaled:
    """Return the factors of lines; most orders have those of another."""
    return scaled([_factor(bonuses) for bonuses in on_lines])


def _factor(bonuses: Iterable[Bonus]) -> Fraction:
    by_group: dict[str | None, Fraction] = {}
    for one in bonuses:
        before = by_group.get(one.group, Fraction(1))
        by_group[one.group] = before + _added(one.factor, one.items)
    return prod(by_group.values(), start=Fraction(1))


def _items(
    one: Multiplier, lines: Sequence[PartOf], *, one_item: bool
) -> dict[int, int]:
    """Return the lines that a multiplier matches, by place: it is for one of so many.

    For one item alone of a line, where it says so and the rule beneath does not.
    """
    if one.rule.lines is None:
        return dict.fromkeys(range(len(lines)), 1)
    found = {}
    for chosen in one.chosen:
        if chosen.line.n in lines:
            whole = one_item or not chosen.one_item
            found[lines.index(chosen.line.n)] = 1 if whole else chosen.line.quantity
    return found
