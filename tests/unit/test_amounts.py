"""Currencies and whole units."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.kernel.amounts import (
    MINOR_DIGITS,
    CurrencyUnknown,
    minor_per_unit,
    points_for,
    spread,
)

VECTORS = Path(__file__).parents[3] / "shared/data/vectors/iso4217_minor_units.json"


@pytest.mark.parametrize(
    ("currency", "minor"),
    [("EUR", 100), ("JPY", 1), ("KWD", 1_000), ("CLF", 10_000)],
)
def test_a_unit_has_its_minor_units(currency: str, minor: int) -> None:
    assert minor_per_unit(currency=currency) == minor


@pytest.mark.parametrize("text", ["eur", "EURO", "", "XAU", "XXX", "ZZZ"])
def test_what_is_no_money_has_none(text: str) -> None:
    with pytest.raises(CurrencyUnknown):
        minor_per_unit(currency=text)


def test_the_table_is_that_of_iso_4217() -> None:
    assert len(MINOR_DIGITS) == 165
    if not VECTORS.exists():
        return
    listed = json.loads(VECTORS.read_text())["currencies"]
    money = {row["code"]: row["minor_units"] for row in listed}
    assert {c: d for c, d in money.items() if d is not None} == MINOR_DIGITS


@pytest.mark.parametrize(
    ("amount", "minor", "rate", "points"),
    [
        (100, 100, "1", 1),
        (99, 100, "1", 0),
        (0, 100, "1", 0),
        (-500, 100, "1", 0),
        (1199, 100, "3", 33),
        (1199, 100, "0.5", 5),
        (1199, 1, "1", 1199),
        (10**15, 1, "1", 10**15),
        (299, 100, "1.5", 3),
    ],
)
def test_points_are_for_whole_units_rounded_down(
    amount: int, minor: int, rate: str, points: int
) -> None:
    got = points_for(amount_minor=amount, minor_per_unit=minor, rate=Fraction(rate))
    assert got == points


SPLITS = """
     10 | 1 1 1   | 4 3 3
    100 | 1 1 1   | 34 33 33
      1 | 1 1     | 1 0
      2 | 1 2 3   | 0 1 1
      5 | 0 3 0 1 | 0 4 0 1
      0 | 3 4     | 0 0
      0 | 0 0     | 0 0
      0 |         |
     99 | 7       | 99
"""


@pytest.mark.parametrize("row", SPLITS.strip().splitlines(), ids=str.strip)
def test_a_total_is_split_by_largest_remainder(row: str) -> None:
    total, weights, parts = ([int(n) for n in cell.split()] for cell in row.split("|"))
    assert spread(total=total[0], weights=weights) == parts


def test_nothing_is_split_by_nothing_alone() -> None:
    with pytest.raises(ValueError, match="all 0"):
        spread(total=1, weights=[0, 0])


@given(
    st.lists(st.integers(0, 10**15), min_size=1, max_size=20).filter(sum),
    st.integers(0, 10**15),
)
def test_parts_add_up_and_none_is_far_from_its_share(
    weights: list[int], total: int
) -> None:
    parts = spread(total=total, weights=weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        assert total > sum(weights) or part <= weight
