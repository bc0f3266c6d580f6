"""Balances as of an instant, past or future: a line for each instant; tables.

    at       available pending reserved lifetime  [what lapses next, and when]

What lies ahead is foreseen, then lived through, then looked back on: the answer is the
same three times, and looking writes nothing.
"""

import pytest

from punchcard.ledger import errors
from punchcard.ledger.balances import balance_as_of, balances_as_of
from punchcard.ledger.queries import (
    find_hold,
    find_lot,
    list_holds,
    list_lots,
)
from tests.builders import START, rows
from tests.notation import instant, play


def seen(story, at, letter="A"):
    """The balance as of an instant, as a line of the tables below says it."""
    found = balance_as_of(account=story.account(letter), as_of=instant(at))
    line = f"{found.available} {found.pending} {found.reserved} {found.lifetime}"
    if found.next_expires_at is not None:
        passed = found.next_expires_at - START
        line += f" {found.next_expiry_points}@d{passed.days}"
    return line


def look(story, table, letter="A"):
    """Compare every line of a table with what is read."""
    for line in table.strip().splitlines():
        at, *numbers = line.split()
        assert seen(story, at, letter) == " ".join(numbers), line


def written(story, letter="A"):
    """The account's row, and how many entries, lots and allocations it has."""
    account = story.account(letter)
    counts = [
        rows(f"SELECT count(*) FROM ledger_{table} WHERE account_id = %s", [account])
        for table in ("entry", "lot", "allocation", "hold", "outbox")
    ]
    return rows("SELECT a::text FROM ledger_account a WHERE id = %s", [account]), counts


STORIES = [
    (
        "the worked row of a hold, before it is captured",
        {"hold_time_max": "P30D"},
        """
        d0  earn 100 exp=d10  -> 1 +100 =100
        d5  reserve 60        -> 2 -60 =40
        """,
        """
        d0-1us    0 0 0 0
        d0        100 0 0 100 100@d10
        d5-1us    100 0 0 100 100@d10
        d5        40 0 60 100 40@d10
        d10-1us   40 0 60 100 40@d10
        d10       0 0 60 100
        d35-1us   0 0 60 100
        d35       0 0 0 100
        d9999     0 0 0 100
        """,
    ),
    (
        "the worked row of a hold, whole",
        {"hold_time_max": "P30D"},
        """
        d0  earn 100 exp=d10  -> 1 +100 =100
        d5  reserve 60        -> 2 -60 =40
        d20 capture 2 50      -> 4 +10 =10
        d40 refund 4          -> 6 +50 =50
        """,
        """
        d5        40 0 60 100 40@d10
        d10       0 0 60 100
        d20-1us   0 0 60 100
        d20       0 0 0 100
        d40-1us   0 0 0 100
        d40       50 0 0 100 50@d70
        d70-1us   50 0 0 100 50@d70
        d70       0 0 0 100
        """,
    ),
    (
        "a hold that gives back what has not lapsed",
        {},
        """
        d0  earn 100 exp=d9   -> 1 +100 =100
            earn 50           -> 2 +50 =150
            reserve 60 ttl=P3D -> 3 -60 =90
            reserve 40 ttl=P7D -> 4 -40 =50
        """,
        """
        d0        50 0 100 150
        d3-1us    50 0 100 150
        d3        110 0 40 150 60@d9
        d7        150 0 0 150 100@d9
        d9        50 0 0 150
        """,
    ),
    (
        "points that wait, and lapse after their time",
        {"pending_period": "P2D", "validity": "P3D"},
        """
        d0  earn 10                -> 1 +0 =0
        d1  earn 5 pending=PT0S    -> 2 +5 =5
            earn 7 pending=event   -> 3 +0 =5
        """,
        """
        d0        0 10 0 10
        d1-1us    0 10 0 10
        d1        5 17 0 22 5@d4
        d2-1us    5 17 0 22 5@d4
        d2        15 7 0 22 5@d4
        d4-1us    15 7 0 22 5@d4
        d4        10 7 0 22 10@d5
        d5        0 7 0 22
        """,
    ),
    (
        "an activation and a cancellation",
        {"validity": "P3D"},
        """
        d0  earn 10 pending=P9D    -> 1 +0 =0
            earn 5 pending=event   -> 2 +0 =0
        d2  activate 1.1           -> 3 +10 =10
        d3  cancel 2.1             -> 4 +0 =10
        """,
        """
        d0        0 15 0 15
        d2-1us    0 15 0 15
        d2        10 5 0 15 10@d5
        d3        10 0 0 15 10@d5
        d5        0 0 0 15
        d9        0 0 0 15
        """,
    ),
    (
        "a debt that what is released repays",
        {},
        """
        d0  earn 30 pending=P5D exp=d9   -> 1 +0 =0
            adjust -20 policy=debt       -> 2 -20 =-20
        """,
        """
        d0        -20 30 0 30
        d5-1us    -20 30 0 30
        d5        10 0 0 30 10@d9
        d9        0 0 0 30
        """,
    ),
    (
        "want of activity",
        {"idle": "P5D"},
        """
        d0  earn 10 exp=d30      -> 1 +10 =10
            earn 20              -> 2 +20 =30
        d1  redeem 5             -> 3 -5 =25
        """,
        """
        d0        30 0 0 30 30@d5
        d1-1us    30 0 0 30 30@d5
        d1        25 0 0 30 25@d6
        d6-1us    25 0 0 30 25@d6
        d6        0 0 0 30
        """,
    ),
    (
        "want of activity, while some are held and others wait",
        {"idle": "P5D"},
        """
        d0  earn 10                 -> 1 +10 =10
            earn 20 pending=P8D     -> 2 +0 =10
            reserve 4 ttl=P6D       -> 3 -4 =6
        """,
        """
        d0        6 20 4 30 6@d5
        d5        0 20 4 30
        d6        0 20 0 30
        d8        20 0 0 30
        """,
    ),
    ("nothing ever", {}, "d0 settle -> 0", "d0 0 0 0 0\n d99 0 0 0 0"),
]


