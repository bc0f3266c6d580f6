"""What lapses when: a line for each period; tables.

    period      points  [first instant, last instant]

It is foreseen, then lived through: the entries that expire points say the same. d0 is
1 January 2026.
"""

from datetime import UTC, datetime

import pytest

from punchcard.journeys.forecast_expiries import forecast_expiries
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import TransactionError, transaction
from punchcard.ledger import errors, forecasting
from punchcard.ledger.balances import balance_as_of
from punchcard.ledger.commands import Earn
from punchcard.ledger.forecasting import list_expiries, scan_expiries
from tests.builders import DAY, START
from tests.database.test_as_of_table import STORIES, written
from tests.notation import instant, play

END = instant("d99")


def foreseen(story, by="instant", letter="A", **asked):
    """What lapses, as the lines of the tables below say it."""
    asked = {"as_of": story.ledger.now} | asked
    found = list_expiries(account=story.account(letter), by=by, **asked)
    return [f"{expiry.period} {expiry.points}" for expiry in found]


def lapsed(story, letter="A"):
    """What did lapse: instants and points."""
    return [
        (entry.effective_at, entry.amount)
        for entry in story.entries(letter)
        if entry.type == "expire"
    ]


def test_lots_are_added_up_by_when_they_lapse():
    story = play("""
        d0  earn 10 exp=d30  -> 1 +10 =10
            earn 20 exp=d31  -> 2 +20 =30
            earn 5 exp=d31   -> 3 +5 =35
            earn 7 exp=d40   -> 4 +7 =42
            earn 99          -> 5 +99 =141
        d1  redeem 4         -> 6 -4 =137
    """)
    assert foreseen(story) == [
        "2026-01-31T00:00:00Z 6",
        "2026-02-01T00:00:00Z 25",
        "2026-02-10T00:00:00Z 7",
    ]
    assert foreseen(story, "day") == ["2026-01-30 6", "2026-01-31 25", "2026-02-09 7"]
    assert foreseen(story, "month") == ["2026-01 31", "2026-02 7"]
    (first, _) = list_expiries(account=story.account(), as_of=START, by="month")
    assert (first.first_at, first.last_at) == (instant("d30"), instant("d31"))


@pytest.mark.parametrize(
    ("zone", "ends", "day", "month"),
    [
        # Spent through the last day of January: that is what January loses.
        ("UTC", "2026-02-01T00:00:00+00:00", "2026-01-31", "2026-01"),
        ("UTC", "2026-02-01T00:00:00.000001+00:00", "2026-02-01", "2026-02"),
        ("Pacific/Auckland", "2026-01-31T11:00:00+00:00", "2026-01-31", "2026-01"),
        ("Pacific/Auckland", "2026-01-31T11:00:01+00:00", "2026-02-01", "2026-02"),
        ("America/New_York", "2026-02-01T05:00:00+00:00", "2026-01-31", "2026-01"),
        # The hour that comes twice, and the day that has no midnight.
        ("Europe/Berlin", "2026-10-25T00:30:00+00:00", "2026-10-25", "2026-10"),
        ("Europe/Berlin", "2026-10-25T01:30:00+00:00", "2026-10-25", "2026-10"),
        ("Europe/Berlin", "2026-10-31T23:00:00+00:00", "2026-10-31", "2026-10"),
        ("Africa/Cairo", "2026-04-23T22:00:00+00:00", "2026-04-23", "2026-04"),
        ("UTC", "2028-03-01T00:00:00+00:00", "2028-02-29", "2028-02"),
        ("UTC", "2027-03-01T00:00:00+00:00", "2027-02-28", "2027-02"),
        ("UTC", "2027-01-01T00:00:00+00:00", "2026-12-31", "2026-12"),
    ],
)
def test_periods_are_the_program_s_own_and_end_with_their_last_day(
    zone, ends, day, month
):
    story = play("d0 settle -> 0", time_zone=zone)
    expires_at = datetime.fromisoformat(ends)
    earn = Earn(account=story.account(), points=10, key="k", expires_at=expires_at)
    assert story.ledger.one(earn).code == "applied"
    assert foreseen(story, "day") == [f"{day} 10"]
    assert foreseen(story, "month") == [f"{month} 10"]


def test_from_an_instant_on_and_up_to_another_with_it():
    story = play("""
        d0  earn 10 exp=d3  -> 1 +10 =10
            earn 20 exp=d5  -> 2 +20 =30
            earn 30 exp=d7  -> 3 +30 =60
    """)
    for as_of, until, wanted in (
        ("d0", "d9", [10, 20, 30]),
        ("d0", "d5", [10, 20]),
        ("d0", "d5-1us", [10]),
        ("d3-1us", "d7", [10, 20, 30]),
        # As of that instant they are gone already.
        ("d3", "d7", [20, 30]),
        ("d5", "d5", []),
        ("d7", "d9", []),
        ("d9", "d0", []),
    ):
        found = foreseen(story, as_of=instant(as_of), until=instant(until))
        assert [int(line.split()[1]) for line in found] == wanted, (as_of, until)
        if as_of <= until:
            left = [
                balance_as_of(account=story.account(), as_of=instant(at)).available
                for at in (as_of, until)
            ]
            assert sum(wanted) == left[0] - left[1], (as_of, until)


def test_what_waits_for_an_event_and_what_never_lapses_is_nobody_s_guess():
    story = play("""
        d0  earn 10                                 -> 1 +10 =10
            earn 20 pending=event validity=P5D      -> 2 +0 =10
            earn 30 pending=P3D validity=P5D        -> 3 +0 =10
    """)
    assert foreseen(story) == ["2026-01-09T00:00:00Z 30"]
    # Once the event has come it is known.
    story.play("d2 activate 2.1 -> 4 +20 =30")
    assert foreseen(story) == ["2026-01-08T00:00:00Z 20", "2026-01-09T00:00:00Z 30"]


