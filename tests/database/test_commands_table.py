"""What each command does, or why not: tables, the last column the verdict.

In the order of the contract: worked rows, then refusals by descending precedence,
then idempotency, batches and dry runs. `tests/notation.py` says how to read them.
"""

from datetime import UTC, datetime, timedelta

import pytest

from punchcard.ledger.commands import Earn, Redeem, Refund, Reverse, Settle
from punchcard.ledger.errors import REFUSALS
from punchcard.ledger.operations import post
from punchcard.ledger.rules.shape import SOURCES
from tests.builders import START, a_ledger, rows
from tests.notation import Story, instant, play

TICK = timedelta(microseconds=1)
MOST = 10**15


class TestWorkedRows:
    def test_debt_is_repaid_by_the_next_credit(self):
        story = play("""
            earn 100         -> 1 +100 =100
            redeem 100       -> 2 -100 =0
            reverse 1        -> 3 -100 =-100 amount=100
            redeem 1         -> insufficient_points available=-100 missing=101
            earn 150         -> 4 +150 =50
            refund 2         -> 5 +100 =150
            reverse 4        -> 6 -150 =0
        """)
        assert story.lots() == ["1.1 0/100 spent", "4.1 0/150 spent"]
        assert story.moves() == [
            "2 1.1 -100",
            "4 4.1 -100",
            "5 1.1 +100",
            "6 4.1 -50",
            "6 1.1 -100",
        ]

    def test_a_refund_that_repays_debt_pays_it_from_the_lots_it_raised(self):
        story = play("""
            earn 100         -> 1 +100 =100
            redeem 100       -> 2 -100 =0
            reverse 1        -> 3 -100 =-100
            refund 2 40      -> 4 +40 =-60
            refund 2         -> 5 +60 =0
        """)
        assert story.lots() == ["1.1 0/100 spent"]

    def test_what_is_released_in_debt_repays_it(self):
        story = play("""
            d0 earn 10                -> 1 +10 =10
               redeem 10              -> 2 -10 =0
               reverse 1              -> 3 -10 =-10
               earn 30 pending=P2D    -> 4 +0 =-10 pending=30
            d2 settle                 -> 5
               redeem 21              -> insufficient_points available=20 missing=1
        """)
        assert story.statement()[4] == "5 release 30 +30 =20 d2"
        assert story.lots() == ["1.1 0/10 spent", "4.1 20/30 open"]

    def test_what_lapsed_is_not_taken_a_second_time(self):
        story = play("""
            d0  earn 100 exp=d10       -> 1 +100 =100
                redeem 30              -> 2 -30 =70
            d11 earn 50                -> 4 +50 =50
                reverse 1 policy=debt  -> 5 -30 =20 amount=100 lapsed=70
        """)
        assert story.statement() == [
            "1 earn 100 +100 =100 d0",
            "2 redeem 30 -30 =70 d0",
            "3 expire 70 -70 =0 d10",
            "4 earn 50 +50 =50 d11",
            "5 reverse 100 -30 =20 d11",
        ]
        assert story.lots() == ["1.1 0/100 lapsed exp=d10", "4.1 20/50 open"]

    def test_a_lapse_is_counted_by_one_reverse_only(self):
        play("""
            d0  earn 100 exp=d10  -> 1 +100 =100
                redeem 60         -> 2 -60 =40
            d10 reverse 1 40      -> 4 +0 =0 lapsed=40
                reverse 1         -> 5 -60 =-60 lapsed=None
                reverse 1         -> exceeds_original left=0
        """)

    def test_pending_points_go_first_and_never_come_back(self):
        play("""
            earn 100 pending=event  -> 1 +0 =0 pending=100
            earn 7                  -> 2 +7 =7
            reverse 1 40            -> 3 +0 =7 pending=-40
            reverse 1               -> 4 +0 =7 pending=-60 pending_after=0
            reverse 1               -> exceeds_original left=0
        """)

    def test_a_refund_returns_to_the_lots_it_left_last_taken_first(self):
        story = play("""
            d0 earn 50 exp=d10  -> 1 +50 =50
               earn 50 exp=d20  -> 2 +50 =100
               redeem 80        -> 3 -80 =20
               refund 3 40      -> 4 +40 =60
        """)
        assert story.lots() == ["1.1 10/50 open exp=d10", "2.1 50/50 open exp=d20"]
        assert story.moves()[-2:] == ["4 2.1 +30", "4 1.1 +10"]
        story.play("refund 3 -> 5 +40 =100 amount=40")
        assert story.lots() == ["1.1 50/50 open exp=d10", "2.1 50/50 open exp=d20"]

    def test_the_soonest_expiring_is_spent_first_and_the_never_expiring_last(self):
        story = play("""
            earn 10           -> 1 +10
            earn 10 exp=d20   -> 2 +10
            earn 10 exp=d10   -> 3 +10
            earn 10 exp=d10   -> 4 +10
            redeem 15         -> 5 -15 =25
        """)
        assert story.moves() == ["5 3.1 -10", "5 4.1 -5"]
        story.play("redeem 16 -> 6 -16 =9")
        assert story.moves()[2:] == ["6 4.1 -5", "6 2.1 -10", "6 1.1 -1"]

    def test_what_comes_back_lapsed_lives_for_a_grace_once(self):
        story = play("""
            d0  earn 100 exp=d10  -> 1 +100 =100
                redeem 100        -> 2 -100 =0
            d40 refund 2          -> 3 +100 =100
            d50 redeem 60         -> 4 -60 =40
            d80 refund 4          -> 6 +60 =60
        """)
        assert story.statement()[2:] == [
            "3 refund 100 +100 =100 d40",
            "4 redeem 60 -60 =40 d50",
            "5 expire 40 -40 =0 d70",
            "6 refund 60 +60 =60 d80",
            "7 expire 60 -60 =0 d80",
        ]
        assert story.lots() == [
            "1.1 0/100 spent exp=d10",
            "3.1 0/100 lapsed exp=d70",
            "6.1 0/60 lapsed exp=d80",
        ]

    def test_without_grace_what_comes_back_lapsed_lapses_at_once(self):
        story = play(
            """
            d0  earn 60 exp=d10   -> 1 +60 =60
                earn 40           -> 2 +40 =100
                redeem 100        -> 3 -100 =0
            d10 refund 3          -> 4 +100 =100
            """,
            grace="PT0S",
        )
        assert story.statement()[3:] == [
            "4 refund 100 +100 =100 d10",
            "5 expire 60 -60 =40 d10",
        ]

    def test_a_grace_lot_belongs_to_the_earn_that_it_stems_from(self):
        play("""
            d0  earn 100 exp=d10  -> 1 +100 =100
                redeem 100        -> 2 -100 =0
            d20 refund 2          -> 3 +100 =100
                earn 50           -> 4 +50 =150
                reverse 1         -> 5 -100 =50
        """)

    def test_a_pending_credit_is_released_at_its_hour_and_lapses_at_its_end(self):
        story = play("""
            d0      earn 10 pending=P2D validity=P3D  -> 1 +0 =0 pending=10
            d2-1us  redeem 1    -> insufficient_points available=0 required=1 missing=1
            d2      redeem 1    -> 3 -1 =9
            d5-1us  redeem 1    -> 4 -1 =8
            d5      redeem 1    -> insufficient_points available=0 required=1 missing=1
        """)
        assert story.statement() == [
            "1 earn 10 +0 =0 d0",
            "2 release 10 +10 =10 d2",
            "3 redeem 1 -1 =9 d2",
            "4 redeem 1 -1 =8 d4",
            "5 expire 8 -8 =0 d5",
        ]

    def test_what_is_due_at_one_instant_is_released_before_it_lapses(self):
        story = play("""
            d0 earn 10 exp=d5          -> 1 +10 =10
               earn 20 pending=P5D     -> 2 +0 =10 pending=20
               earn 30 exp=d5          -> 3 +30 =40
            d9 settle                  -> 5
               settle                  -> 5
        """)
        assert story.statement()[3:] == [
            "4 release 20 +20 =60 d5",
            "5 expire 40 -40 =20 d5",
        ]

    def test_up_to_takes_what_there_is_and_at_least_one(self):
        play("""
            earn 30           -> 1 +30 =30
            redeem 20 up_to   -> 2 -20 =10
            redeem 20 up_to   -> 3 -10 =0 amount=10
            redeem 20 up_to   -> insufficient_points available=0 required=1 missing=1
        """)

    @pytest.mark.parametrize(
        ("policy", "verdict"),
        [
            ("debt", "3 -100 =-70 amount=100 written_off=None"),
            ("cap", "3 -30 =0 amount=100 written_off=70"),
            ("refuse", "insufficient_points available=30 required=100 missing=70"),
        ],
    )
    @pytest.mark.parametrize("stated", ["stated", "of the wallet"])
    def test_what_a_reverse_cannot_take_follows_the_policy(
        self, policy, verdict, stated
    ):
        stated_by_command = stated == "stated"
        words = f"policy={policy}" if stated_by_command else ""
        other = "cap" if policy == "debt" else "debt"
        wallet = other if stated_by_command else policy
        play(
            f"""
            earn 100           -> 1 +100 =100
            redeem 70          -> 2 -70 =30
            reverse 1 {words}  -> {verdict}
            """,
            debt_policy=wallet,
        )

    def test_a_reverse_takes_the_earns_own_lots_first_then_others_in_spending_order(
        self,
    ):
        story = play("""
            earn 50 exp=d9       -> 1 +50 =50
            earn 50 exp=d5       -> 2 +50 =100
            earn 50              -> 3 +50 =150
            redeem 10            -> 4 -10 =140
            reverse 3 20         -> 5 -20 =120
            adjust -30 lot=3.1   -> 6 -30 =90
            reverse 3 policy=cap -> 7 -30 =60 amount=30
            reverse 2            -> 8 -50 =10
        """)
        assert story.moves()[1:] == [
            "5 3.1 -20",
            "6 3.1 -30",
            "7 2.1 -30",
            "8 2.1 -10",
            "8 1.1 -40",
        ]

    def test_of_several_lots_that_rise_in_debt_the_soonest_expiring_pays(self):
        story = play("""
            earn 50 exp=d10          -> 1 +50 =50
            earn 50 exp=d20          -> 2 +50 =100
            redeem 100               -> 3 -100 =0
            adjust -30 policy=debt   -> 4 -30 =-30
            refund 3                 -> 5 +100 =70
        """)
        assert story.moves()[2:] == ["5 2.1 +50", "5 1.1 +50", "5 1.1 -30"]

    def test_what_is_due_at_one_instant_comes_by_kind_then_by_sequence(self):
        story = play("""
            d0 earn 10 pending=P3D   -> 1 +0 =0
               earn 20 pending=P3D   -> 2 +0 =0
               earn 90               -> 3 +90 =90
               reserve 5 ttl=P3D     -> 4 -5 =85
               reserve 6 ttl=P3D     -> 5 -6 =79
               earn 8 exp=d3         -> 6 +8 =87
               earn 7 exp=d3         -> 7 +7 =94
            d4 settle                -> 12
        """)
        assert story.statement()[7:] == [
            "8 release 10 +10 =104 d3",
            "9 release 20 +20 =124 d3",
            "10 void 5 +5 =129 d3",
            "11 void 6 +6 =135 d3",
            "12 expire 15 -15 =120 d3",
        ]
        related = [entry.relates_to for entry in story.entries()[7:]]
        assert related == [1, 2, 4, 5, None]
        assert story.moves()[-2:] == ["12 6.1 -8", "12 7.1 -7"]
        assert {entry.key for entry in story.entries()[7:]} == {None}

    def test_what_expires_between_the_stated_instant_and_the_accounts_lapses_at_once(
        self,
    ):
        story = play("""
            d9 earn 5                -> 1 +5 =5
               earn 10 at=d1 exp=d4  -> 2 +10 =15
               redeem 6              -> insufficient_points available=5
        """)
        assert story.statement()[2] == "3 expire 10 -10 =5 d9"

    def test_points_earned_while_spending_all_never_turn_negative(self):
        story = play("""
            d0  earn 100 exp=d10  -> 1 +100 =100
                redeem 100        -> 2 -100 =0
                earn 50           -> 3 +50 =50
            d99 settle            -> 3
        """)
        assert story.statement()[-1] == "3 earn 50 +50 =50 d0"


