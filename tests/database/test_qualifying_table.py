"""What counts for a level: earned in a stretch of time, and not taken back since."""

import pytest

from punchcard.ledger.balances import qualifying_points
from tests.notation import instant, play

STORY = """
d1  earn 100              -> 1 +100 =100
d2  earn 40 pending=event -> 2 =100
d3  redeem 70             -> 3 -70 =30
d4  refund 3              -> 4 +70 =100
d5  earn 5                -> 5 +5 =105
d6  adjust 1000           -> 6 +1000 =1105
d20 reverse 1 30          -> 7 -30 =1075
d21 cancel 2.1            -> 8 =1075
d22 earn 9                -> 9 +9 =1084
"""


def counted(story, since, until, **options):
    account = story.account("A")
    found = qualifying_points(
        accounts=[account], since=instant(since), until=instant(until), **options
    )
    return found.get(account, 0)


@pytest.mark.parametrize(
    ("since", "until", "points", "why"),
    [
        ("d0", "d99", 84, "earned 154, of which 30 and 40 were taken back"),
        ("d0", "d10", 75, "what was taken back later was never earned"),
        ("d1", "d5", 70, "from the first instant on, up to the last and without it"),
        ("d2", "d5", 0, "a cancelled earn counts for nothing"),
        ("d2", "d5+1us", 5, "the instant after the last belongs to it"),
        ("d6", "d22", 0, "corrections, refunds and reverses earn nothing"),
        ("d20", "d99", 9, "a reverse takes from the time of its earn, not its own"),
        ("d9", "d9", 0, "no time, no points"),
    ],
)
def test_earned_in_a_stretch_of_time(since, until, points, why):
    assert counted(play(STORY), since, until) == points, why


def test_sources_that_count_are_named():
    story = play(
        """
        d1 earn 100 source=purchase -> 1 +100 =100
        d1 earn 20 source=topup     -> 2 +20 =120
        d1 earn 3 source=bonus      -> 3 +3 =123
        """
    )
    assert counted(story, "d0", "d9") == 123
    assert counted(story, "d0", "d9", sources=["purchase", "bonus"]) == 103
    assert counted(story, "d0", "d9", sources=[]) == 0


def test_of_many_accounts_each_has_its_own():
    story = play(
        """
        d1 A: earn 100 -> 1 +100 =100
        d1 B: earn 20  -> 1 +20 =20
        d3 C: earn 7   -> 1 +7 =7
        """
    )
    accounts = [story.account(letter) for letter in "ABC"]
    found = qualifying_points(
        accounts=accounts, since=instant("d0"), until=instant("d2")
    )
    assert found == {accounts[0]: 100, accounts[1]: 20}
