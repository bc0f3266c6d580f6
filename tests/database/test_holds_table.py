"""Reserve, capture, void: points set aside, spent or given back; tables."""

import pytest

from tests.builders import rows
from tests.notation import play


def holds(story, letter="A"):
    """The account's holds, a line each."""
    found = rows(
        "SELECT sequence, points, open, resolved_by FROM ledger_hold"
        " WHERE account_id = %s ORDER BY sequence",
        (story.account(letter),),
    )
    return [
        f"{sequence} {points} {'open' if is_open else f'by {resolved}'}"
        for sequence, points, is_open, resolved in found
    ]


class TestWorkedRows:
    def test_a_hold_keeps_its_lots_while_they_lapse_and_a_capture_settles_it(self):
        story = play(
            """
            d0  earn 100 exp=d10  -> 1 +100 =100
            d5  reserve 60        -> 2 -60 =40 reserved=60 reserved_after=60
            d20 capture 2 50      -> 4 +10 =10 reserved=-60 amount=50 relates_to=2
            d40 refund 4          -> 6 +50 =50 amount=50
            """,
            hold_time_max="P30D",
        )
        assert story.statement() == [
            "1 earn 100 +100 =100 d0",
            "2 reserve 60 -60 =40 d5",
            "3 expire 40 -40 =0 d10",
            "4 capture 50 +10 =10 d20",
            "5 expire 10 -10 =0 d20",
            "6 refund 50 +50 =50 d40",
        ]
        assert story.lots() == [
            "1.1 0/100 lapsed exp=d10",
            "4.1 0/10 lapsed exp=d20",
            "6.1 50/50 open exp=d70",
        ]
        assert story.moves() == ["2 1.1 -60", "3 1.1 -40", "5 4.1 -10"]
        assert holds(story) == ["2 60 by 4"]

    def test_a_capture_of_all_gives_nothing_back(self):
        story = play("""
            earn 100   -> 1 +100 =100
            reserve 60 -> 2 -60 =40
            capture 2  -> 3 +0 =40 amount=60 reserved=-60 reserved_after=0
        """)
        assert story.moves() == ["2 1.1 -60"]
        assert story.lots() == ["1.1 40/100 open"]

    def test_a_void_gives_all_back(self):
        story = play("""
            earn 100   -> 1 +100 =100
            reserve 60 -> 2 -60 =40
            void 2     -> 3 +60 =100 amount=60 reserved=-60 reserved_after=0
        """)
        assert story.lots() == ["1.1 100/100 open"]
        assert story.moves() == ["2 1.1 -60", "3 1.1 +60"]
        assert holds(story) == ["2 60 by 3"]


class TestWhatComesBack:
    def test_a_capture_keeps_what_a_smaller_reserve_would_have_taken(self):
        story = play("""
            d0 earn 50 exp=d10  -> 1 +50 =50
               earn 50 exp=d20  -> 2 +50 =100
               reserve 80       -> 3 -80 =20
               capture 3 40     -> 4 +40 =60
        """)
        assert story.moves()[2:] == ["4 2.1 +30", "4 1.1 +10"]
        assert story.lots() == ["1.1 10/50 open exp=d10", "2.1 50/50 open exp=d20"]
        story.play("""
               refund 4 10      -> 5 +10 =70
               refund 4         -> 6 +30 =100 amount=30
               refund 4         -> exceeds_original left=0
        """)
        assert story.moves()[4:] == ["5 1.1 +10", "6 1.1 +30"]

    def test_what_comes_back_of_a_lapsed_lot_lapses_at_once(self):
        story = play("""
            d0  earn 50 exp=d3   -> 1 +50 =50
                reserve 50       -> 2 -50 =0
            d4  void 2           -> 3 +50 =50
        """)
        assert story.statement()[3] == "4 expire 50 -50 =0 d4"
        assert story.lots() == ["1.1 0/50 spent exp=d3", "3.1 0/50 lapsed exp=d4"]

    def test_what_comes_back_repays_debt_first(self):
        story = play("""
            earn 100            -> 1 +100 =100
            reserve 60          -> 2 -60 =40
            reverse 1           -> 3 -100 =-60
            void 2              -> 4 +60 =0
        """)
        assert story.moves()[-2:] == ["4 1.1 +60", "4 1.1 -60"]
        assert story.lots() == ["1.1 0/100 spent"]

    def test_the_rest_of_a_capture_repays_debt_too(self):
        story = play("""
            earn 100            -> 1 +100 =100
            reserve 60          -> 2 -60 =40
            reverse 1           -> 3 -100 =-60
            capture 2 20        -> 4 +40 =-20
            earn 25             -> 5 +25 =5
        """)
        assert story.lots() == ["1.1 0/100 spent", "5.1 5/25 open"]