class TestWhatTheWalletSays:
    def test_pending_period_and_validity_unless_the_command_says_so(self):
        story = play(
            """
            earn 10                            -> 1 +0 =0 pending=10
            earn 20 pending=PT0S               -> 2 +20 =20 pending=0
            earn 30 pending=event              -> 3 +0 =20 available_at=None
            earn 40 pending=P1D validity=P1D   -> 4 +0 =20 validity=P1D
            earn 50 exp=d9                     -> 5 +0 =20 validity=None
            earn 60 pending=event exp=d9       -> 6 +0 =20
            """,
            pending_period="P2D",
            validity="P3D",
        )
        assert story.lots() == [
            "1.1 10/10 pending exp=d5",
            "2.1 20/20 open exp=d3",
            "3.1 30/30 pending",
            "4.1 40/40 pending exp=d2",
            "5.1 50/50 pending exp=d9",
            "6.1 60/60 pending exp=d9",
        ]

    def test_how_long_what_comes_back_lapsed_lives(self):
        story = play(
            """
            d0 earn 10 exp=d1  -> 1 +10 =10
               redeem 10       -> 2 -10 =0
            d1 refund 2        -> 3 +10 =10
            """,
            grace="P5D",
        )
        assert story.lots()[1] == "3.1 10/10 open exp=d6"


