"""Awards: what a rule and the multipliers on it ask for, and what caps leave of it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import get_args

import msgspec

from punchcard.earning.decisions import Award, Part
from punchcard.earning.documents import Earn, Rule
from punchcard.earning.rules.basis import Base
from punchcard.earning.rules.capping import Allowed
from punchcard.earning.rules.formula import (
    Formula,
    Points,
    Scaled,
    divide,
    work_out,
)
from punchcard.earning.rules.multiplying import Link

_KINDS = {kind: str(kind.__struct_config__.tag) for kind in get_args(Earn)}


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What one link of a chain asks for, by line."""

    link: Link
    beneath: Scaled
    of_lines: list[int]
    total: int
    """Points of all lines."""


def ask(base: Base, chain: Sequence[Link]) -> list[Asked]:
    """Return what each link of a chain asks for: together, the whole rounded once."""
    formula = base.formula
    basis = Scaled(tuple(base.basis.values()))
    beneath = Scaled((0,) * len(basis.numbers))
    before = _nothing(formula, len(beneath.numbers))
    asked = []
    for link in chain:
        after = work_out(formula, basis, link.factors)
        of_lines = _between(before, after, beneath, link)
        asked.append(Asked(link, beneath, of_lines, after.total - before.total))
        before, beneath = after, link.factors
    return asked


def _nothing(formula: Formula, lines: int) -> Points:
    """Return what factors of 0 give."""
    none = [0] * lines
    return Points(0, none, none if formula.by_line else None)


def _between(before: Points, after: Points, beneath: Scaled, link: Link) -> list[int]:
    if len(after.weights) == 1:
        return [after.total - before.total]
    if before.of_lines is not None and after.of_lines is not None:
        return [
            more - less
            for more, less in zip(after.of_lines, before.of_lines, strict=True)
        ]
    # Weights have the denominator of their factors.
    weights = [
        more * beneath.over - less * link.factors.over
        for more, less in zip(after.weights, before.weights, strict=True)
    ]
    return divide(after.total - before.total, weights)


def award_of(rule: Rule, base: Base, asked: Asked, allowed: Allowed) -> Award:
    """Return the award for what is allowed of what a link asked for."""
    granting = asked.link.rule
    points = asked.of_lines
    if allowed.points < asked.total:
        points = divide(allowed.points, points)
    beneath, factors = _texts(asked.beneath), _texts(asked.link.factors)
    formula = base.formula
    return Award(
        rule=granting.id,
        of=None if granting is rule else rule.id,
        campaign=granting.campaign,
        wallet=rule.wallet,
        kind=_KINDS[type(granting.earn)],
        rate=_text(*formula.rate),
        per=formula.per,
        whole_steps=formula.whole_steps,
        rounding=rule.rounding.mode,
        rounding_per=rule.rounding.per,
        asked=asked.total,
        cap=allowed.code if allowed.points < asked.total else None,
        points=allowed.points,
        validity=granting.validity or rule.validity,
        parts=tuple(
            [
                Part(
                    line=line,
                    basis=amount,
                    beneath=beneath[at],
                    factor=factors[at],
                    points=points[at],
                )
                for at, (line, amount) in enumerate(base.basis.items())
            ]
        ),
    )


@lru_cache(maxsize=4096)
def _texts(ratios: Scaled) -> tuple[str, ...]:
    return tuple(_text(number, ratios.over) for number in ratios.numbers)


@lru_cache(maxsize=4096)
def _text(number: int, over: int) -> str:
    return str(number) if over == 1 else str(Fraction(number, over))
