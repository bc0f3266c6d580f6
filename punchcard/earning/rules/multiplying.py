"""Multipliers on a rule: which count on which line, and what each adds.

Within a group the bonuses add up (x2 and x3 make x4), or the best or first counts, line
by line; between groups factors multiply. Each link of the chain is one rule's, and its
factors are those up to and with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from punchcard.earning.documents import Multiply, PerItem, PerSpend, Rule, Stacking
from punchcard.earning.rules.basis import Base
from punchcard.earning.rules.formula import Scaled, scaled
from punchcard.earning.rules.matching import Chosen

_ONE = Fraction(1)


class Multiplier(NamedTuple):
    """A rule that multiplies, with the lines that it matches."""

    rule: Rule
    factor: Fraction
    chosen: list[Chosen]


class Link(NamedTuple):
    """A rule's place in a chain: the factors of all lines up to and with it."""

    rule: Rule
    factors: Scaled


def multiplies(one: Multiplier, rule: Rule) -> bool:
    """Return whether a multiplier is for this rule at all."""
    earn = one.rule.earn
    if isinstance(earn, Multiply) and earn.rules:
        return rule.id in earn.rules
    return isinstance(rule.earn, (PerSpend, PerItem))


class Chains:
    """The chains of one purchase: rules that grant on the same lines share one."""

    def __init__(
        self,
        multipliers: Sequence[Multiplier],
        stackings: Mapping[str | None, Stacking],
    ) -> None:
        self._multipliers = multipliers
        self._stackings = stackings
        self._known: dict[tuple[object, ...], list[Link]] = {}

    def of(self, rule: Rule, base: Base) -> list[Link]:
        """Return the rule itself, then the multipliers that add something to it."""
        lines = tuple(base.basis)
        links = [Link(rule, Scaled((1,) * len(lines)))]
        numbers = tuple(
            number
            for number, one in enumerate(self._multipliers)
            if multiplies(one, rule)
        )
        if not numbers:
            return links
        one_item = rule.lines is not None and rule.lines.select != "all"
        key = (lines, numbers, one_item)
        if key not in self._known:
            self._known[key] = self._on(lines, numbers, one_item=one_item)
        return links + self._known[key]

    def _on(
        self, lines: tuple[int | None, ...], numbers: tuple[int, ...], *, one_item: bool
    ) -> list[Link]:
        factors = {
            number: _factors(self._multipliers[number], lines, one_item=one_item)
            for number in numbers
        }
        counting = _counting(self._multipliers, factors, self._stackings)
        bonuses: list[dict[str | None, Fraction]] = [{} for _ in lines]
        links = []
        for number, counted in counting.items():
            group = self._multipliers[number].rule.group
            for place, factor in counted.items():
                bonus = bonuses[place]
                bonus[group] = bonus.get(group, _ONE) + factor - 1
            if any(factor > 1 for factor in counted.values()):
                rule = self._multipliers[number].rule
                links.append(Link(rule, scaled(_products(bonuses))))
        return links


def _products(bonuses: list[dict[str | None, Fraction]]) -> list[Fraction]:
    products = []
    for bonus in bonuses:
        product = _ONE
        for factor in bonus.values():
            product *= factor
        products.append(product)
    return products


def _factors(
    one: Multiplier, lines: Sequence[int | None], *, one_item: bool
) -> dict[int, Fraction]:
    """Return the multiplier's factor by place of the line.

    It is for one item of a line, where either rule is.
    """
    if one.rule.lines is None:
        return dict.fromkeys(range(len(lines)), one.factor)
    found = {}
    for chosen in one.chosen:
        if chosen.line.n not in lines:
            continue
        items = 1 if one_item or not chosen.one_item else chosen.line.quantity
        found[lines.index(chosen.line.n)] = 1 + (one.factor - 1) / items
    return found


def _counting(
    multipliers: Sequence[Multiplier],
    factors: dict[int, dict[int, Fraction]],
    stackings: Mapping[str | None, Stacking],
) -> dict[int, dict[int, Fraction]]:
    """Leave of each group, on each line, what its stacking lets count."""
    holders: dict[tuple[str | None, int], int] = {}
    for number, of_lines in factors.items():
        group = multipliers[number].rule.group
        for place, factor in of_lines.items():
            held = holders.setdefault((group, place), number)
            if stackings[group] == "best" and factor > factors[held][place]:
                holders[group, place] = number
    return {
        number: {
            place: factor
            for place, factor in of_lines.items()
            if stackings[multipliers[number].rule.group] == "sum"
            or holders[multipliers[number].rule.group, place] == number
        }
        for number, of_lines in factors.items()
    }