SAID_OF_IT = [
    ("", "earn 5", "purchase", "Earn"),
    ("", "redeem 5", "redemption", "Redeem"),
    ("", "redeem 5 ref=voucher:v7", "redemption", "Redeem: voucher v7"),
    ("", "reserve 5", "redemption", "Reserve"),
    ("reserve 5 -> 2 -5", "capture 2 4", "redemption", "Capture of hold 2"),
    ("reserve 5 -> 2 -5", "void 2", "redemption", "Void of hold 2"),
    ("redeem 5 -> 2 -5", "refund 2", "redemption", "Refund of entry 2"),
    ("", "reverse 1", "purchase", "Reverse of entry 1"),
    ("", "adjust 5", "admin", "Corrected by hand"),
    ("", "adjust -5", "admin", "Corrected by hand"),
    ("", "transfer 5 to=B", "transfer", "Transfer"),
    ("earn 5 pending=event -> 2 +0", "activate 2.1", "purchase", "Activate of lot 2.1"),
    ("earn 5 pending=event -> 2 +0", "cancel 2.1", "purchase", "Cancel of lot 2.1"),
    ("", "earn 5 description=Welcome", "purchase", "Welcome"),
    ("", "earn 5 description=", "purchase", "Earn"),
    *(("", f"earn 5 source={source}", source, "Earn") for source in SOURCES),
]


@pytest.mark.parametrize(("before", "line", "source", "description"), SAID_OF_IT)
def test_every_entry_says_where_from_and_what(before, line, source, description):
    story = play(f"earn 9 -> 1 +9 =9\n{before}")
    number = len(story.entries()) + 1
    assert story.ledger.one(story.command(f"{line} actor=usr_7".split())).applied
    entry = story.entries()[number - 1]
    assert (entry.source, entry.description) == (source, description)
    assert entry.actor == "usr_7"


