"""How much may be spent: per command, calendar day and month; tables.

d0 is 1 January 2026, 00:00 UTC.
"""

import pytest

from tests.notation import play


class TestPerCommand:
    def test_each_spend_is_judged_alone(self):
        play(
            """
            earn 500            -> 1 +500 =500
            redeem 101          -> limit_exceeded limit=per_command maximum=100
            redeem 100          -> 2 -100 =400
            reserve 101         -> limit_exceeded required=101
            reserve 100         -> 3 -100 =300
            transfer 101 to=B   -> limit_exceeded limit=per_command
            transfer 100 to=B   -> 4 -100 =200
            redeem 150 up_to    -> 5 -100 =100
            adjust -60          -> 6 -60 =40
            reserve 150 up_to   -> 7 -40 =0
            """,
            limit_per_command=100,
        )


class TestPerDay:
    def test_what_was_spent_that_day_counts_and_what_came_back_does_not(self):
        play(
            """
            d0 earn 500         -> 1 +500 =500
               redeem 60        -> 2 -60 =440
               reserve 30       -> 3 -30 =410
               redeem 11        -> limit_exceeded used=90 maximum=100 required=11
               void 3           -> 4 +30 =440
               transfer 40 to=B -> 5 -40 =400
               redeem 1         -> limit_exceeded resets_at=2026-01-02T00:00:00Z
               redeem 1 up_to   -> limit_exceeded required=1
               refund 2         -> 6 +60 =460
               redeem 1         -> limit_exceeded used=100
            d1 redeem 101       -> limit_exceeded used=0
               redeem 101 up_to -> 7 -100 =360
            """,
            limit_per_day=100,
        )

    def test_the_rest_of_a_capture_came_back(self):
        play(
            """
            earn 500         -> 1 +500 =500
            reserve 100      -> 2 -100 =400
            capture 2 30     -> 3 +70 =470
            redeem 71        -> limit_exceeded used=30
            redeem 70        -> 4 -70 =400
            """,
            limit_per_day=100,
        )

    def test_what_comes_back_counts_on_its_day_and_used_is_never_below_nothing(self):
        play(
            """
            d0 earn 500         -> 1 +500 =500
               reserve 100      -> 2 -100 =400
            d1 void 2           -> 3 +100 =500
               redeem 101       -> limit_exceeded used=0
               redeem 100       -> 4 -100 =400
               redeem 100       -> 5 -100 =300
               redeem 1         -> limit_exceeded used=100
            """,
            limit_per_day=100,
        )

    def test_a_hold_that_ran_out_gives_its_points_back_on_that_day(self):
        play(
            """
            d0         earn 500             -> 1 +500 =500
                       reserve 100 ttl=PT60S -> 2 -100 =400
            d0+59999999us redeem 1          -> limit_exceeded used=100
            d0+60000000us redeem 100        -> 4 -100 =400
            """,
            limit_per_day=100,
        )

    def test_adjusts_lapses_and_reverses_do_not_count(self):
        play(
            """
            d0 earn 100 exp=d1  -> 1 +100 =100
               earn 300         -> 2 +300 =400
               adjust -90       -> 3 -90 =310
               reverse 2 50     -> 4 -50 =260
            d1 redeem 100       -> 6 -100
            """,
            limit_per_day=100,
        )

    def test_insufficient_points_comes_first_and_the_total_of_a_receiver_last(self):
        play(
            """
            earn 150         -> 1 +150 =150
            redeem 151       -> insufficient_points
            redeem 101       -> limit_exceeded
            redeem 100       -> 2 -100 =50
            redeem 50 up_to  -> limit_exceeded used=100 required=1
            redeem 51        -> insufficient_points
            adjust -50       -> 3 -50 =0
            redeem 1 up_to   -> insufficient_points
            """,
            limit_per_day=100,
        )

    def test_within_a_batch_each_spend_counts_for_the_next(self):
        play(
            """
            d1 earn 500 at=d0       -> 1 +500 =500
               & redeem 60 at=d0    -> 2 -60 =440
               & redeem 60 at=d0    -> limit_exceeded used=60
               & redeem 60 at=d1    -> 3 -60 =380
               & redeem 41          -> limit_exceeded used=60
            """,
            limit_per_day=100,
        )

    def test_what_a_hold_sets_aside_counts_on_its_day_however_it_ends(self):
        story = play(
            """
            d0 earn 500          -> 1 +500 =500
               reserve 150 up_to -> 2 -100 =400
               reserve 1 up_to   -> limit_exceeded used=100 required=1
            d1 capture 2 60      -> 3 +40 =440
               redeem 101        -> limit_exceeded used=0
               redeem 100        -> 4 -100 =340
               redeem 41         -> limit_exceeded used=60
               redeem 40         -> 5 -40 =300
               refund 3          -> 6 +60 =360
               redeem 1          -> limit_exceeded used=100
            """,
            limit_per_day=100,
        )
        assert story.entries()[1].amount == 100

    def test_a_limit_is_of_one_account(self):
        play(
            """
            earn 100          -> 1 +100 =100
            transfer 100 to=B -> 2 -100 =0
            B: redeem 100     -> 2 -100 =0
            B: redeem 1 up_to -> insufficient_points
            """,
            limit_per_day=100,
        )


