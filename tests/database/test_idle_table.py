"""Points that lapse for want of activity; tables."""

import pytest

from tests.notation import play

IDLE = {"idle": "P5D"}


def test_all_open_lots_lapse_as_one_when_nothing_was_earned_or_spent_for_so_long():
    story = play(
        """
        d0 earn 10 exp=d30  -> 1 +10 =10
        d1 earn 20          -> 2 +20 =30
        d3 redeem 5         -> 3 -5 =25
        d9 settle           -> 4
        """,
        **IDLE,
    )
    assert story.statement()[3] == "4 expire 25 -25 =0 d8"
    assert story.moves()[1:] == ["4 1.1 -5", "4 2.1 -20"]
    assert story.lots() == ["1.1 0/10 lapsed exp=d30", "2.1 0/20 lapsed"]


def test_at_its_very_instant_and_not_before():
    play(
        """
        d0     earn 10     -> 1 +10 =10
        d5-1us redeem 1    -> 2 -1 =9
        d9     redeem 1    -> 3 -1 =8
        d14    redeem 1    -> insufficient_points available=0
        """,
        **IDLE,
    )


def test_what_counts_as_activity():
    """An earn, a redeem, a capture; no adjust, transfer, void, refund or release."""
    story = play(
        """
        d0 earn 50          -> 1 +50 =50
           earn 5 pending=P1D -> 2 +0 =50
           reserve 10       -> 3 -10 =40
           redeem 10        -> 4 -10 =30
        d2 void 3           -> 6 +10
           refund 4         -> 7 +10
           adjust 1         -> 8 +1
           transfer 1 to=B  -> 9 -1
        d4 settle           -> 9
        d5 settle           -> 10
        """,
        **IDLE,
    )
    assert story.statement()[9] == "10 expire 55 -55 =0 d5"


def test_a_capture_is_activity():
    story = play(
        """
        d0 earn 50          -> 1 +50 =50
           reserve 10       -> 2 -10 =40
        d4 capture 2        -> 3 +0 =40
        d8 settle           -> 3
        d9 settle           -> 4
        """,
        **IDLE,
    )
    assert story.statement()[3] == "4 expire 40 -40 =0 d9"


def test_who_never_earned_or_spent_is_not_idle():
    story = play(
        """
        d0  earn 50          -> 1 +50 =50
            transfer 50 to=B -> 2 -50 =0
        d99 B: redeem 50     -> 2 -50 =0
        """,
        **IDLE,
    )
    assert story.entries("B")[0].type == "transfer_in"


def test_lots_that_end_at_that_instant_are_in_the_same_entry():
    story = play(
        """
        d0 earn 10 exp=d5    -> 1 +10 =10
           earn 20           -> 2 +20 =30
           earn 30 pending=P5D -> 3 +0 =30
        d5 settle            -> 5
        """,
        **IDLE,
    )
    assert story.statement()[3:] == [
        "4 release 30 +30 =60 d5",
        "5 expire 60 -60 =0 d5",
    ]


def test_what_becomes_available_later_does_not_lapse_by_it():
    story = play(
        """
        d0  earn 10             -> 1 +10 =10
            earn 30 pending=P9D -> 2 +0 =10
            redeem 4            -> 3 -4 =6
        d7  adjust 5            -> 5 +5 =5
            refund 3            -> 6 +4 =9
        d20 redeem 39           -> 8 -39 =0
        """,
        **IDLE,
        grace="P60D",
    )
    assert story.statement()[3] == "4 expire 6 -6 =0 d5"
    assert story.statement()[6] == "7 release 30 +30 =39 d9"


def test_a_lot_that_lapsed_so_stays_lapsed_and_comes_back_with_grace():
    story = play(
        """
        d0  earn 10 exp=d90     -> 1 +10 =10
            redeem 4            -> 2 -4 =6
        d7  refund 2            -> 4 +4 =4
        """,
        **IDLE,
        grace="P3D",
    )
    assert story.lots() == ["1.1 0/10 lapsed exp=d90", "4.1 4/4 open exp=d10"]


def test_points_held_do_not_lapse_until_they_come_back():
    story = play(
        """
        d0  earn 10             -> 1 +10 =10
            reserve 4 ttl=P6D   -> 2 -4 =6
        d5  settle              -> 3
        d6  settle              -> 5
        """,
        **IDLE,
    )
    assert story.statement()[2:] == [
        "3 expire 6 -6 =0 d5",
        "4 void 4 +4 =4 d6",
        "5 expire 4 -4 =0 d6",
    ]