# Each row: what was played before | the line | its verdict. In the order of §8; where
# two refusals could both be given, the row is named for both, the answer first.
REFUSED = [
    # malformed: nothing else was looked at
    ("malformed", "", "earn 0", "malformed field=points"),
    ("malformed", "", f"earn {MOST + 1}", "malformed field=points"),
    ("malformed", "", "earn -1", "malformed field=points"),
    ("malformed", "", "redeem 0", "malformed field=points"),
    ("malformed", "", f"redeem {MOST + 1} up_to", "malformed field=points"),
    ("malformed", "", "refund 0", "malformed field=entry"),
    ("malformed", "", "refund 1 0", "malformed field=points"),
    ("malformed", "", f"refund {2**63}", "malformed field=entry"),
    ("malformed", "", "reverse 0", "malformed field=entry"),
    ("malformed", "", "reverse 1 0", "malformed field=points"),
    ("malformed", "", "reverse 1 policy=forget", "malformed field=policy"),
    ("malformed", "", "earn 1 source=gift", "malformed field=source"),
    ("malformed", "", "earn 1 key=-", "malformed field=key"),
    ("malformed", "", "redeem 1 key=- ref=voucher:7", "malformed field=key"),
    ("malformed", "", "refund 1 key=- ref=order:7", "malformed field=key"),
    ("malformed", "", "reverse 1 key=- ref=order:7", "malformed field=key"),
    ("malformed", "", "earn 1 ref=order:", "malformed field=reference_id"),
    ("malformed", "", f"earn 1 key={'k' * 201}", "malformed field=key"),
    ("malformed", "", f"earn 1 ref=order:{'7' * 190}", "malformed field=key"),
    ("malformed", "", "earn 1 pending=soon", "malformed field=pending"),
    ("malformed", "", "earn 1 pending=-P1D", "malformed field=pending"),
    ("malformed", "", "earn 1 validity=event", "malformed field=validity"),
    ("malformed", "", "earn 1 validity=PT0S", "malformed field=validity"),
    ("malformed", "", "earn 1 validity=P0D", "malformed field=validity"),
    ("malformed", "", "earn 1 validity=P1D exp=d9", "malformed field=expires_at"),
    ("malformed", "", "earn 1 exp=d0", "malformed field=expires_at"),
    ("malformed", "d9", "earn 1 at=d3 exp=d3", "malformed field=expires_at"),
    ("malformed", "", "earn 1 pending=P2D exp=d2", "malformed field=expires_at"),
    ("malformed", "", "earn 1 pending=event exp=d0", "malformed field=expires_at"),
    ("malformed", "", "earn 1 at=d0+1us", "malformed field=at"),
    ("malformed", "", "settle at=d0+1us", "malformed field=at"),
    ("malformed", "", "earn 1 meta=lapsed", "malformed field=metadata"),
    ("malformed", "", "reverse 1 meta=written_off", "malformed field=metadata"),
    ("malformed, account_not_found", "", "X: earn 0", "malformed"),
    ("malformed, account_not_found", "d9", "X: earn 1 at=d3 exp=d3", "malformed"),
    ("malformed, key_reused", "", "earn 0 key=used", "malformed"),
    ("malformed, key_reused", "", "refund 0 key=used", "malformed"),
    ("malformed, account_closed", "empty; close", "redeem 0", "malformed"),
    ("malformed, account_closed", "empty; close", "earn 1 exp=d0", "malformed"),
    ("malformed, account_frozen", "freeze", "redeem 0", "malformed"),
    ("malformed, entry_not_found", "", "refund 9 0", "malformed"),
    ("malformed, entry_not_reversible", "", "refund 1 0", "malformed"),
    ("malformed, exceeds_original", "", f"reverse 1 {MOST + 1}", "malformed"),
    ("malformed, insufficient_points", "", f"redeem {MOST + 1}", "malformed"),
    ("malformed, limit_exceeded", "full", f"earn {MOST + 1}", "malformed"),
    # account_not_found: what such an account could answer cannot come with it
    ("account_not_found", "", "X: earn 1", "account_not_found"),
    ("account_not_found", "", "X: redeem 1", "account_not_found"),
    ("account_not_found", "", "X: refund 1", "account_not_found"),
    ("account_not_found", "", "X: reverse 1", "account_not_found"),
    ("account_not_found", "", "X: settle", "account_not_found"),
    # key_reused: judged from what the caller said, not from what came of it
    ("key_reused", "", "earn 101 key=used", "key_reused"),
    ("key_reused", "", "redeem 100 key=used", "key_reused"),
    ("key_reused", "", "earn 100 key=used validity=P1D", "key_reused"),
    ("key_reused", "", "earn 100 key=used source=bonus", "key_reused"),
    ("key_reused", "", "earn 100 key=used ref=order:1", "key_reused"),
    ("key_reused", "", "earn 100 key=used at=d0", "key_reused"),
    ("key_reused, a date by the clock", "", "earn 1 exp=d0 key=used", "key_reused"),
    ("key_reused, account_closed", "empty; close", "redeem 7 key=used", "key_reused"),
    ("key_reused, account_frozen", "freeze", "redeem 7 key=used", "key_reused"),
    ("key_reused, entry_not_found", "", "refund 9 key=used", "key_reused"),
    ("key_reused, entry_not_reversible", "", "refund 1 key=used", "key_reused"),
    ("key_reused, exceeds_original", "", "reverse 1 101 key=used", "key_reused"),
    ("key_reused, insufficient_points", "", "redeem 999 key=used", "key_reused"),
    ("key_reused, limit_exceeded", "full", f"earn {MOST} key=used", "key_reused"),
    # account_closed: only when empty, so never with a frozen one
    ("account_closed", "empty; close", "earn 1", "account_closed"),
    ("account_closed", "empty; close", "refund 2", "account_closed"),
    ("account_closed", "empty; close", "reverse 1", "account_closed"),
    ("account_closed", "empty; close", "settle", "2"),
    ("account_closed, entry_not_found", "empty; close", "refund 9", "account_closed"),
    ("account_closed, not_reversible", "empty; close", "refund 1", "account_closed"),
    ("account_closed, exceeds", "empty; close", "reverse 1 101", "account_closed"),
    ("account_closed, insufficient", "empty; close", "redeem 1", "account_closed"),
    ("account_closed, limit", "full; empty; close", f"earn {MOST}", "account_closed"),
    # account_frozen: nothing can be spent; all else goes on
    ("account_frozen", "freeze", "redeem 1", "account_frozen"),
    ("account_frozen", "freeze", "redeem 1 up_to", "account_frozen"),
    ("account_frozen, insufficient", "freeze", "redeem 999", "account_frozen"),
    ("account_frozen", "freeze", "earn 1", "2 +1 =101"),
    ("account_frozen", "freeze", "reverse 1 policy=refuse", "2 -100 =0"),
    ("account_frozen", "empty; freeze", "refund 2", "3 +100 =100"),
    ("account_frozen", "freeze", "settle", "1"),
    # entry_not_found: of an entry that is not there nothing else can be said
    ("entry_not_found", "", "refund 2", "entry_not_found entry=2"),
    ("entry_not_found", "", "reverse 2", "entry_not_found entry=2"),
    ("entry_not_found", "", "refund 2 key=line", "entry_not_found"),
    ("entry_not_found, insufficient", "", "reverse 9 policy=refuse", "entry_not_found"),
    ("entry_not_found", "other", "B: refund 2", "entry_not_found entry=2"),
    # entry_not_reversible
    ("entry_not_reversible", "", "refund 1", "entry_not_reversible type=earn"),
    ("entry_not_reversible", "empty", "reverse 2", "entry_not_reversible type=redeem"),
    ("entry_not_reversible", "undone", "refund 3", "entry_not_reversible type=refund"),
    ("entry_not_reversible", "undone", "reverse 3", "entry_not_reversible"),
    ("entry_not_reversible", "undone", "reverse 4", "entry_not_reversible"),
    ("entry_not_reversible, exceeds", "", "refund 1 101", "entry_not_reversible"),
    (
        "entry_not_reversible, insufficient",
        "empty",
        "reverse 2 101 policy=refuse",
        "entry_not_reversible",
    ),
    # exceeds_original
    ("exceeds_original", "empty", "refund 2 101", "exceeds_original left=100"),
    ("exceeds_original", "undone", "refund 2", "exceeds_original left=0"),
    ("exceeds_original", "undone", "refund 2 1", "exceeds_original left=0"),
    ("exceeds_original", "", "reverse 1 101", "exceeds_original left=100"),
    ("exceeds_original", "undone", "reverse 1 1", "exceeds_original left=0"),
    (
        "exceeds_original, insufficient_points",
        "empty",
        "reverse 1 101 policy=refuse",
        "exceeds_original left=100",
    ),
    # insufficient_points
    (
        "insufficient_points",
        "",
        "redeem 101",
        "insufficient_points available=100 required=101 missing=1",
    ),
    (
        "insufficient_points",
        "",
        f"redeem {MOST}",
        f"insufficient_points available=100 required={MOST} missing={MOST - 100}",
    ),
    (
        "insufficient_points",
        "empty",
        "reverse 1 1 policy=refuse",
        "insufficient_points available=0 required=1 missing=1",
    ),
    # limit_exceeded: totals stay exact in every language
    ("limit_exceeded", "full", "earn 1", "limit_exceeded limit=total"),
    ("limit_exceeded", "full", "earn 1 pending=event", "limit_exceeded"),
    ("limit_exceeded", "full; empty", "earn 1", "limit_exceeded"),
    ("limit_exceeded", "swapped", "refund 2", "limit_exceeded limit=total"),
    ("limit_exceeded", "owing", "reverse 1", "limit_exceeded limit=total"),
    ("limit_exceeded", "owing", "reverse 1 policy=cap", "13 +0 amount=100"),
]