class TestTheCalendar:
    @pytest.mark.parametrize(
        ("zone", "spent", "again", "verdict"),
        [
            # Jakarta is 7 hours ahead: its 1 January ends at 17:00 UTC.
            ("Asia/Jakarta", "d0", "d0+61199999999us", "limit_exceeded"),
            ("Asia/Jakarta", "d0", "d0+61200000000us", "3 -100 =300"),
            ("UTC", "d0", "d0+86399999999us", "limit_exceeded"),
            ("UTC", "d0", "d1", "3 -100 =300"),
            # New York lies 5 hours behind: d1, 00:00 UTC is still its 1 January.
            ("America/New_York", "d0+18000000000us", "d1", "limit_exceeded"),
            ("America/New_York", "d0+17999999999us", "d0+18000000000us", "3 -100 =300"),
            # Berlin, 29 March 2026 (d87): from 23:00 UTC of d86 on, 23 hours long.
            (
                "Europe/Berlin",
                "d86+82800000000us",
                "d87+79199999999us",
                "limit_exceeded",
            ),
            ("Europe/Berlin", "d86+82800000000us", "d87+79200000000us", "3 -100 =300"),
            # Berlin, 25 October 2026 (d297): 25 hours long.
            (
                "Europe/Berlin",
                "d296+79200000000us",
                "d297+82799999999us",
                "limit_exceeded",
            ),
            (
                "Europe/Berlin",
                "d296+79200000000us",
                "d297+82800000000us",
                "3 -100 =300",
            ),
        ],
    )
    def test_a_day_is_the_programs_own(self, zone, spent, again, verdict):
        play(
            f"""
            d0       earn 500    -> 1 +500 =500
            {spent}  redeem 100  -> 2 -100 =400
            {again}  redeem 100  -> {verdict}
            """,
            limit_per_day=100,
            time_zone=zone,
        )

    def test_the_day_of_the_clock_change_says_when_it_resets(self):
        play(
            """
            d0                  earn 500    -> 1 +500 =500
            d87                 redeem 100  -> 2 -100 =400
            d87 redeem 1 -> limit_exceeded resets_at=2026-03-29T22:00:00Z used=100
            """,
            limit_per_day=100,
            time_zone="Europe/Berlin",
        )

    def test_a_month_ends_with_its_last_day(self):
        play(
            """
            d0       earn 500    -> 1 +500 =500
            d3       redeem 100  -> 2 -100 =400
            d30      redeem 51   -> limit_exceeded limit=per_month used=100 maximum=150
            d31-1us  redeem 51   -> limit_exceeded resets_at=2026-02-01T00:00:00Z
            d31      redeem 150  -> 3 -150 =250
            d58      redeem 1    -> limit_exceeded resets_at=2026-03-01T00:00:00Z
            d59      redeem 1    -> 4 -1 =249
            """,
            limit_per_month=150,
        )

    @pytest.mark.parametrize(
        ("again", "verdict"),
        [
            # Berlin is an hour ahead: its January ends at 23:00 UTC of d30.
            ("d30+82799999999us", "limit_exceeded resets_at=2026-01-31T23:00:00Z"),
            ("d30+82800000000us", "3 -100 =300"),
        ],
    )
    def test_a_month_is_the_programs_own(self, again, verdict):
        play(
            f"""
            d0       earn 500    -> 1 +500 =500
                     redeem 100  -> 2 -100 =400
            {again}  redeem 100  -> {verdict}
            """,
            limit_per_month=100,
            time_zone="Europe/Berlin",
        )


def test_the_narrowest_of_several_limits_is_named_first():
    play(
        """
        d0 earn 900         -> 1 +900 =900
           redeem 51        -> limit_exceeded limit=per_command
           redeem 50        -> 2 -50
           redeem 50        -> 3 -50
           redeem 1         -> limit_exceeded limit=per_day
        d1 redeem 50        -> 4 -50
           redeem 50 up_to  -> 5 -30 amount=30
           redeem 1         -> limit_exceeded limit=per_month used=180
        """,
        limit_per_command=50,
        limit_per_day=100,
        limit_per_month=180,
    )


def test_a_limit_refusal_replays_word_for_word():
    play(
        """
        d0 earn 500        -> 1 +500 =500
           redeem 101 key=k -> limit_exceeded used=0 resets_at=2026-01-02T00:00:00Z
        d9 redeem 101 key=k -> replay limit_exceeded resets_at=2026-01-02T00:00:00Z
        """,
        limit_per_day=100,
    )
