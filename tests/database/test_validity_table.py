"""How long points live, as the ledger writes it down: d0 is the first of January."""

from tests.notation import play


def test_a_wallet_may_round_up_to_the_end_of_a_month():
    story = play(
        """
        d0  earn 10                  -> 1 +10 =10
        d14 earn 20                  -> 2 +20 =30
            earn 5 validity=/quarter -> 3 +5 =35
            earn 7 validity=P3D      -> 4 +7 =42
        d58 redeem 1                 -> 6 -1 =34
        d59 redeem 1                 -> 8 -1 =4
        """,
        validity="P1M/month",
    )
    # Of January and with a month, both end with February; one of them was begun.
    assert story.lots() == [
        "1.1 0/10 lapsed exp=d59",
        "2.1 0/20 lapsed exp=d59",
        "3.1 4/5 open exp=d90",
        "4.1 0/7 lapsed exp=d17",
    ]


def test_what_waits_for_an_event_is_rounded_when_it_comes():
    story = play("""
        d0  earn 10 pending=event validity=P1M/month -> 1 +0 =0
        d40 activate 1.1                             -> 2 +10 =10
    """)
    assert story.lots() == ["1.1 10/10 open exp=d90"]
    assert [entry.validity for entry in story.entries()] == ["P1M/month"] * 2


def test_days_of_the_year_are_written_as_they_were_said():
    story = play("""
        earn 10 validity=/--06-30,--12-31 -> 1 +10 =10
        adjust 3 validity=/year           -> 2 +3 =13
        earn 1 validity=P0D               -> malformed field=validity
        earn 1 validity=/decade           -> malformed field=validity
    """)
    assert story.lots() == ["1.1 10/10 open exp=d181", "2.1 3/3 open exp=d365"]
    assert story.entries()[0].validity == "/--06-30,--12-31"