BEFORE = {
    "d9": "d9 settle -> 1",
    "empty": "redeem {available} key=before -> 2",
    "close": "close",
    "freeze": "freeze",
    "other": "B: earn 5 -> 1\n redeem 1 -> 2",
    "undone": "redeem 100 -> 2 \n refund 2 -> 3 \n reverse 1 -> 4",
    "swapped": "redeem 100 -> 2\n"
    + "\n".join(f"adjust {MOST} -> {n}" for n in range(3, 12))
    + f"\nadjust {2**53 - 1 - 9 * MOST} -> 12",
    "owing": "redeem 100 -> 2\n"
    + "\n".join(f"adjust -{MOST} policy=debt -> {n}" for n in range(3, 12))
    + f"\nadjust -{2**53 - 1 - 9 * MOST} policy=debt -> 12",
}


@pytest.mark.parametrize(
    ("named", "before", "line", "verdict"),
    REFUSED,
    ids=[f"{row[0]}: {row[2][:40]}" for row in REFUSED],
)
def test_the_first_refusal_that_applies_is_the_answer(named, before, line, verdict):
    story = play("d0 earn 100 key=used -> 1 +100 =100")
    for step in before.split("; ") if before else ():
        if step == "full":
            fill(story)
        elif step == "empty" and "full" in before:
            spend_all(story)
        else:
            story.play(BEFORE[step].format(available=100))
    count = len(story.entries())
    story.play(f"{line} -> {verdict}")
    if not verdict[0].isdecimal():
        assert len(story.entries()) == count, "a refusal wrote an entry"
    written = rows(
        "SELECT code FROM ledger_refusal WHERE account_id = ANY(%s)",
        ([*story.accounts.values()],),
    )
    remembered = verdict[0].isalpha() and verdict.split()[0] not in (
        "malformed",
        "account_not_found",
        "key_reused",
    )
    assert len(written) == remembered, "remembered must be what has a key's answer"


def fill(story):
    """Earn until total and lifetime stand at 2^53 - 1."""
    rest = 2**53 - 1 - 100
    commands = []
    while rest:
        points = min(rest, MOST)
        commands.append(
            Earn(account=story.account(), points=points, key=f"full {len(commands)}")
        )
        rest -= points
    assert all(o.applied for o in story.ledger.post(*commands))


def spend_all(story):
    """Redeem everything that there is, a command's most at a time."""
    outcomes = story.ledger.post(
        *(
            Redeem(account=story.account(), points=MOST, up_to=True, key=f"all {n}")
            for n in range(10)
        )
    )
    assert outcomes[-1].entry.balance == 0


def test_every_refusal_that_these_commands_can_give_has_a_row():
    of_later_commands = {"hold_not_open", "lot_not_pending"}
    answers = {row[3].split()[0] for row in REFUSED}
    assert {a for a in answers if a[0].isalpha()} == set(REFUSALS) - of_later_commands


def test_rows_stand_in_the_order_of_precedence():
    order = list(REFUSALS)
    seen = [order.index(row[0].split(",")[0]) for row in REFUSED]
    assert seen == sorted(seen)


