"""Seeded faults of reserve, capture and void."""

from __future__ import annotations

from tests.mutants.fault import LEDGER, RULES, SQL, Fault

_TESTS = "tests/database/test_known_bugs_of_holds.py"

FAULTS = [
    Fault(
        name="reserved points still available",
        file=f"{RULES}/holding.py",
        old="        available=-points,\n        reserved=points,\n",
        new="        reserved=points,\n",
        test=f"{_TESTS}::test_points_that_are_set_aside_are_not_spent_beside",
        because="entry_deltas_fit_its_type",
        origin="Blnk #181: a balance check did not count inflight debits."
        " PostgreSQL itself refuses such a reserve.",
    ),
    Fault(
        name="hold captured twice over two posts",
        file=f"{RULES}/holding.py",
        old="    if hold.resolved_by is not None:\n",
        new="    if hold.changed:\n",
        test=f"{_TESTS}::test_a_hold_is_captured_once_over_two_posts",
        because="entry_hold_resolves_once",
        origin="Open Mercato #4487: captures of one authorization added up"
        " to more than it. PostgreSQL itself refuses the second.",
    ),
    Fault(
        name="hold voided twice in a batch",
        file=f"{RULES}/holding.py",
        old="    if hold.resolved_by is not None:\n",
        new="    if hold.resolved_by is not None and not hold.changed:\n",
        test=f"{_TESTS}::test_a_hold_is_voided_once_within_a_batch",
        because="entry_hold_resolves_once",
        origin="Blnk #41: an inflight transaction could be voided again and again.",
    ),
    Fault(
        name="hold without a due time",
        file=f"{RULES}/holding.py",
        old="    account.due_earlier(expires_at)\n",
        new="",
        test=f"{_TESTS}::test_a_hold_that_ran_out_of_time_is_not_captured",
        because="'applied'",
        origin="WooPayments #739: an authorization of more than seven days"
        " ago was still there to be captured.",
    ),
    Fault(
        name="hold one instant too long",
        file=f"{SQL}/holds.sql",
        old="expires_at <= asked.until",
        new="expires_at < asked.until",
        test=f"{_TESTS}::test_a_hold_ends_at_the_very_instant_of_its_time",
        because="insufficient_points",
        origin="TigerBeetle #2118: when the balance of a timed-out pending"
        " transfer comes back was not predictable.",
    ),
    Fault(
        name="hold timed out twice",
        file=f"{RULES}/settling.py",
        old="        if hold.resolved_by is None\n",
        new="",
        test=f"{_TESTS}::test_settling_twice_ends_a_hold_once",
        because="entry_hold_resolves_once",
        origin="Seed article: a job that runs twice releases or expires twice.",
    ),
    Fault(
        name="hold forgotten that was not read",
        file=f"{LEDGER}/reading.py",
        old="            if account_id in due and resolved_by is None:\n",
        new="            if False:\n",
        test=f"{_TESTS}::test_a_hold_that_was_not_read_is_not_forgotten",
        because="89 == 99",
        origin="Our own bug, found by the model: the hold that stood for all"
        " later ones was resolved, and they were forgotten with it.",
    ),
    Fault(
        name="lots chosen anew by a capture",
        file=f"{RULES}/holding.py",
        old='    moves, _, opened = release_hold(account, hold, rest, common["at"])\n',
        new="    from punchcard.ledger.rules import lots\n\n"
        "    moves, _, opened = release_hold(\n"
        '        account, hold, hold.points, common["at"]\n'
        "    )\n"
        "    moves += lots.take(lots.open_lots(account), points)[0]\n",
        test=f"{_TESTS}::test_a_capture_keeps_the_lots_that_its_reserve_took",
        because="'1.1': 100",
        origin="Seed article: a hold is an amount without lots, so what is"
        " captured depends on what was earned meanwhile.",
    ),
    Fault(
        name="rest of a capture stays reserved",
        file=f"{RULES}/holding.py",
        old="        available=rest,\n        reserved=-hold.points,\n",
        new="        available=0,\n        reserved=-points,\n",
        test=f"{_TESTS}::test_what_a_capture_leaves_over_is_free_again",
        because="0 == 20",
        origin="Hyperswitch #2036: the rest of a partly captured"
        " authorization was not voided.",
    ),
    Fault(
        name="rest of a capture returns to the lot taken first",
        file=f"{RULES}/holding.py",
        old="    parts = last_taken(hold.taken, points, 0) if points else []\n",
        new="    parts = first_taken(hold.taken, points) if points else []\n",
        test=f"{_TESTS}::test_the_rest_of_a_capture_returns_to_the_lot_taken_last",
        because="'1.1': 40",
        origin="Our own risk: what stays taken is not what a smaller"
        " spend would have taken.",
    ),
    Fault(
        name="debt not repaid by a void",
        file=f"{RULES}/holding.py",
        old="    moves += repay_debt(-account.available, risen)\n",
        new="",
        test=f"{_TESTS}::test_a_void_repays_debt",
        because="'1.1': 60",
        origin="Our own risk: the balance rises out of debt, and the lot"
        " is spendable whole.",
    ),
    Fault(
        name="lapsed lot revived by a void",
        file=f"{RULES}/lots.py",
        old="        if not ended and not lot.lapsed:\n",
        new="        if True:\n",
        test=f"{_TESTS}::test_a_lot_that_lapsed_under_a_hold_is_not_revived_by_its_void",
        because="lot_open_means_state_open",
        origin="Open Loyalty: unblocking points does not look whether their"
        " time has passed.",
    ),
    Fault(
        name="idle lot revived by a void",
        file=f"{RULES}/lots.py",
        old="        if not ended and not lot.lapsed:\n",
        new="        if not ended:\n",
        test=f"{_TESTS}::test_a_lot_that_idleness_ended_is_not_revived_by_a_void",
        because="lot_open_means_state_open",
        origin="Our own risk: a lot that idleness ended has no date of its"
        " own that tells so.",
    ),
    Fault(
        name="spend given up before its batch is seen",
        file=f"{LEDGER}/reading.py",
        old="        elif not isinstance(command, (Redeem, Reserve)):\n",
        new="        elif isinstance(command, Earn):\n",
        test=f"{_TESTS}::test_a_spend_behind_a_void_finds_every_lot_that_it_needs",
        because="'3.1': 100",
        origin="Our own risk: a spend that looks hopeless reads no lots,"
        " though an earlier command of its batch brings points back.",
    ),
    Fault(
        name="refund of a capture gives back what came back, over two posts",
        file=f"{LEDGER}/reading.py",
        old="            taken=first_taken(list(parts), amount),\n",
        new="            taken=list(parts),\n",
        test=f"{_TESTS}::test_a_refund_gives_back_what_the_capture_kept_over_two_posts",
        because="lot_remaining_within_credited",
        origin="Blnk #171: what is left of a partly committed hold, judged"
        " on the whole of it.",
    ),
    Fault(
        name="refund of a capture gives back what came back, in a batch",
        file=f"{RULES}/holding.py",
        old="        named.taken = first_taken(hold.taken, points)\n",
        new="        named.taken = hold.taken\n",
        test=f"{_TESTS}::test_a_refund_gives_back_what_the_capture_kept_within_a_batch",
        because="lot_remaining_within_credited",
        origin="The same where the capture was decided in the same batch.",
    ),
]
