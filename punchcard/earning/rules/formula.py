"""How much: basis x factor x rate / per, exact in whole numbers, and rounded once.

Everything is an integer over a common denominator: the same sums in fractions would
cost more than all else that is decided of an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import lcm

import msgspec

from punchcard.earning.documents import Ratio, RoundingMode
from punchcard.kernel.amounts import spread


class Formula(msgspec.Struct, frozen=True, gc=False):
    """A rate, and how what it gives is rounded."""

    rate: tuple[int, int]
    """Numerator and denominator."""
    per: int
    whole_steps: bool
    mode: RoundingMode
    by_line: bool


class Scaled(msgspec.Struct, frozen=True, gc=False):
    """Ratios as whole numbers over one denominator."""

    numbers: tuple[int, ...]
    over: int = 1


@lru_cache(maxsize=4096)
def exact(ratio: Ratio) -> Fraction:
    """Return a ratio of a document (`2`, `"1.5"`) or of an award (`"3/2"`)."""
    return Fraction(ratio)


@lru_cache(maxsize=4096)
def parts_of(ratio: Ratio) -> tuple[int, int]:
    """Return the numerator and the denominator of a ratio of a document or an award."""
    return exact(ratio).as_integer_ratio()


def scaled(ratios: Sequence[Fraction]) -> Scaled:
    """Bring ratios onto one denominator."""
    over = lcm(*(ratio.denominator for ratio in ratios))
    numbers = (ratio.numerator * (over // ratio.denominator) for ratio in ratios)
    return Scaled(tuple(numbers), over)


class Points(msgspec.Struct, frozen=True, gc=False):
    """What a formula gives: whole points in all, and weights to divide them by."""

    total: int
    weights: list[int]
    of_lines: list[int] | None
    """Where each line is rounded by itself."""


def work_out(formula: Formula, basis: Scaled, factors: Scaled) -> Points:
    """Return the points for a basis by line, each line times its factor."""
    weights = [
        amount * factor
        for amount, factor in zip(basis.numbers, factors.numbers, strict=True)
    ]
    number, over = _scale(formula, basis)
    times, by = formula.rate
    number, over = number * times, over * factors.over * by
    if formula.by_line:
        each = [whole(weight * number, over, formula.mode) for weight in weights]
        return Points(sum(each), weights, each)
    total = whole(sum(weights) * number, over, formula.mode)
    return Points(total, weights, None)


def _scale(formula: Formula, basis: Scaled) -> tuple[int, int]:
    if not formula.whole_steps:
        return 1, basis.over * formula.per
    together = sum(basis.numbers)
    if not together:
        return 0, 1
    # Steps are of all lines together; each line has its share of them.
    return together // (basis.over * formula.per), together


def whole(number: int, over: int, mode: RoundingMode) -> int:
    """Round number / over, which is not negative."""
    down, rest = divmod(number, over)
    if mode == "floor" or not rest:
        return down
    if mode == "ceil":
        return down + 1
    if rest * 2 == over:
        return down + (1 if mode == "half_up" else down % 2)
    return down + (rest * 2 > over)


def divide(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a total by weights; without any weight all falls on the first part."""
    if not total or not weights:
        return [0] * len(weights)
    if len(weights) == 1:
        return [total]
    if not any(weights):
        return [total] + [0] * (len(weights) - 1)
    return spread(total=total, weights=weights)