def test_the_last_point_below_the_limit_is_let_through():
    story = play("earn 99 -> 1 +99 =99")
    story.ledger.post(
        *(Earn(account=story.account(), points=MOST, key=f"{n}") for n in range(9))
    )
    left = 2**53 - 1 - 9 * MOST - 99
    story.play(f"""
        earn {left + 1}           -> limit_exceeded limit=total maximum={2**53 - 1}
        earn {left} pending=P1D   -> 11 +0 lifetime_after={2**53 - 1}
        redeem {MOST}             -> 12 -{MOST}
        earn 1                    -> limit_exceeded
        refund 12                 -> 13 +{MOST}
    """)


def nested(levels):
    """A list in a list in a list …"""
    found = []
    for _ in range(levels - 1):
        found = [found]
    return found


ODD = [
    (Earn, {"points": True}, "points"),
    (Earn, {"points": 1.0}, "points"),
    (Earn, {"points": 1, "key": ""}, "key"),
    (Earn, {"points": 1, "key": "a\nb"}, "key"),
    (Earn, {"points": 1, "key": "a\0"}, "key"),
    (Earn, {"points": 1, "key": "a\ud800"}, "key"),
    (Earn, {"points": 1, "description": "a\0b"}, "description"),
    (Earn, {"points": 1, "description": "x" * 2001}, "description"),
    (Earn, {"points": 1, "description": "\ud800"}, "description"),
    (Earn, {"points": 1, "actor": "x" * 201}, "actor"),
    (Earn, {"points": 1, "reference_type": "order"}, "reference_id"),
    (Earn, {"points": 1, "reference_id": "7"}, "reference_id"),
    (
        Earn,
        {"points": 1, "reference_type": "x" * 41, "reference_id": "7"},
        "reference_type",
    ),
    (Earn, {"points": 1, "metadata": {"a": ["\0"]}}, "metadata"),
    (Earn, {"points": 1, "metadata": {"a": object()}}, "metadata"),
    (Earn, {"points": 1, "metadata": {"a": "x" * 16_384}}, "metadata"),
    (Earn, {"points": 1, "metadata": {1: "a"}}, "metadata"),
    (Earn, {"points": 1, "metadata": {"a": nested(100)}}, "metadata"),
    (Earn, {"points": 1, "metadata": {"a": nested(5_000)}}, "metadata"),
    (Earn, {"points": 1, "at": datetime(2026, 1, 1)}, "at"),
    (Earn, {"points": 1, "expires_at": datetime(2027, 1, 1)}, "expires_at"),
    (Earn, {"points": 1, "pending": "P1W2"}, "pending"),
    (Redeem, {"points": None}, "points"),
    (Refund, {"entry": None}, "entry"),
    (Refund, {"entry": 1, "points": True}, "points"),
    (Reverse, {"entry": True}, "entry"),
    (Settle, {"at": START + TICK}, "at"),
]


@pytest.mark.parametrize(("kind", "fields", "field"), ODD)
def test_what_no_text_can_show_is_malformed(kind, fields, field):
    book = a_ledger()
    account = book.account()
    if kind is not Settle:
        fields = {"key": "k", **fields}
    outcome = book.one(kind(account=account, **fields))
    assert (outcome.code, outcome.details["field"]) == ("malformed", field)
    assert counts(account) == (0, 0, 0)


def test_what_looks_odd_but_is_well_formed_is_accepted():
    book = a_ledger()
    account = book.account()
    for number, fields in enumerate(
        [
            {"key": "k" * 200},
            {"key": "ключ 🗝"},
            {"description": "\\x00 and \\u0000, a tab\tand\na line"},
            {"metadata": {"a": "\\x00"}},
            {"metadata": {"a": nested(99), "b": 2**64}},
            {"expires_at": START + TICK},
            {"points": MOST},
            {"reference_type": "order", "reference_id": "7", "key": "own"},
        ],
        1,
    ):
        said = {"points": 1, "key": f"k{number}", **fields}
        assert book.one(Earn(account=account, **said)).code == "applied", fields


def test_a_date_beyond_the_calendar_is_malformed_and_its_key_stays_free():
    book = a_ledger()
    account = book.account()
    late = datetime(9990, 1, 1, tzinfo=UTC)
    for fields in ({"validity": "P20Y"}, {"pending": "P20Y"}):
        outcome = book.one(Earn(account=account, points=1, key="k", **fields), now=late)
        assert outcome.code == "malformed"
    assert counts(account) == (0, 0, 0)
    assert book.one(Earn(account=account, points=1, key="k"), now=late).applied


