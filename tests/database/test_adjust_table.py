"""Corrections by hand: up, down, of one lot; tables."""

import pytest

from tests.notation import play


class TestUp:
    def test_it_opens_a_lot_and_does_not_count_as_earned(self):
        story = play(
            """
            d0 earn 10                  -> 1 +10 =10
            d1 adjust 25                -> 2 +25 =35 lifetime_after=10 source=admin
               adjust 5 validity=P1D    -> 3 +5 =40
               adjust 5 exp=d3          -> 4 +5 =45
            """,
            validity="P9D",
        )
        assert story.lots() == [
            "1.1 10/10 open exp=d9",
            "2.1 25/25 open exp=d10",
            "3.1 5/5 open exp=d2",
            "4.1 5/5 open exp=d3",
        ]
        assert story.entries()[1].description == "Corrected by hand"

    def test_it_repays_debt_first(self):
        story = play("""
            earn 10                   -> 1 +10 =10
            adjust -30 policy=debt    -> 2 -30 =-20
            adjust 50                 -> 3 +50 =30
        """)
        assert story.lots() == ["1.1 0/10 spent", "3.1 30/50 open"]

    def test_one_that_names_a_lot_continues_its_root(self):
        story = play("""
            d0  earn 100 exp=d10            -> 1 +100 =100
                adjust -100 lot=1.1         -> 2 -100 =0
                adjust 100 lot=1.1 exp=d50  -> 3 +100 =100
            d20 earn 7                      -> 4 +7 =107
                reverse 1 60                -> 5 -60 =47
            d50 reverse 1                   -> 7 +0 =7 lapsed=40
        """)
        assert story.moves()[1] == "5 3.1 -60"

    def test_a_lot_that_was_continued_by_hand_gets_no_grace(self):
        story = play("""
            d0  earn 100 exp=d10            -> 1 +100 =100
                adjust -100 lot=1.1         -> 2 -100 =0
                adjust 100 lot=1.1 exp=d20  -> 3 +100 =100
                redeem 100                  -> 4 -100 =0
            d30 refund 4                    -> 5 +100 =100
        """)
        assert story.statement()[5] == "6 expire 100 -100 =0 d30"


class TestDown:
    def test_it_takes_in_spending_order(self):
        story = play("""
            earn 10           -> 1 +10 =10
            earn 10 exp=d9    -> 2 +10 =20
            adjust -15        -> 3 -15 =5 amount=15
        """)
        assert story.moves() == ["3 2.1 -10", "3 1.1 -5"]

    @pytest.mark.parametrize(
        ("policy", "verdict"),
        [
            ("", "insufficient_points available=10 required=15 missing=5"),
            ("policy=refuse", "insufficient_points available=10 required=15"),
            ("policy=debt", "2 -15 =-5 amount=15 written_off=None"),
            ("policy=cap", "2 -10 =0 amount=15 written_off=5"),
        ],
    )
    def test_what_it_cannot_take_follows_the_policy(self, policy, verdict):
        play(f"""
            earn 10              -> 1 +10 =10
            adjust -15 {policy}  -> {verdict}
        """)

    @pytest.mark.parametrize("policy", ["cap", "debt"])
    def test_the_wallets_own_policy_is_not_asked(self, policy):
        play("adjust -1 -> insufficient_points available=0", debt_policy=policy)

    def test_in_debt_it_takes_no_lot(self):
        play("""
            adjust -5 policy=debt   -> 1 -5 =-5
            adjust -5               -> insufficient_points available=-5 missing=5
            adjust -5 policy=cap    -> 2 +0 =-5 amount=5 written_off=5
            adjust -5 policy=debt   -> 3 -5 =-10
        """)

    def test_of_one_lot_it_takes_that_lot_alone(self):
        story = play("""
            earn 10 exp=d9       -> 1 +10 =10
            earn 10              -> 2 +10 =20
            adjust -4 lot=2.1    -> 3 -4 =16
            adjust -7 lot=2.1    -> exceeds_original left=6
            adjust -6 lot=2.1    -> 4 -6 =10
            adjust -1 lot=2.1    -> exceeds_original left=0
        """)
        assert story.lots() == ["1.1 10/10 open exp=d9", "2.1 0/10 spent"]

    def test_a_pending_lot_is_not_taken_from(self):
        play("""
            earn 10 pending=P2D  -> 1 +0 =0
            earn 10              -> 2 +10 =10
            adjust -4 lot=1.1    -> exceeds_original left=0
            adjust -11           -> insufficient_points available=10
        """)