@pytest.mark.parametrize(
    ("policy", "told", "table"),
    [story[1:] for story in STORIES],
    ids=[story[0] for story in STORIES],
)
def test_foreseen_lived_through_and_looked_back_on(policy, told, table):
    story = play(told, **policy)
    before = written(story)
    look(story, table)
    assert written(story) == before, "looking wrote"
    while story.ledger.now < instant("d99"):
        story.ledger.pass_days(7)
        story.ledger.one(story.command(["settle"]))
        look(story, table)


def test_between_two_accounts_points_are_in_one_of_them():
    story = play("""
        d0  earn 50 exp=d9     -> 1 +50 =50
        d3  transfer 20 to=B   -> 2 -20 =30
    """)
    look(story, "d0 50 0 0 50 50@d9\n d3-1us 50 0 0 50 50@d9\n d3 30 0 0 50 30@d9")
    look(story, "d0 0 0 0 0\n d3-1us 0 0 0 0\n d3 20 0 0 0 20@d9\n d9 0 0 0 0", "B")


def test_of_many_at_once_each_is_as_alone():
    story = play("""
        d0  earn 50 exp=d9          -> 1 +50 =50
            B: earn 7               -> 1 +7 =7
            C: earn 3 pending=P5D   -> 1 +0 =0
        d4  redeem 20               -> 2 -20 =30
        d8  B: redeem 1             -> 2 -1 =6
    """)
    accounts = [story.account(letter) for letter in "ABCX"]
    for day in range(12):
        as_of = instant(f"d{day}")
        found = balances_as_of(accounts=accounts, as_of=as_of)
        assert found.keys() == set(accounts[:3]), "X has no account"
        for account in accounts[:3]:
            assert found[account] == balance_as_of(account=account, as_of=as_of)
    with pytest.raises(errors.AccountNotFound):
        balance_as_of(account=accounts[3], as_of=START)


def test_lots_and_holds_are_foreseen_too():
    story = play("""
        d0  earn 100 exp=d9      -> 1 +100 =100
            earn 10 pending=P2D  -> 2 +0 =100
            reserve 60 ttl=P3D   -> 3 -60 =40
    """)
    account, before = story.account(), written(story)

    def lots(at):
        found = list_lots(account=account, limit=9, as_of=instant(at))
        return [f"{lot.remaining} {lot.state}" for lot in found]

    def is_open(at):
        found = find_hold(account=account, sequence=3, as_of=instant(at))
        listed = list_holds(account=account, limit=9, as_of=instant(at), is_open=True)
        assert len(listed) == found.open
        return found.open

    assert lots("d0") == ["40 open", "10 pending"]
    assert lots("d2-1us") == ["40 open", "10 pending"]
    assert lots("d2") == ["40 open", "10 open"]
    assert lots("d3") == ["100 open", "10 open"]
    assert lots("d9") == ["0 lapsed", "10 open"]
    assert [is_open(at) for at in ("d0", "d3-1us", "d3", "d9")] == [1, 1, 0, 0]
    lapsed = find_lot(account=account, lot=(1, 1), as_of=instant("d9"))
    assert (lapsed.remaining, lapsed.lapsed, lapsed.state) == (0, 100, "lapsed")
    assert find_lot(account=account, lot=(1, 2), as_of=instant("d9")) is None
    assert written(story) == before
