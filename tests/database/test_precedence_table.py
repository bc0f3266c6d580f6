"""Of two refusals that could both be given, the earlier in the list is the answer.

The newer commands; earn, redeem, refund and reverse stand in `test_commands_table`.
One line for each two neighbours that can meet in one command.
"""

import pytest

from punchcard.ledger.errors import REFUSALS
from tests.notation import play

# A has 40 available, an open hold 3 of 20, a hold 7 that was voided, a lot 4.1 that is
# pending, a lot 5.1 that was; B is empty; Y was closed at once, Z after it had a hold 2
# and a lot 4.1. The wallet lets 50 a day be spent: 30 are left.
PREPARED = """
    earn 100                -> 1 +100 =100
    adjust -40              -> 2 -40 =60
    reserve 20 key=used     -> 3 -20 =40
    earn 9 pending=event    -> 4 +0 =40
    earn 9 pending=event    -> 5 +0 =40
    cancel 5.1              -> 6 +0 =40
    reserve 5               -> 7 -5 =35
    void 7                  -> 8 +5 =40
    Y: settle               -> 0
    Y: close
    Z: earn 5               -> 1 +5 =5
    Z: reserve 5            -> 2 -5 =0
    Z: capture 2            -> 3 +0 =0
    Z: earn 5 pending=event -> 4 +0 =0
    Z: cancel 4.1           -> 5 +0 =0
    Z: close
"""
FROZEN = "freeze"
MOST = 10**15

