"""Activate and cancel: pending points without or before their time; tables."""

import pytest

from tests.builders import DAY, START
from tests.notation import play


class TestActivate:
    def test_the_validity_of_points_that_waited_for_an_event_starts_with_it(self):
        story = play(
            """
            d0 earn 40 pending=event   -> 1 +0 =0 pending=40 expires_at=None
            d5 activate 1.1            -> 2 +40 =40 pending=-40 pending_after=0
            """,
            validity="P10D",
        )
        assert story.lots() == ["1.1 40/40 open exp=d15"]
        entry = story.entries()[1]
        assert (entry.available_at, entry.expires_at) == (
            START + 5 * DAY,
            START + 15 * DAY,
        )
        assert (entry.relates_to, entry.lifetime_after) == (1, 40)

    def test_points_that_wait_for_their_day_can_be_had_earlier(self):
        story = play("""
            d0 earn 40 pending=P9D validity=P10D  -> 1 +0 =0
            d2 activate 1.1                       -> 2 +40 =40
            d9 settle                             -> 2
            d12 settle                            -> 3
        """)
        assert story.statement()[2] == "3 expire 40 -40 =0 d12"
        assert story.entries()[0].available_at == START + 9 * DAY

    def test_a_stated_expiry_stays(self):
        story = play("""
            d0 earn 40 pending=event exp=d7  -> 1 +0 =0
            d2 activate 1.1                  -> 2 +40 =40
        """)
        assert story.lots() == ["1.1 40/40 open exp=d7"]

    def test_a_stated_expiry_that_has_passed_lapses_at_once(self):
        story = play("""
            d0 earn 40 pending=event exp=d7  -> 1 +0 =0
            d8 activate 1.1                  -> 2 +40 =40
        """)
        assert story.statement()[2] == "3 expire 40 -40 =0 d8"

    def test_it_repays_debt_first(self):
        story = play("""
            adjust -30 policy=debt   -> 1 -30 =-30
            earn 40 pending=event    -> 2 +0 =-30
            activate 2.1             -> 3 +40 =10
        """)
        assert story.lots() == ["2.1 10/40 open"]

    def test_only_what_is_left_becomes_available(self):
        play("""
            earn 40 pending=event    -> 1 +0 =0
            reverse 1 15             -> 2 +0 =0 pending=-15
            activate 1.1             -> 3 +25 =25 amount=25
            reverse 1                -> 4 -25 =0 amount=25
        """)


class TestCancel:
    def test_it_takes_all_that_is_pending_of_the_lot(self):
        story = play("""
            earn 40 pending=event  -> 1 +0 =0
            earn 7 pending=P3D     -> 2 +0 =0
            cancel 1.1             -> 3 +0 =0 pending=-40 amount=40 pending_after=7
            cancel 2.1             -> 4 +0 =0 pending=-7
        """)
        assert story.lots() == ["1.1 0/40 cancelled", "2.1 0/7 cancelled"]
        assert story.entries()[3].lifetime_after == 47

    def test_it_counts_as_undone_of_the_earn(self):
        play("""
            earn 100 pending=event -> 1 +0 =0
            cancel 1.1             -> 2 +0 =0
            reverse 1              -> exceeds_original left=0
        """)

    def test_also_in_one_batch_with_the_reverse(self):
        play("""
            earn 100 pending=event -> 1 +0 =0
            reverse 1 30           -> 2 +0 =0
            & cancel 1.1           -> 3 +0 =0 amount=70
            & reverse 1            -> exceeds_original left=0
        """)

    def test_what_was_cancelled_is_not_released_later(self):
        play("""
            d0 earn 40 pending=P3D  -> 1 +0 =0
               cancel 1.1           -> 2 +0 =0
            d9 settle               -> 2
        """)


@pytest.mark.parametrize("verb", ["activate", "cancel"])
@pytest.mark.parametrize(
    ("before", "lot", "verdict"),
    [
        ("", "0.1", "malformed field=lot"),
        ("", "1.0", "malformed field=lot"),
        ("", "9.1", "entry_not_found lot=9.1"),
        ("", "1.2", "entry_not_found lot=1.2"),
        ("activate 1.1 -> 2 +40", "1.1", "lot_not_pending lot=1.1 state=open"),
        ("cancel 1.1 -> 2 +0", "1.1", "lot_not_pending lot=1.1 state=cancelled"),
        ("reverse 1 -> 2 +0", "1.1", "lot_not_pending lot=1.1 state=cancelled"),
        ("earn 5 -> 2 +5", "2.1", "lot_not_pending lot=2.1 state=open"),
        ("d3 settle -> 2", "1.1", "lot_not_pending lot=1.1 state=open"),
        ("d3 redeem 40 -> 3 -40", "1.1", "lot_not_pending lot=1.1 state=spent"),
        ("d9 settle -> 3", "1.1", "lot_not_pending lot=1.1 state=lapsed"),
    ],
)
def test_refusals(verb, before, lot, verdict):
    malformed = verdict if verdict.startswith("malformed") else None
    play(f"""
        earn 40 pending=P3D validity=P6D -> 1 +0 =0
        {before}
        {verb} {lot} -> {verdict}
        X: {verb} {lot} -> {malformed or "account_not_found"}
        B: {verb} {lot} -> {malformed or "entry_not_found"}
    """)


def test_replays_and_chains():
    play("""
        earn 40 pending=event     -> 1 +0 =0
        & activate 1.1 key=a      -> 2 +40 =40
        & redeem 15               -> 3 -15 =25
        activate 1.1 key=a        -> replay 2 +40 =40
        cancel 1.1 key=a          -> key_reused
        cancel 1.1 key=c          -> lot_not_pending
        cancel 1.1 key=c          -> replay lot_not_pending
        dry activate 1.1          -> lot_not_pending
    """)


def test_a_lot_that_is_released_at_this_very_instant_is_not_pending_any_more():
    play("""
        d0     earn 40 pending=P3D  -> 1 +0 =0
        d3-1us dry cancel 1.1       -> 2 +0 =0
        d3     cancel 1.1           -> lot_not_pending state=open
    """)
