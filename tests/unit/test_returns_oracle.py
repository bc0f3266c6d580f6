"""The oracle of returns, held against a story that was worked out with a pencil."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tests.oracles.returns_replay import Event, read, replay

ORDERS = """\
event_id,ts,customer,kind,amount_minor,currency
1,2010-01-01T10:00:00,anna,purchase,1000,GBP
2,2010-01-01T10:00:00,bert,purchase,199,GBP
C1,2010-01-02T10:00:00,anna,refund,-333,GBP
3,2010-01-03T10:00:00,anna,purchase,0,GBP
4,2010-01-03T11:00:00,anna,purchase,650,GBP
C2,2010-02-01T10:00:00,anna,refund,-700,GBP
C3,2010-02-01T10:00:00,carl,refund,-50,GBP
C4,2011-02-01T10:00:00,anna,refund,-717,GBP
"""
LINKS = """\
refund_id,purchase_id,stock_code,quantity,amount_minor
C1,1,A,1,133
C1,1,B,2,200
C2,1,A,1,100
C2,,X,1,450
C2,4,C,1,150
C3,9,C,1,50
C4,1,D,1,567
C4,4,D,1,150
"""
# What is kept, what that earns at 1.5 points, and what the event moved.
WANTED = [
    ("1", 1000, 15, 15),
    ("2", 199, 2, 2),
    ("C1/1", 667, 10, -5),
    ("3", 0, 0, 0),
    ("4", 650, 9, 9),
    ("C2/1", 567, 8, -2),
    ("C2/4", 500, 7, -2),
    ("C4/1", 0, 0, -8),
    ("C4/4", 350, 5, -2),
]


def events(folder: Path, orders: str = ORDERS, links: str = LINKS) -> list[Event]:
    (folder / "orders.csv").write_text(orders)
    (folder / "links.csv").write_text(links)
    return list(read(folder / "orders.csv", folder / "links.csv"))


def test_each_purchase_keeps_what_was_kept_of_it_earns(tmp_path: Path) -> None:
    done = replay(events(tmp_path), Fraction("1.5"))
    seen = [(s.event.id, s.kept_minor, s.net, s.moved) for s in done.steps]
    assert seen == WANTED
    assert [event.id for event in done.unknown] == ["C2/", "C3/9"]
    assert done.balances == {"anna": 5, "bert": 2, "carl": 0}
    assert done.spent == {}


def test_who_spends_all_owes_what_returns_take(tmp_path: Path) -> None:
    done = replay(events(tmp_path), Fraction("1.5"), lambda member: member == "anna")
    # 15 are spent; C1 takes 5, nothing is earned, 9 repay those, 4 are spent; then
    # C2 and C4 take 2, 2, 8 and 2 of nothing.
    assert done.spent == {"anna": [15, 0, 4]}
    assert done.balances == {"anna": -14, "bert": 2, "carl": 0}
    assert [step.net for step in done.steps] == [net for _, _, net, _ in WANTED]


def test_a_file_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="C1 is 333, its lines are 332"):
        events(tmp_path, links=LINKS.replace("B,2,200", "B,2,199"))
    late = ORDERS.replace("4,2010-01-03", "4,2010-03-03")
    lines = late.splitlines()
    lines[5], lines[6] = lines[6], lines[5]
    early = events(tmp_path, orders="\n".join(lines) + "\n")
    unknown = [event.id for event in replay(early, Fraction(1)).unknown]
    assert unknown == ["C2/", "C2/4", "C3/9"]
    more = events(tmp_path, ORDERS.replace("650", "299"))
    with pytest.raises(ValueError, match="is more than 4 was"):
        replay(more, Fraction(1))
