"""From one account to another of the same wallet; tables."""

import pytest

from tests.builders import rows
from tests.notation import play


class TestWorkedRows:
    def test_lots_go_over_with_their_expiry_and_repay_the_receivers_debt(self):
        story = play("""
            B: adjust -30 policy=debt   -> 1 -30 =-30
            earn 50 exp=d10             -> 1 +50 =50
            earn 50 exp=d20             -> 2 +50 =100
            transfer 80 to=B            -> 3 -80 =20 amount=80 other_sequence=2
        """)
        assert story.lots() == ["1.1 0/50 spent exp=d10", "2.1 20/50 open exp=d20"]
        assert story.lots("B") == ["2.1 20/50 open exp=d10", "2.2 30/30 open exp=d20"]
        assert story.moves("B") == ["2 2.1 -30"]
        assert story.statement("B")[1] == "2 transfer_in 80 +80 =50 d0"

    def test_both_entries_name_each_other_and_one_transfer(self):
        story = play("""
            earn 50                     -> 1 +50 =50
            transfer 20 to=B key=t      -> 2 -20 =30
        """)
        paid, received = story.entries()[1], story.entries("B")[0]
        assert paid.transfer == received.transfer is not None
        assert (paid.other_account, paid.other_sequence) == (story.account("B"), 1)
        assert (received.other_account, received.other_sequence) == (
            story.account(),
            2,
        )
        assert paid.effective_at == received.effective_at
        assert (paid.key, received.key) == ("t", None)
        assert received.fingerprint is None
        assert received.lifetime_after == 0

    def test_each_lot_has_one_of_its_own_there_and_none_is_earned(self):
        story = play("""
            d0 earn 10                -> 1 +10 =10
               earn 10 exp=d9         -> 2 +10 =20
               earn 10 exp=d9         -> 3 +10 =30
               earn 10 pending=P1D    -> 4 +0 =30
               reserve 3              -> 5 -3 =27
               transfer 28 to=B       -> insufficient_points available=27
               transfer 27 to=B       -> 6 -27 =0 pending_after=10 reserved_after=3
        """)
        assert story.lots("B") == [
            "1.1 7/7 open exp=d9",
            "1.2 10/10 open exp=d9",
            "1.3 10/10 open",
        ]
        (received,) = story.entries("B")
        assert (received.source, received.lifetime_after) == ("transfer", 0)

    def test_to_and_fro(self):
        story = play("""
            earn 50                     -> 1 +50 =50
            transfer 50 to=B            -> 2 -50 =0
            B: transfer 50 to=A         -> 2 -50 =0
            transfer 50 to=B            -> 4 -50 =0
        """)
        assert story.lots() == ["1.1 0/50 spent", "3.1 0/50 spent"]


class TestTime:
    def test_it_happens_at_the_later_of_both_accounts_instants(self):
        story = play("""
            d0 earn 50                  -> 1 +50 =50
            d5 B: earn 1                -> 1 +1 =1
            d3 transfer 10 to=B         -> 2 -10 =40
               earn 1                   -> 3 +1 =41
        """)
        assert story.statement()[1:] == [
            "2 transfer_out 10 -10 =40 d5",
            "3 earn 1 +1 =41 d5",
        ]
        assert story.statement("B")[1] == "2 transfer_in 10 +10 =11 d5"

    def test_the_payers_points_that_lapsed_by_then_are_not_transferred(self):
        story = play("""
            d0 earn 50 exp=d4           -> 1 +50 =50
            d5 B: earn 1                -> 1 +1 =1
            d3 transfer 10 to=B         -> insufficient_points available=0
        """)
        assert story.statement()[1] == "2 expire 50 -50 =0 d4"
        assert len(story.statement("B")) == 1

    def test_what_fell_due_on_the_receiver_is_written_first(self):
        story = play("""
            d0 B: earn 5 exp=d1         -> 1 +5 =5
               earn 50                  -> 1 +50 =50
            d2 transfer 10 to=B         -> 2 -10 =40 other_sequence=3
        """)
        assert story.statement("B")[1:] == [
            "2 expire 5 -5 =0 d1",
            "3 transfer_in 10 +10 =10 d2",
        ]

    def test_what_is_received_lapses_when_it_would_have(self):
        story = play("""
            d0 earn 50 exp=d4           -> 1 +50 =50
               transfer 10 to=B         -> 2 -10 =40
            d4 B: settle                -> 2
        """)
        assert story.statement("B")[1] == "2 expire 10 -10 =0 d4"

    def test_a_reverse_of_the_earn_leaves_the_receiver_alone(self):
        story = play("""
            earn 50                     -> 1 +50 =50
            transfer 50 to=B            -> 2 -50 =0
            reverse 1                   -> 3 -50 =-50
        """)
        assert story.statement("B") == ["1 transfer_in 50 +50 =50 d0"]