# refusals that apply, the answer first | what comes before | the line
BOTH = [
    ("malformed, account_not_found", "", "X: reserve 0"),
    ("malformed, account_not_found", "", "X: capture 0"),
    ("malformed, account_not_found", "", "X: void 0"),
    ("malformed, account_not_found", "", "X: adjust 0"),
    ("malformed, account_not_found", "", "transfer 0 to=X"),
    ("malformed, account_not_found", "", "X: activate 0.1"),
    ("malformed, account_not_found", "", "X: cancel 0.1"),
    ("malformed, key_reused", "", "reserve 0 key=used"),
    ("malformed, key_reused", "", "capture 3 0 key=used"),
    ("malformed, key_reused", "", "adjust 0 key=used"),
    ("malformed, key_reused", "", "transfer 0 to=B key=used"),
    ("malformed, key_reused", "", "void 0 key=used"),
    ("malformed, key_reused", "", "activate 0.1 key=used"),
    ("malformed, key_reused", "", "cancel 0.1 key=used"),
    ("malformed, account_frozen", FROZEN, "reserve 0"),
    ("malformed, account_frozen", FROZEN, "transfer 0 to=B"),
    ("malformed, account_frozen", FROZEN, "reserve 1 ttl=P9D"),
    ("malformed, account_closed", "", "Y: capture 0"),
    ("malformed, account_closed", "", "Y: void 0"),
    ("malformed, account_closed", "", "Y: transfer 0 to=B"),
    ("malformed, account_closed", "", "Y: activate 0.1"),
    ("malformed, account_closed", "", "Y: cancel 0.1"),
    ("malformed, account_closed", "", "Y: reserve 1 ttl=P9D"),
    ("malformed, account_closed", "", "Y: adjust 1 exp=d0"),
    ("malformed, entry_not_found", "", "capture 99 0"),
    ("malformed, entry_not_found", "", "adjust 0 lot=9.1"),
    ("malformed, hold_not_open", "", "capture 7 0"),
    ("malformed, limit_exceeded", "", "reserve 31 ttl=P9D"),
    ("malformed, insufficient_points", "", f"reserve {MOST + 1}"),
    ("malformed, insufficient_points", "", f"transfer {MOST + 1} to=B"),
    ("malformed, insufficient_points", "", f"adjust -{MOST + 1}"),
    ("malformed, exceeds_original", "", f"capture 3 {MOST + 1}"),
    ("account_not_found, key_reused", "", "transfer 1 to=X key=used"),
    ("account_not_found, key_reused", "", "transfer 1 to=W key=used"),
    ("account_not_found, account_frozen", FROZEN, "transfer 1 to=X"),
    ("account_not_found, account_closed", "", "Y: transfer 1 to=X"),
    ("account_not_found, insufficient_points", "", "transfer 999 to=X"),
    ("key_reused, malformed by the clock", "", "reserve 1 ttl=P9D key=used"),
    ("key_reused, malformed by the clock", "", "adjust 1 exp=d0 key=used"),
    ("key_reused, account_closed", "", "transfer 1 to=Y key=used"),
    ("key_reused, account_frozen", FROZEN, "reserve 1 key=used"),
    ("key_reused, entry_not_found", "", "capture 99 key=used"),
    ("key_reused, entry_not_found", "", "activate 99.1 key=used"),
    ("key_reused, entry_not_found", "", "void 99 key=used"),
    ("key_reused, entry_not_found", "", "cancel 99.1 key=used"),
    ("key_reused, entry_not_found", "", "adjust 1 lot=99.1 key=used"),
    ("key_reused, hold_not_open", "", "capture 7 key=used"),
    ("key_reused, hold_not_open", "", "void 7 key=used"),
    ("key_reused, lot_not_pending", "", "activate 5.1 key=used"),
    ("key_reused, lot_not_pending", "", "cancel 5.1 key=used"),
    ("key_reused, exceeds_original", "", "capture 3 21 key=used"),
    ("key_reused, exceeds_original", "", "adjust -999 lot=1.1 key=used"),
    ("key_reused, insufficient_points", "", "reserve 999 key=used"),
    ("key_reused, insufficient_points", "", "adjust -999 key=used"),
    ("key_reused, insufficient_points", "", "transfer 999 to=B key=used"),
    ("key_reused, limit_exceeded", "", "reserve 31 key=used"),
    ("key_reused, limit_exceeded", "", "transfer 31 to=B key=used"),
    ("account_closed, account_frozen", FROZEN, "transfer 1 to=Y"),
    ("account_closed, entry_not_found", "", "Y: capture 9"),
    ("account_closed, entry_not_found", "", "Y: void 9"),
    ("account_closed, entry_not_found", "", "Y: activate 9.1"),
    ("account_closed, entry_not_found", "", "Y: cancel 9.1"),
    ("account_closed, entry_not_found", "", "Y: adjust -1 lot=9.1"),
    ("account_closed, hold_not_open", "", "Z: capture 2"),
    ("account_closed, hold_not_open", "", "Z: void 2"),
    ("account_closed, lot_not_pending", "", "Z: activate 4.1"),
    ("account_closed, lot_not_pending", "", "Z: cancel 4.1"),
    ("account_closed, exceeds_original", "", "Z: adjust -1 lot=1.1"),
    ("account_closed, limit_exceeded", "", "transfer 31 to=Y"),
    ("account_closed, insufficient_points", "", "Y: reserve 1"),
    ("account_closed, insufficient_points", "", "Y: adjust -1"),
    ("account_closed, insufficient_points", "", "transfer 999 to=Y"),
    ("account_frozen, insufficient_points", FROZEN, "reserve 999"),
    ("account_frozen, insufficient_points", FROZEN, "transfer 999 to=B"),
    ("account_frozen, limit_exceeded", FROZEN, "reserve 40"),
    ("account_frozen, limit_exceeded", FROZEN, "transfer 31 to=B"),
    ("entry_not_found, exceeds_original", "", "capture 99 999"),
    ("entry_not_found, exceeds_original", "", "adjust -999 lot=9.1"),
    ("hold_not_open, exceeds_original", "", "capture 7 999"),
    ("exceeds_original, insufficient_points", "", "adjust -999 lot=1.1"),
    ("insufficient_points, limit_exceeded", "", "reserve 999"),
    ("insufficient_points, limit_exceeded", "", "transfer 999 to=B"),
    ("limit_exceeded", "", "reserve 31"),
    ("limit_exceeded", "", "transfer 31 to=B"),
]


@pytest.mark.parametrize(
    ("both", "before", "line"), BOTH, ids=[f"{row[0]}: {row[2][:40]}" for row in BOTH]
)
def test_the_first_that_applies_is_the_answer(both, before, line):
    story = play(PREPARED, limit_per_day=50)
    story.play(f"{before}\n{line} -> {both.split(', ')[0]}")
    assert len(story.entries()) == 8
    assert story.entries("B") == story.entries("Y") == []
    assert len(story.entries("Z")) == 5


def test_the_table_follows_the_documented_order():
    order = list(REFUSALS)
    for both, _, line in BOTH:
        codes = [code for code in both.split(", ") if code in order]
        assert codes == sorted(codes, key=order.index), line