class TestTime:
    def test_a_hold_runs_out_of_time_by_itself(self):
        story = play("""
            d0  earn 100         -> 1 +100 =100
                reserve 60       -> 2 -60 =40
            d7  redeem 100       -> 4 -100 =0
                capture 2        -> hold_not_open hold=2
                void 2           -> hold_not_open hold=2
        """)
        assert story.statement()[2] == "3 void 60 +60 =100 d7"
        entry = story.entries()[2]
        assert (entry.source, entry.key, entry.relates_to) == ("system", None, 2)

    @pytest.mark.parametrize(
        ("ttl", "line", "verdict"),
        [
            ("PT60S", "d0+59999999us capture 2", "3 +0 =40"),
            ("PT60S", "d0+60000000us capture 2", "hold_not_open"),
            ("P1D", "d1-1us capture 2", "3 +0 =40"),
            ("P1D", "d1 void 2", "hold_not_open"),
            ("P7D", "d7-1us capture 2", "3 +0 =40"),
        ],
    )
    def test_a_hold_is_open_until_its_very_instant(self, ttl, line, verdict):
        play(f"""
            earn 100            -> 1 +100 =100
            reserve 60 ttl={ttl} -> 2 -60 =40
            {line} -> {verdict}
        """)

    def test_a_void_comes_before_the_lapse_of_the_same_instant(self):
        story = play("""
            d0  earn 50 exp=d2   -> 1 +50 =50
                reserve 20 ttl=P2D -> 2 -20 =30
            d3  settle           -> 4
        """)
        assert story.statement()[2:] == [
            "3 void 20 +20 =50 d2",
            "4 expire 50 -50 =0 d2",
        ]


class TestRefusals:
    @pytest.mark.parametrize(
        ("line", "verdict"),
        [
            ("reserve 0", "malformed field=points"),
            ("reserve 1 ttl=PT0S", "malformed field=time_to_live"),
            ("reserve 1 ttl=soon", "malformed field=time_to_live"),
            ("reserve 1 ttl=P8D", "malformed field=time_to_live"),
            ("reserve 1 ttl=PT604801S", "malformed field=time_to_live"),
            ("reserve 1 key=-", "malformed field=key"),
            ("reserve 1 key=- ref=order:7", "malformed field=key"),
            ("reserve 1 ttl=P7D", "3 -1 =39"),
            ("reserve 41", "insufficient_points available=40 required=41 missing=1"),
            ("reserve 99 up_to", "3 -40 =0 amount=40"),
            ("capture 0", "malformed field=hold"),
            ("capture 2 0", "malformed field=points"),
            ("capture 9", "entry_not_found hold=9"),
            ("capture 1", "entry_not_found hold=1"),
            ("capture 2 61", "exceeds_original left=60"),
            ("void 0", "malformed field=hold"),
            ("void 9", "entry_not_found hold=9"),
            ("void 1", "entry_not_found hold=1"),
            ("refund 2", "entry_not_reversible type=reserve"),
            ("reverse 2", "entry_not_reversible type=reserve"),
            ("B: capture 2", "entry_not_found hold=2"),
            ("X: reserve 1", "account_not_found"),
            ("X: capture 2", "account_not_found"),
            ("X: void 2", "account_not_found"),
        ],
    )
    def test_on_an_account_with_a_hold(self, line, verdict):
        story = play(f"""
            earn 100   -> 1 +100 =100
            reserve 60 -> 2 -60 =40
            {line}     -> {verdict}
        """)
        assert holds(story)[0] == "2 60 open"

    @pytest.mark.parametrize(
        ("end", "line", "verdict"),
        [
            ("capture 2 50", "capture 2", "hold_not_open hold=2"),
            ("capture 2 50", "void 2", "hold_not_open hold=2"),
            ("void 2", "capture 2 61", "hold_not_open hold=2"),
            ("void 2", "void 2", "hold_not_open hold=2"),
            ("capture 2 50", "refund 3 51", "exceeds_original left=50"),
            ("capture 2 50", "reverse 3", "entry_not_reversible type=capture"),
            ("void 2", "refund 3", "entry_not_reversible type=void"),
        ],
    )
    def test_after_a_hold_has_ended(self, end, line, verdict):
        play(f"""
            earn 100   -> 1 +100 =100
            reserve 60 -> 2 -60 =40
            {end}      -> 3 {"+10" if "50" in end else "+60"}
            {line}     -> {verdict}
        """)


class TestKeysAndBatches:
    def test_the_first_outcome_comes_again_though_the_hold_has_ended(self):
        play("""
            d0 earn 100          -> 1 +100 =100
               reserve 60 key=r  -> 2 -60 =40
               reserve 60 key=r  -> replay 2 -60 =40
               capture 2 50 key=c -> 3 +10 =50
               capture 2 50 key=c -> replay 3 +10 =50
               capture 2 key=c   -> key_reused
               reserve 60 key=r ttl=P1D -> key_reused
            d9 reserve 60 key=r  -> replay 2 -60 =40
               void 2 key=v      -> hold_not_open
               void 2 key=v      -> replay hold_not_open
               void 3 key=v      -> key_reused
        """)

    def test_a_chain_in_one_batch_is_its_commands_one_by_one(self):
        story = play("""
            earn 50            -> 1 +50 =50
            & reserve 30       -> 2 -30 =20
            & capture 2 20     -> 3 +10 =30
            & refund 3 5       -> 4 +5 =35
            & reserve 35       -> 5 -35 =0
            & void 5           -> 6 +35 =35
            & capture 5        -> hold_not_open
        """)
        assert holds(story) == ["2 30 by 3", "5 35 by 6"]
        assert story.lots() == ["1.1 35/50 open"]

    def test_a_dry_run_sets_nothing_aside(self):
        story = play("""
            earn 50            -> 1 +50 =50
            dry reserve 30     -> 2 -30 =20
            reserve 50         -> 2 -50 =0
            dry capture 2 20   -> 3 +30 =30
            capture 2          -> 3 +0 =0
        """)
        assert holds(story) == ["2 50 by 3"]