class TestALotByHand:
    def test_it_is_extended_by_a_pair_that_changes_neither_balance_nor_lifetime(self):
        story = play("""
            d0 earn 100 exp=d10                       -> 1 +100 =100
               redeem 30                              -> 2 -30 =70
            d9 atomic adjust -70 lot=1.1              -> 3 -70 =0
                    & adjust 70 lot=1.1 exp=d50       -> 4 +70 =70 lifetime_after=100
            d20 redeem 20                             -> 5 -20 =50
            d50 settle                                -> 6
        """)
        assert story.lots() == ["1.1 0/100 spent exp=d10", "4.1 0/70 lapsed exp=d50"]
        assert story.statement()[5] == "6 expire 50 -50 =0 d50"

    def test_more_than_what_remains_of_it_is_not_extended_at_all(self):
        story = play("""
            d0 earn 100 exp=d10                       -> 1 +100 =100
               redeem 30                              -> 2 -30 =70
            d9 atomic adjust -71 lot=1.1              -> exceeds_original left=70
                    & adjust 71 lot=1.1 exp=d50       -> not_applied
        """)
        assert story.lots() == ["1.1 70/100 open exp=d10"]

    def test_it_lapses_by_one_adjust_and_is_then_no_more_to_be_had(self):
        story = play("""
            d0  earn 100 exp=d10         -> 1 +100 =100
                earn 5                   -> 2 +5 =105
                redeem 30                -> 3 -30 =75
                adjust -70 lot=1.1       -> 4 -70 =5 lifetime_after=105
                adjust -1 lot=1.1        -> exceeds_original left=0
            d10 settle                   -> 4
                reverse 1 policy=refuse  -> insufficient_points required=100 missing=95
        """)
        assert story.lots() == ["1.1 0/100 spent exp=d10", "2.1 5/5 open"]

    @pytest.mark.parametrize(
        ("lot", "state"),
        [
            ("1.1", "lapsed"),
            ("2.1", "spent"),
            ("3.1", "pending"),
            ("4.1", "cancelled"),
            ("8.1", "open"),
        ],
    )
    def test_of_a_lot_in_any_state_more_can_be_given(self, lot, state):
        story = play("""
            d0 earn 100 exp=d1          -> 1 +100 =100
               earn 100                 -> 2 +100 =200
               earn 100 pending=event   -> 3 +0 =200
               earn 100 pending=event   -> 4 +0 =200
               cancel 4.1               -> 5 +0 =200
            d1 redeem 100               -> 7 -100 =0
               earn 100                 -> 8 +100 =100
        """)
        before = story.lots()
        assert f" {state}" in next(line for line in before if line.startswith(lot))
        story.play(f"adjust 7 lot={lot} -> 9 +7 =107")
        assert story.lots() == [*before, "9.1 7/7 open"]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("adjust 0", "malformed field=points"),
        (f"adjust {10**15 + 1}", "malformed field=points"),
        (f"adjust {-(10**15) - 1}", "malformed field=points"),
        ("adjust 1 reason=", "malformed field=reason"),
        (f"adjust 1 reason={'x' * 2001}", "malformed field=reason"),
        ("adjust 1 description=twice", "malformed field=description"),
        ("adjust 1 actor=", "malformed field=actor"),
        ("adjust 1 lot=0.1", "malformed field=lot"),
        ("adjust 1 lot=1.0", "malformed field=lot"),
        ("adjust 1 policy=debt", "malformed field=policy"),
        ("adjust -1 policy=forget", "malformed field=policy"),
        ("adjust -1 policy=debt lot=1.1", "malformed field=policy"),
        ("adjust -1 validity=P1D", "malformed field=validity"),
        ("adjust -1 exp=d9", "malformed field=expires_at"),
        ("adjust 1 validity=P1D exp=d9", "malformed field=expires_at"),
        ("adjust 1 validity=PT0S", "malformed field=validity"),
        ("adjust 1 exp=d0", "malformed field=expires_at"),
        ("adjust 1 meta=written_off", "malformed field=metadata"),
        ("adjust 1 key=-", "malformed field=key"),
        ("adjust 1 key=- ref=order:7", "malformed field=key"),
        ("adjust 1 lot=2.1", "entry_not_found lot=2.1"),
        ("adjust -1 lot=1.2", "entry_not_found lot=1.2"),
        ("adjust -999 lot=2.1", "entry_not_found lot=2.1"),
        ("B: adjust -1 lot=1.1", "entry_not_found lot=1.1"),
        ("X: adjust 1", "account_not_found"),
        ("reverse 2", "entry_not_reversible type=adjust"),
        ("refund 2", "entry_not_reversible type=adjust"),
    ],
)
def test_refusals(line, verdict):
    before = "adjust 5 -> 2 +5" if line.startswith("re") else ""
    play(f"""
        earn 10  -> 1 +10 =10
        {before}
        {line}   -> {verdict}
    """)


def test_a_credit_above_what_can_be_counted_is_refused():
    most = 2**53 - 1
    times = most // 10**15
    story = play("\n".join(f"adjust {10**15} -> {n} +{10**15}" for n in range(1, 10)))
    assert times == 9
    story.play(f"""
        adjust {most - 9 * 10**15}  -> 10 +{most - 9 * 10**15} ={most}
        adjust 1                    -> limit_exceeded limit=total maximum={most}
        adjust -1                   -> 11 -1
        adjust 1                    -> 12 +1
    """)


def test_a_debt_below_what_can_be_counted_is_refused():
    story = play(
        "\n".join(
            f"adjust -{10**15} policy=debt -> {n} -{10**15}" for n in range(1, 10)
        )
    )
    story.play(f"adjust -{10**15} policy=debt -> limit_exceeded limit=total")


def test_replays():
    play("""
        earn 10                    -> 1 +10 =10
        adjust -15 key=a           -> insufficient_points
        earn 10                    -> 2 +10 =20
        adjust -15 key=a           -> replay insufficient_points
        adjust -15 key=a policy=refuse -> key_reused
        adjust 5 key=b             -> 3 +5 =25
        adjust 5 key=b reason=other -> replay 3 +5 =25
        adjust 6 key=b             -> key_reused
        adjust 5 key=b lot=1.1     -> key_reused
    """)