def test_a_day_of_the_programs_zone_is_counted_on_its_calendar():
    story = play(
        """
        d86 earn 10  -> 1 +10 =10
        d91 settle   -> 2
        """,
        **IDLE,
        time_zone="Europe/Berlin",
    )
    # 28 March, 01:00 in Berlin + 5 days: 2 April, 01:00, which is an hour earlier.
    entry = story.entries()[1]
    assert entry.effective_at.isoformat() == "2026-04-01T23:00:00+00:00"


def test_within_a_batch_of_the_past():
    story = play(
        """
        d20 earn 10 at=d0     -> 1 +10 =10
            & earn 5 at=d4    -> 2 +5 =15
            & redeem 1 at=d8  -> 3 -1 =14
            & redeem 1 at=d13 -> insufficient_points available=0
            & earn 7 at=d14   -> 5 +7 =7
        """,
        **IDLE,
    )
    story.play("settle -> 6")
    assert story.statement()[-1] == "6 expire 7 -7 =0 d19"


def test_what_the_batch_itself_earns_in_the_past_makes_older_lots_lapse_too():
    story = play(
        """
        d0  adjust 50           -> 1 +50 =50
        d9  earn 10 at=d1       -> 2 +10 =60
            & settle            -> 3
        """,
        **IDLE,
    )
    assert story.statement()[2] == "3 expire 60 -60 =0 d6"


def test_what_the_batch_itself_captures_in_the_past_does_too():
    story = play(
        """
        d0  earn 10             -> 1 +10 =10
        d1  reserve 10          -> 2 -10 =0
        d6  adjust 50           -> 3 +50 =50
        d7  adjust 50           -> 4 +50 =100
        d20 capture 2 4 at=d7   -> 5 +6 =106
            & settle            -> 6
        """,
        **IDLE,
    )
    assert story.statement()[5] == "6 expire 106 -106 =0 d12"


def test_what_it_earns_before_a_transfer_to_an_account_ahead_of_it_does_too():
    story = play(
        """
        d0  adjust 50           -> 1 +50 =50
            adjust 50           -> 2 +50 =100
            adjust 50           -> 3 +50 =150
        d30 B: earn 1           -> 1 +1 =1
        d1  earn 10             -> 4 +10 =160
            & transfer 5 to=B   -> insufficient_points available=0
        """,
        **IDLE,
    )
    assert story.statement()[4] == "5 expire 160 -160 =0 d6"


# `verify` works the hour out for itself, after each of these.


@pytest.mark.parametrize(
    ("day", "idle", "ends"),
    [
        # 29 March 2026 (d87) has 23 hours in Berlin, 25 October (d297) has 25.
        ("d86", "P2D", "2026-03-29T23:00:00+00:00"),
        ("d86", "PT48H", "2026-03-30T00:00:00+00:00"),
        ("d86", "P1DT24H", "2026-03-30T00:00:00+00:00"),
        ("d296", "P2D", "2026-10-26T01:00:00+00:00"),
        ("d296", "PT48H", "2026-10-26T00:00:00+00:00"),
        # 02:30 on 29 March is no hour of the day, 02:30 on 25 October is two.
        ("d85+5400000000us", "P2D", "2026-03-29T01:30:00+00:00"),
        ("d292+1800000000us", "P5D", "2026-10-25T00:30:00+00:00"),
        ("d0", "PT1,5H", "2026-01-01T01:30:00+00:00"),
        ("d0", "P1W", "2026-01-08T00:00:00+00:00"),
        ("d30", "P1M", "2026-02-28T00:00:00+00:00"),
    ],
)
def test_days_are_the_calendars_and_hours_are_elapsed(day, idle, ends):
    story = play(
        f"""
        {day} earn 10  -> 1 +10 =10
        d360  settle   -> 2
        """,
        idle=idle,
        time_zone="Europe/Berlin",
    )
    assert story.entries()[1].effective_at.isoformat() == ends


def test_what_comes_within_the_hour_that_comes_twice_is_not_idle():
    story = play(
        """
        d292+1800000000us earn 10      -> 1 +10 =10
        d297+3600000000us adjust 10    -> 3 +10 =10
        d298              redeem 10    -> 4 -10 =0
        """,
        **IDLE,
        time_zone="Europe/Berlin",
    )
    assert story.statement()[1] == "2 expire 10 -10 =0 d297"