class TestReplays:
    def test_the_first_outcome_comes_again_and_writes_nothing(self):
        story = play("""
            d0 earn 100 key=e                -> 1 +100 =100
               redeem 60 key=r               -> 2 -60 =40
               refund 2 10 key=f             -> 3 +10 =50
               reverse 1 20 key=v            -> 4 -20 =30
            d9 reverse 1 20 key=v            -> replay 4 -20 =30
               refund 2 10 key=f             -> replay 3 +10 =50
               redeem 60 key=r               -> replay 2 -60 =40
               earn 100 key=e                -> replay 1 +100 =100
        """)
        assert counts(story.account()) == (4, 0, 4)

    def test_a_refusal_comes_again_though_it_could_succeed_now(self):
        play("""
            earn 10                -> 1 +10 =10
            redeem 20 key=r        -> insufficient_points available=10 missing=10
            refund 2 key=f         -> entry_not_found entry=2 sequence=1
            earn 90                -> 2 +90 =100
            redeem 20 key=r        -> replay insufficient_points sequence=1 missing=10
            refund 2 key=f         -> replay entry_not_found entry=2
            redeem 21 key=r        -> key_reused
            redeem 20 key=new      -> 3 -20 =80
        """)

    def test_a_refusal_is_answered_before_the_account_s_status(self):
        play("""
            earn 10 key=e          -> 1 +10 =10
            redeem 20 key=n        -> insufficient_points
            redeem 10 key=r        -> 2 -10 =0
            freeze
            redeem 10 key=r        -> replay 2 -10 =0
            redeem 1 key=z         -> account_frozen
            close
            earn 10 key=e          -> replay 1 +10 =10
            redeem 20 key=n        -> replay insufficient_points
            earn 1 key=y           -> account_closed
            redeem 1 key=z         -> replay account_frozen
            earn 1 key=y           -> replay account_closed
        """)

    def test_a_key_that_was_malformed_or_misplaced_stays_free(self):
        play("""
            earn 0 key=k           -> malformed
            earn 5 exp=d0 key=k    -> malformed
            earn 5 key=k           -> 1 +5 =5
            B: earn 6 key=k        -> 1 +6 =6
            earn 7 key=k           -> key_reused
            earn 7 key=k           -> key_reused
            earn 5 key=k           -> replay 1 +5 =5
        """)

    def test_a_late_retry_whose_dates_have_passed_replays(self):
        play("""
            d0  earn 5 exp=d10 key=k                 -> 1 +5 =5
                earn 5 pending=P2D exp=d10 key=p     -> 2 +0 =5
            d30 earn 5 exp=d10 key=k                 -> replay 1 +5 =5
                earn 5 pending=P2D exp=d10 key=p     -> replay 2 +0 =5
                earn 5 exp=d10 key=new               -> malformed field=expires_at
        """)

    def test_up_to_answers_the_first_amount(self):
        play("""
            earn 30                  -> 1 +30 =30
            redeem 50 up_to key=r    -> 2 -30 =0 amount=30
            earn 30                  -> 3 +30 =30
            redeem 50 up_to key=r    -> replay 2 -30 =0 amount=30
            redeem 50 key=r          -> key_reused
        """)

    def test_a_replay_does_not_even_write_what_fell_due(self):
        story = play("""
            d0 earn 5 exp=d3 key=k   -> 1 +5 =5
               redeem 9 key=n        -> insufficient_points
            d9 earn 5 exp=d3 key=k   -> replay 1 +5 =5
               redeem 9 key=n        -> replay insufficient_points available=5
               redeem 8 key=n        -> key_reused
        """)
        assert counts(story.account()) == (1, 1, 1)
        story.play("settle -> 2")

    def test_what_is_not_said_of_the_effect_does_not_matter(self):
        play("""
            earn 30 key=k actor=ann description=first   -> 1 +30 =30 actor=ann
            earn 30 key=k actor=bob description=second  -> replay 1 +30 actor=ann
            earn 30 key=k meta=x                        -> replay 1 +30 x=None
        """)

    def test_an_order_is_earned_once_and_redeemed_once(self):
        story = play("""
            earn 30 ref=order:7            -> 1 +30 key=earn:order:7
            earn 30 ref=order:7            -> replay 1 +30
            earn 31 ref=order:7            -> key_reused
            redeem 10 ref=order:7          -> 2 -10 key=redeem:order:7
            redeem 10 ref=order:7          -> replay 2 -10
            earn 30 ref=order:8            -> 3 +30 =50
            earn 30 ref=order:7 key=own    -> 4 +30 key=own reference_id=7
            B: earn 30 ref=order:7         -> 1 +30 =30
            refund 2 5 ref=order:7         -> 5 +5 =85
            reverse 1 5 ref=order:7        -> 6 -5 =80
        """)
        assert story.entries()[0].description == "Earn: order 7"

    def test_the_default_key_and_the_same_key_stated_are_one(self):
        play("""
            earn 30 ref=order:7                    -> 1 +30
            earn 30 ref=order:7 key=earn:order:7   -> replay 1 +30
            earn 30 key=earn:order:7               -> key_reused
        """)


