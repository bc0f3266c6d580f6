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


def chain_of(
    rule: Rule,
    base: Base,
    multipliers: Sequence[Multiplier],
    stackings: Mapping[str | None, Stacking],
) -> list[Link]:
    """Return the rule itself, then the multipliers that add something to it."""
    lines = list(base.basis)
    links = [Link(rule, Scaled((1,) * len(lines)))]
    factors = {
        number: _factors(one, rule, lines)
        for number, one in enumerate(multipliers)
        if multiplies(one, rule)
    }
    if not factors:
        return links
    counting = _counting(multipliers, factors, stackings)
    bonuses: list[dict[str | None, Fraction]] = [{} for _ in lines]
    for number, counted in counting.items():
        group = multipliers[number].rule.group
        for place, factor in counted.items():
            bonus = bonuses[place]
            bonus[group] = bonus.get(group, Fraction(1)) + factor - 1
        if any(factor > 1 for factor in counted.values()):
            links.append(Link(multipliers[number].rule, scaled(_products(bonuses))))
    return links


def _products(bonuses: list[dict[str | None, Fraction]]) -> list[Fraction]:
    products = []
    for bonus in bonuses:
        product = Fraction(1)
        for factor in bonus.values():
            product *= factor
        products.append(product)
    return products


def _factors(
    one: Multiplier, rule: Rule, lines: Sequence[int | None]
) -> dict[int, Fraction]:
    """Return the multiplier's factor by place of the line."""
    if one.rule.lines is None:
        return dict.fromkeys(range(len(lines)), one.factor)
    one_item = rule.lines is not None and rule.lines.select != "all"
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
