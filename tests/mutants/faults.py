"""The list of seeded faults: what is broken, whose bug it was, and who notices."""

from __future__ import annotations

from tests.mutants import (
    faults_of_corrections,
    faults_of_holds,
    faults_of_limits,
    faults_of_orders,
    faults_of_transfers,
)
from tests.mutants.fault import RULES, SQL, Fault

_TESTS = "tests/database/test_known_bugs.py"

FAULTS = [
    Fault(
        name="no lock",
        file=f"{SQL}/lock.sql",
        old="ORDER BY a.id\nFOR NO KEY UPDATE OF a\n",
        new="ORDER BY a.id\n",
        test=f"{_TESTS}::test_who_comes_second_decides_on_what_the_first_left",
        because="insufficient_points",
        origin="Blnk #171: concurrent partial commits read the same"
        " remainder. The seed article has no lock at all.",
    ),
    Fault(
        name="locks in any order",
        file=f"{SQL}/lock.sql",
        old="ORDER BY a.id\nFOR NO KEY UPDATE OF a\n",
        new="FOR NO KEY UPDATE OF a\n",
        test=f"{_TESTS}::"
        "test_locks_are_taken_in_the_order_of_ids_whatever_the_order_of_rows",
        because="the higher account was locked before the lower one",
        origin="Cala #684 and #779: a join emitted rows in heap order,"
        " so two writers of the same accounts deadlocked.",
    ),
    Fault(
        name="two posts in one transaction",
        file="punchcard/ledger/reading.py",
        old="        if lock and row[22]:\n",
        new="        if False:\n",
        test=f"{_TESTS}::test_a_second_post_in_one_transaction_is_an_error",
        because="DID NOT RAISE",
        origin="pgledger sorts the locks of one call; two calls in one"
        " transaction have no order in common.",
    ),
    Fault(
        name="same key twice in a batch",
        file=f"{RULES}/recording.py",
        old="    if entry.key is not None:\n",
        new="    if False:\n",
        test=f"{_TESTS}::test_the_same_key_twice_in_a_batch_takes_effect_once",
        because="entry_key_is_unique",
        origin="Formance #1633: the same key twice in one batch crashed it.",
    ),
    Fault(
        name="key not looked up",
        file=f"{SQL}/known.sql",
        old="WHERE e.account_id IS NOT NULL OR r.account_id IS NOT NULL",
        new="WHERE FALSE",
        test=f"{_TESTS}::test_a_key_of_an_earlier_post_takes_effect_once",
        because="entry_key_is_unique",
        origin="Formance #1601: who lost the race over a key got a 500,"
        " not the first answer.",
    ),
    Fault(
        name="key looked up without its account",
        file=f"{SQL}/known.sql",
        old="LEFT JOIN ledger_entry e USING (account_id, key)\n"
        "LEFT JOIN ledger_refusal r USING (account_id, key)\n",
        new="LEFT JOIN ledger_entry e ON e.key = k.key\n"
        "LEFT JOIN ledger_refusal r ON r.account_id = k.account_id"
        " AND r.key = k.key\n",
        test=f"{_TESTS}::test_a_key_of_one_account_says_nothing_about_another",
        because="0 == 10",
        origin="Formance #1638: idempotency keys were not scoped to their ledger.",
    ),
    Fault(
        name="late retry judged before its key",
        file=f"{RULES}/deciding.py",
        old="    known = account.keys.get(key)\n",
        new="    known = account.keys.get(key)\n"
        "    if shape.date_fault(command, now, account.policy):\n"
        "        known = None\n",
        test=f"{_TESTS}::"
        "test_a_late_retry_finds_its_key_although_its_dates_have_passed",
        because="malformed",
        origin="Our own risk: validation in front of the look-up tells a"
        " caller whose answer was lost that nothing happened.",
    ),
    Fault(
        name="key replayed for another command",
        file=f"{RULES}/deciding.py",
        old="    if known.fingerprint != mark:\n",
        new="    if False:\n",
        test=f"{_TESTS}::test_a_key_with_another_command_is_refused",
        because="key_reused",
        origin="What TigerBeetle's `exists_with_different_...` is there"
        " for: another command under an old key is told that it succeeded.",
    ),
    Fault(
        name="refusal not remembered",
        file=f"{RULES}/deciding.py",
        old="        _remember(account, refused, key, mark, at)\n",
        new="",
        test=f"{_TESTS}::test_a_refusal_is_remembered_when_the_retry_would_succeed",
        because="insufficient_points",
        origin="What TigerBeetle's `id_already_failed` is there for: a"
        " late retry succeeds after its caller was told no.",
    ),
    Fault(
        name="refusal replayed with another sequence",
        file="punchcard/ledger/operations.py",
        old="    if not refused.replayed:\n",
        new="    if True:\n",
        test=f"{_TESTS}::"
        "test_a_refusal_replayed_in_an_atomic_batch_is_the_first_one_unchanged",
        because="assert 1 == 0",
        origin="Our own bug: an atomic batch dated an old refusal anew.",
    ),
    Fault(
        name="sweep stopped by one harmed account",
        file="punchcard/ledger/sweeping.py",
        old="            except _HARM:\n",
        new="            except ZeroDivisionError:\n",
        test="tests/database/test_sweep.py"
        "::test_a_harmed_account_stops_no_other_wherever_it_stands",
        because="CheckViolation",
        origin="Our own bug: the batch that failed was the first again, for ever.",
    ),
    Fault(
        name="cached balance trusted past expiry",
        file=f"{RULES}/deciding.py",
        old="    for one in touched:\n        settle(one, at, recorded_at)\n    try:\n",
        new="    try:\n",
        test=f"{_TESTS}::test_expired_points_are_not_spent_although_no_job_ran",
        because="insufficient_points",
        origin="Open Loyalty and the seed article: points are spendable"
        " until a job has come by.",
    ),
    Fault(
        name="one instant too late",
        file=f"{RULES}/state.py",
        old="self.next_due_at <= instant",
        new="self.next_due_at < instant",
        test=f"{_TESTS}::test_points_lapse_at_the_very_instant_of_their_expiry",
        because="insufficient_points",
        origin="Any ledger with dates, where one half of the code reads"
        " `<` and the other `<=`.",
    ),
    Fault(
        name="expiry takes what was spent",
        file=f"{RULES}/settling.py",
        old="            moves.append((lot, -lot.remaining))\n",
        new="            moves.append((lot, -lot.credited))\n",
        test=f"{_TESTS}::test_expiry_takes_what_remained_and_not_what_was_spent",
        because="AssertionError|CheckViolation|lot_remaining_within_credited",
        origin="Seed article: a redemption consumes no lot, so its"
        " expiry subtracts points that were already spent.",
    ),
    Fault(
        name="due time put off by a write",
        file=f"{RULES}/state.py",
        old="            self.next_due_at is None or instant < self.next_due_at\n",
        new="            True\n",
        test=f"{_TESTS}::test_a_later_credit_does_not_put_off_what_is_due_earlier",
        because="insufficient_points",
        origin="Our own risk: `next_due_at` caches the earliest date,"
        " and the last writer wins.",
    ),
    Fault(
        name="due time forgets what was not read",
        file=f"{RULES}/settling.py",
        old="    if account.horizon is not None:\n",
        new="    if False:\n",
        test=f"{_TESTS}::test_settling_does_not_forget_what_it_did_not_read",
        because="== 200",
        origin="Our own risk: `Settle` reads a part of the lots and"
        " takes it for all of them.",
    ),
    Fault(
        name="debt not repaid by a release",
        file=f"{RULES}/settling.py",
        old="        moves=repay_debt(-account.available, [lot]),\n",
        new="        moves=[],\n",
        test=f"{_TESTS}::test_a_release_repays_debt",
        because="'4.1': 150",
        origin="Our own risk: the balance rises out of debt, and the lot"
        " is spendable whole.",
    ),
    Fault(
        name="oldest first in place of soonest-expiring",
        file=f"{RULES}/lots.py",
        old="    return (lot.expires_at or _NEVER, lot.sequence, lot.n)\n",
        new="    return (_NEVER, lot.sequence, lot.n)\n",
        test=f"{_TESTS}::test_the_soonest_expiring_lot_is_spent_first_not_the_oldest",
        because="'1.1': 0",
        origin="Open Loyalty walks active adds by createdAt: points"
        " lapse that could have been spent.",
    ),
    Fault(
        name="refund returns to the lot taken first",
        file=f"{RULES}/lots.py",
        old="    for lot_id, amount in reversed(taken):\n",
        new="    for lot_id, amount in taken:\n",
        test=f"{_TESTS}::test_a_refund_returns_to_the_lot_taken_last",
        because="'1.1': 40",
        origin="Our own risk: what stays taken is not what a smaller"
        " spend would have taken.",
    ),
    Fault(
        name="double refund in a batch",
        file=f"{RULES}/undoing.py",
        old="    spend.undone += points\n",
        new="",
        test=f"{_TESTS}::test_a_spend_is_refunded_once_within_a_batch",
        because="exceeds_original|lot_remaining_within_credited",
        origin="Blnk #315: double refunds. Here within one batch, judged"
        " on what was read before.",
    ),
    Fault(
        name="double refund over two posts",
        file=f"{SQL}/named.sql",
        old="r.type IN ('refund', 'reverse', 'cancel')",
        new="r.type IN ('reverse', 'cancel')",
        test=f"{_TESTS}::test_a_spend_is_refunded_once_over_two_posts",
        because="exceeds_original|lot_remaining_within_credited",
        origin="Blnk #315: double refunds.",
    ),
    Fault(
        name="grace given twice",
        file=f"{RULES}/lots.py",
        old="        graced = with_grace and lot.sequence == lot.root\n",
        new="        graced = with_grace\n",
        test=f"{_TESTS}::test_a_grace_lot_gets_no_second_grace",
        because="== 0",
        origin="Our own risk: to buy and return once a month would keep"
        " points alive for ever.",
    ),
    Fault(
        name="lapsed and taken back again",
        file=f"{RULES}/undoing.py",
        old="    rest -= lapsed\n",
        new="",
        test=f"{_TESTS}::test_what_lapsed_of_an_earn_is_not_taken_again_by_its_reverse",
        because="== 20",
        origin="Open Loyalty: cancelling an add ignores what became of"
        " its points meanwhile.",
    ),
    Fault(
        name="lapsed counted for two reverses",
        file=f"{RULES}/undoing.py",
        old=" - earn.lapsed_counted, rest)\n",
        new=", rest)\n",
        test=f"{_TESTS}::test_what_lapsed_counts_for_one_of_two_reverses",
        because="== 20",
        origin="The same in parts: each partial return finds the same lapsed points.",
    ),
    Fault(
        name="cap taken for debt",
        file=f"{RULES}/undoing.py",
        old='    owed = short if policy == "debt" else 0\n',
        new="    owed = short\n",
        test=f"{_TESTS}::test_a_cap_writes_off_what_is_missing_and_makes_no_debt",
        because="-70 == 0",
        origin="Formance: a revert can be forced into overdraft,"
        " whatever the account allows.",
    ),
    Fault(
        name="lifetime follows the balance",
        file=f"{RULES}/recording.py",
        old='    if type == "earn":\n',
        new='    if type in ("earn", "reverse"):\n',
        test=f"{_TESTS}::test_a_reverse_does_not_lower_the_lifetime_points",
        because="entry_numbers_chain",
        origin="Our own risk: one sum over all entries, so a return"
        " lowers what never falls.",
    ),
    Fault(
        name="hash without allocations",
        file=f"{RULES}/encoding.py",
        old="        for move in moved\n",
        new="        for move in moved[:0]\n",
        test=f"{_TESTS}::test_the_hash_covers_the_allocations",
        because="1 == 2",
        origin="Our own risk: a chain over the entries alone leaves open"
        " what they did to lots.",
    ),
    *faults_of_holds.FAULTS,
    *faults_of_transfers.FAULTS,
    *faults_of_limits.FAULTS,
    *faults_of_corrections.FAULTS,
    *faults_of_orders.FAULTS,
]