class TestBatches:
    def test_a_batch_is_its_commands_one_by_one(self):
        story = play("""
            d0  earn 100 key=e             -> 1 +100 =100
              & redeem 130                 -> insufficient_points missing=30
              & earn 50 exp=d10            -> 2 +50 =150
              & redeem 130                 -> 3 -130 =20
              & refund 3 60                -> 4 +60 =80
              & reverse 2                  -> 5 -50 =30
              & B: redeem 1                -> insufficient_points available=0
              & B: earn 1                  -> 1 +1 =1
              & settle                     -> 5
              & X: earn 1                  -> account_not_found
              & earn 0                     -> malformed
              & reverse 9                  -> entry_not_found
              & refund 1                   -> entry_not_reversible
        """)
        assert story.statement("B") == ["1 earn 1 +1 =1 d0"]

    def test_one_key_twice_in_a_batch_takes_effect_once(self):
        story = play("""
            earn 100 key=e           -> 1 +100 =100
            & earn 100 key=e         -> replay 1 +100 =100
            & earn 101 key=e         -> key_reused
            & redeem 101 key=r       -> insufficient_points missing=1
            & earn 1                 -> 2 +1 =101
            & redeem 101 key=r       -> replay insufficient_points missing=1
            & redeem 100 key=r       -> key_reused
            & earn 9 ref=order:1     -> 3 +9 =110
            & earn 9 ref=order:1     -> replay 3 +9 =110
            & B: earn 100 key=e      -> 1 +100 =100
        """)
        assert counts(story.account()) == (3, 1, 1)

    def test_each_command_has_its_own_instant(self):
        story = play("""
            d9 earn 10 at=d1 exp=d4     -> 1 +10 =10
             & redeem 1 at=d4-1us       -> 2 -1 =9
             & redeem 1 at=d4           -> insufficient_points available=0
             & earn 5 at=d2             -> 4 +5 =5
        """)
        assert story.statement() == [
            "1 earn 10 +10 =10 d1",
            "2 redeem 1 -1 =9 d3",
            "3 expire 9 -9 =0 d4",
            "4 earn 5 +5 =5 d4",
        ]

    def test_what_a_command_made_due_is_written_before_the_next_one(self):
        play("""
            d9 earn 10 at=d1 exp=d4     -> 1 +10 =10
             & redeem 1                 -> insufficient_points available=0
             & earn 5 at=d2 pending=P1D -> 3 +0 =0
             & redeem 4                 -> 5 -4 =1
        """)

    def test_atomic_applies_all_or_nothing(self):
        story = play("""
            d0  earn 10 exp=d5 key=e               -> 1 +10 =10
            d9  atomic earn 5 key=a                -> not_applied
                     & redeem 6 key=b              -> insufficient_points missing=1
                     & earn 7 key=c                -> not_applied
                redeem 6 key=b                     -> replay insufficient_points
                atomic earn 5 key=a                -> 3 +5 =5
                     & earn 7 key=c                -> 4 +7 =12
                atomic earn 5 key=a                -> replay 3 +5 =5
                     & redeem 12 key=d             -> 5 -12 =0
                atomic B: earn 1 key=z             -> not_applied
                     & redeem 6 key=b              -> replay insufficient_points
                atomic B: earn 1 key=z             -> not_applied
                     & X: earn 1                   -> account_not_found
                atomic B: earn 1 key=z             -> not_applied
                     & earn 1 key=a                -> key_reused
                atomic earn 0                      -> malformed
                     & B: earn 1 key=z             -> not_applied
                B: earn 2 key=z                    -> 1 +2 =2
        """)
        assert counts(story.account()) == (5, 1, 3)

    def test_an_atomic_batch_replays_a_refusal_as_it_was_first_given(self):
        play("""
            earn 10                   -> 1 +10 =10
            redeem 20 key=r           -> insufficient_points sequence=1 missing=10
            earn 90                   -> 2 +90 =100
            atomic earn 1 key=a       -> not_applied sequence=2
                 & redeem 20 key=r    -> replay insufficient_points sequence=1
            dry atomic redeem 20 key=r -> replay insufficient_points sequence=1
            atomic redeem 101 key=s   -> insufficient_points sequence=2 missing=1
            redeem 101 key=s          -> replay insufficient_points sequence=2
        """)

    def test_a_refused_atomic_batch_does_not_even_write_what_fell_due(self):
        story = play("""
            d0  earn 10 exp=d5     -> 1 +10 =10
            d9  atomic redeem 1    -> insufficient_points available=0
        """)
        assert story.statement() == ["1 earn 10 +10 =10 d0"]

    def test_an_empty_batch_answers_nothing(self):
        assert a_ledger().post() == []


class TestDryRuns:
    def test_a_dry_run_answers_as_the_post_would_and_writes_nothing(self):
        story = play("""
            d0 earn 100 exp=d5 key=e   -> 1 +100 =100
               redeem 999 key=n        -> insufficient_points
        """)
        before = every_count()
        story.play("""
            d9 dry earn 7 key=a        -> 3 +7 =7
                 & redeem 8 key=b      -> insufficient_points available=7
                 & redeem 7 key=c      -> 4 -7 =0
                 & refund 4 key=d      -> 5 +7 =7
                 & earn 7 key=a        -> replay 3 +7 =7
                 & earn 100 exp=d5 key=e    -> replay 1 +100 =100
                 & redeem 999 key=n    -> replay insufficient_points
                 & settle              -> 5
                 & X: earn 1           -> account_not_found
               dry atomic earn 7 key=a -> not_applied
                 & redeem 8 key=b      -> insufficient_points available=7
        """)
        assert every_count() == before
        story.play("""
               earn 7 key=a            -> 3 +7 =7
             & redeem 8 key=b          -> insufficient_points available=7
        """)

    def test_a_dry_run_needs_no_transaction(self):
        book = a_ledger()
        command = Earn(account=book.account(), points=1, key="k")
        assert post(commands=[command], now=book.now, dry_run=True)[0].applied


class TestInstants:
    def test_a_clock_that_went_back_never_turns_the_account_back(self):
        story = Story()
        story.play("""
            d5 earn 1                  -> 1 +1 =1
            d1 earn 1 pending=P1D      -> 2 +0 =1
               redeem 1                -> 3 -1 =0
        """)
        assert [e.effective_at for e in story.entries()] == [instant("d5")] * 3
        assert story.entries()[1].available_at == instant("d6")

    def test_recorded_at_is_the_clock_s_and_effective_at_the_caller_s(self):
        story = play("d9 earn 1 at=d3 -> 1 +1 =1")
        entry = story.entries()[0]
        assert entry.effective_at == instant("d3")
        assert entry.recorded_at > START


def counts(account):
    """Entries, refusals, outbox rows of an account."""
    return rows(
        "SELECT (SELECT count(*) FROM ledger_entry WHERE account_id = %(a)s),"
        " (SELECT count(*) FROM ledger_refusal WHERE account_id = %(a)s),"
        " (SELECT count(*) FROM ledger_outbox WHERE account_id = %(a)s)".replace(
            "%(a)s", f"'{account}'"
        )
    )[0]


def every_count():
    """How many rows each table of the ledger has, and what its accounts say."""
    tables = "account entry lot allocation hold refusal outbox".split()
    found = [rows(f"SELECT count(*) FROM ledger_{table}")[0] for table in tables]
    changing = rows(
        "SELECT md5(string_agg(a::text, '' ORDER BY id)) FROM ledger_account a"
    )
    lots = rows(
        "SELECT md5(string_agg(l::text, '' ORDER BY account_id, sequence, n))"
        " FROM ledger_lot l"
    )
    return found, changing, lots