@pytest.mark.parametrize(
    ("before", "line", "verdict"),
    [
        ("", "transfer 0 to=B", "malformed field=points"),
        ("", "transfer 1 to=A", "malformed field=to"),
        ("", "X: transfer 1 to=X", "malformed field=to"),
        ("", "transfer 1 to=B key=-", "malformed field=key"),
        ("", "X: transfer 1 to=B", "account_not_found"),
        ("", "transfer 1 to=X", "account_not_found"),
        ("", "transfer 1 to=W", "account_not_found"),
        ("", "W: transfer 1 to=A", "account_not_found"),
        ("", "transfer 1 to=W key=line", "account_not_found"),
        ("", "transfer 100 to=B key=line", "key_reused"),
        ("B: close", "transfer 1 to=B", "account_closed"),
        ("freeze; B: close", "transfer 1 to=B", "account_closed"),
        ("freeze", "transfer 1 to=B", "account_frozen"),
        ("freeze", "transfer 999 to=B", "account_frozen"),
        ("B: freeze", "transfer 1 to=B", "2 -1 =99"),
        ("", "transfer 101 to=B", "insufficient_points available=100 missing=1"),
        ("B: close", "transfer 101 to=B", "account_closed"),
    ],
)
def test_refusals(before, line, verdict):
    story = play("earn 100 key=line -> 1 +100 =100\nB: settle -> 0")
    story.play(before.replace("; ", "\n"))
    story.play(f"{line} -> {verdict}")
    if not verdict[0].isdigit():
        assert story.entries("B") == story.entries("W") == []
        assert len(story.entries()) == 1


def test_what_the_receiver_cannot_count_is_refused_after_all_else():
    most = 2**53 - 1
    story = play(
        "\n".join(f"B: earn {10**15} -> {n} +{10**15}" for n in range(1, 10))
        + f"\nB: earn {most - 9 * 10**15} -> 10 +{most - 9 * 10**15}"
    )
    story.play(f"""
        earn 5            -> 1 +5 =5
        transfer 6 to=B   -> insufficient_points
        transfer 5 to=B   -> limit_exceeded limit=total maximum={most}
        B: redeem 5       -> 11 -5
        transfer 5 to=B   -> 2 -5 =0
    """)


def test_a_transfer_is_no_spend_that_can_be_refunded():
    play("""
        earn 5            -> 1 +5 =5
        transfer 5 to=B   -> 2 -5 =0
        refund 2          -> entry_not_reversible type=transfer_out
        reverse 2         -> entry_not_reversible type=transfer_out
        B: reverse 1      -> entry_not_reversible type=transfer_in
    """)


class TestKeysAndBatches:
    def test_the_key_is_the_payers(self):
        play("""
            earn 50                  -> 1 +50 =50
            transfer 10 to=B key=t   -> 2 -10 =40
            transfer 10 to=B key=t   -> replay 2 -10 =40
            transfer 11 to=B key=t   -> key_reused
            transfer 10 to=C key=t   -> key_reused
            B: earn 3 key=t          -> 2 +3 =13
            B: transfer 10 to=A key=u -> 3 -10 =3
            transfer 99 to=B key=n   -> insufficient_points
            earn 99                  -> 4 +99 =149
            transfer 99 to=B key=n   -> replay insufficient_points
        """)

    def test_a_chain_over_three_accounts_in_one_batch(self):
        story = play("""
            earn 50              -> 1 +50 =50
            & transfer 50 to=B   -> 2 -50 =0
            & B: transfer 30 to=C -> 2 -30 =20
            & C: redeem 30       -> 2 -30 =0
            & C: transfer 1 to=A -> insufficient_points
            & B: transfer 20 to=A -> 3 -20 =0
            & redeem 20          -> 4 -20 =0
        """)
        assert [len(story.entries(letter)) for letter in "ABC"] == [4, 3, 2]

    def test_an_atomic_batch_that_is_refused_moves_nothing(self):
        story = play("""
            earn 50                     -> 1 +50 =50
            atomic transfer 50 to=B     -> not_applied
            & B: redeem 51              -> insufficient_points available=50
            transfer 50 to=B            -> 2 -50 =0
        """)
        assert len(story.entries("B")) == 1

    def test_a_dry_run_moves_nothing(self):
        story = play("""
            earn 50                  -> 1 +50 =50
            dry transfer 20 to=B     -> 2 -20 =30
        """)
        assert story.entries("B") == []
        assert rows(
            "SELECT available FROM ledger_account WHERE id = %s", (story.account(),)
        ) == [(50,)]