def test_held_points_lapse_when_their_hold_runs_out_of_time():
    story = play(
        """
        d0  earn 100 exp=d5     -> 1 +100 =100
            reserve 60 ttl=P9D  -> 2 -60 =40
        """,
        hold_time_max="P30D",
    )
    assert foreseen(story) == ["2026-01-06T00:00:00Z 40", "2026-01-10T00:00:00Z 60"]
    # Spent in time, they do not lapse.
    story.play("d4 capture 2 -> 3 +0 =40")
    assert foreseen(story) == ["2026-01-06T00:00:00Z 40"]


def test_a_debt_is_repaid_first_by_what_is_released():
    story = play("""
        d0  earn 30 pending=P5D exp=d9   -> 1 +0 =0
            adjust -20 policy=debt       -> 2 -20 =-20
    """)
    assert foreseen(story) == ["2026-01-10T00:00:00Z 10"]


def test_idle_points_lapse_together_and_sooner_than_they_would():
    story = play(
        """
        d0  earn 10 exp=d3   -> 1 +10 =10
            earn 20 exp=d30  -> 2 +20 =30
            earn 40          -> 3 +40 =70
        """,
        idle="P5D",
    )
    assert foreseen(story) == ["2026-01-04T00:00:00Z 10", "2026-01-06T00:00:00Z 60"]
    assert foreseen(story, until=instant("d5-1us")) == ["2026-01-04T00:00:00Z 10"]
    # Who earns or spends begins anew.
    story.play("d4 redeem 1 -> 5 -1 =59")
    assert foreseen(story) == ["2026-01-10T00:00:00Z 59"]


def test_what_has_lapsed_and_is_not_written_yet_is_not_foreseen():
    story = play("d0 earn 10 exp=d3 -> 1 +10 =10\n earn 20 exp=d9 -> 2 +20 =30")
    story.ledger.now = instant("d4")
    assert foreseen(story, "day") == ["2026-01-09 20"]


@pytest.mark.parametrize(
    ("policy", "told"),
    [story[1:3] for story in STORIES],
    ids=[story[0] for story in STORIES],
)
def test_what_is_foreseen_is_lived_through(policy, told):
    story = play(told, **policy)
    before = written(story)
    now, known = story.ledger.now, lapsed(story)
    found = list_expiries(account=story.account(), as_of=now, until=END)
    assert written(story) == before, "looking wrote"
    # Seen from later, it is what is left of it.
    for day in range(0, 99, 7):
        later = max(now, instant(f"d{day}"))
        seen = list_expiries(account=story.account(), as_of=later, until=END)
        assert seen == [expiry for expiry in found if expiry.first_at > later]
    while story.ledger.now < END:
        story.ledger.pass_days(7)
        story.ledger.one(story.command(["settle"]))
    lived = [(expiry.first_at, expiry.points) for expiry in found]
    assert lived == lapsed(story)[len(known) :]


def test_of_a_wallet_all_accounts_are_added_up(monkeypatch):
    monkeypatch.setattr(forecasting, "CHUNK", 2)
    story = play("""
        d0  earn 10 exp=d31               -> 1 +10 =10
            B: earn 20 exp=d40            -> 1 +20 =20
            C: earn 40                    -> 1 +40 =40
            D: earn 5 pending=P2D exp=d35 -> 1 +0 =0
            E: earn 7 exp=d20             -> 1 +7 =7
            F: earn 3 exp=d400            -> 1 +3 =3
            W: earn 900 exp=d10           -> 1 +900 =900
    """)
    asked = {"wallet": story.ledger.wallet, "as_of": START}
    before = [written(story, letter) for letter in "ABCDEFW"]
    found = forecast_expiries(**asked)
    assert [(expiry.period, expiry.points) for expiry in found] == [
        ("2026-01", 17),
        ("2026-02", 25),
        ("2027-02", 3),
    ]
    assert (found[0].first_at, found[0].last_at) == (instant("d20"), instant("d31"))
    by_day = forecast_expiries(**asked, by="day", until=instant("d35"))
    assert [f"{each.period} {each.points}" for each in by_day] == [
        "2026-01-20 7",
        "2026-01-31 10",
        "2026-02-04 5",
    ]
    alone = [
        expiry.points
        for letter in "ABCDEF"
        for expiry in list_expiries(account=story.account(letter), as_of=START)
    ]
    assert sum(alone) == sum(expiry.points for expiry in found) == 45
    later = forecast_expiries(**asked | {"as_of": START + DAY * 31})
    assert [each.points for each in later] == [25, 3]
    assert [written(story, letter) for letter in "ABCDEFW"] == before


def test_of_nothing_nothing_lapses():
    story = play("d0 settle -> 0")
    assert foreseen(story) == []
    assert forecast_expiries(wallet=story.ledger.wallet, as_of=START) == []
    with pytest.raises(errors.AccountNotFound):
        list_expiries(account=new_id(), as_of=START)
    with pytest.raises(TransactionError):
        list(scan_expiries(wallet=story.ledger.wallet, as_of=START))
    with transaction(), pytest.raises(TransactionError):
        forecast_expiries(wallet=story.ledger.wallet, as_of=START)


def test_the_end_of_time_is_no_trouble():
    story = play("d0 earn 10 exp=d2900000 -> 1 +10 =10", idle="P200Y")
    assert foreseen(story, "month") == ["2225-12 10"]
    assert foreseen(story, until=datetime(2100, 1, 1, tzinfo=UTC)) == []
