"""Seeded faults of pending and idle points, and of what is done by hand."""

from __future__ import annotations

from tests.mutants.fault import LEDGER, RULES, SQL, Fault

_TESTS = "tests/database/test_known_bugs_of_corrections.py"

FAULTS = [
    Fault(
        name="cancelled and reversed in a batch",
        file=f"{RULES}/pending.py",
        old="        earn.undone += points\n",
        new="        pass\n",
        test=f"{_TESTS}::"
        "test_a_cancelled_lot_is_not_taken_again_by_a_reverse_of_its_batch",
        because="'applied', 'applied'",
        origin="Odoo #212922: a return takes points away that were taken before.",
    ),
    Fault(
        name="cancelled and reversed over two posts",
        file=f"{SQL}/named.sql",
        old="r.type IN ('refund', 'reverse', 'cancel')",
        new="r.type IN ('refund', 'reverse')",
        test=f"{_TESTS}::test_a_cancelled_lot_is_not_taken_again_by_a_later_reverse",
        because="'applied'",
        origin="The same when the cancel is history.",
    ),
    Fault(
        name="early activation keeps the old dates",
        file=f"{RULES}/pending.py",
        old="    lot.expires_at = _expiry(account, lot, at)\n",
        new="",
        test=f"{_TESTS}::test_validity_starts_when_a_lot_is_activated_early",
        because="'applied'",
        origin="Seed article: validity is counted from the earn, whenever"
        " the points become spendable.",
    ),
    Fault(
        name="activated lot released as well",
        file=f"{RULES}/pending.py",
        old='    lot.state = "open"\n',
        new="",
        test=f"{_TESTS}::test_a_lot_activated_early_is_not_released_on_its_day",
        because="entry_numbers_in_range",
        origin="Seed article: points on hold are released by a query over"
        " references, not by a mark on the lot, and may be so twice.",
    ),
    Fault(
        name="debt not repaid by an activation",
        file=f"{RULES}/pending.py",
        old="        moves=repay_debt(-account.available, [lot]),\n",
        new="        moves=[],\n",
        test=f"{_TESTS}::test_an_activation_repays_debt",
        because="'4.1': 150",
        origin="Our own risk: the balance rises out of debt, and the lot"
        " is spendable whole.",
    ),
    Fault(
        name="any entry counts as activity",
        file=f"{RULES}/recording.py",
        old="    if type in _ACTIVITY:\n",
        new="    if True:\n",
        test=f"{_TESTS}::test_a_correction_does_not_keep_idle_points_alive",
        because="'applied'",
        origin="Our own risk: `last changed` taken for `last used`; the"
        " member did nothing.",
    ),
    Fault(
        name="idleness takes what came later",
        file=f"{RULES}/state.py",
        old="        return at if at > self.effective_at else None\n",
        new="        return at\n",
        test=f"{_TESTS}::test_idleness_takes_nothing_that_came_after_it",
        because="0 == 50",
        origin="Seed article: the expiry job is not told what it did before,"
        " and expires again every night.",
    ),
    Fault(
        name="idleness takes the lots that were read",
        file=f"{LEDGER}/reading.py",
        old="        need[key] = most if key in idle else min(need[key], most)\n",
        new="        need[key] = min(need.get(key, 0), most)\n",
        test=f"{_TESTS}::test_idleness_takes_every_open_lot",
        because="200 == 0",
        origin="Our own risk: only a part of the lots is read, and taken for all.",
    ),
    Fault(
        name="idleness within a batch not foreseen",
        file=f"{LEDGER}/reading.py",
        old="        first[account.id] = min(at, first.get(account.id, at))\n",
        new="        _ = at\n",
        test=f"{_TESTS}::test_idleness_that_begins_and_ends_in_one_batch_takes_all",
        because="50 == 0",
        origin="Our own bug, found by the model: what is read was judged on"
        " the account as it was before its batch.",
    ),
    Fault(
        name="correction goes below zero",
        file=f"{RULES}/adjusting.py",
        old='command.policy or "refuse"\n',
        new="command.policy or account.policy.debt_policy\n",
        test=f"{_TESTS}::test_a_correction_takes_no_more_than_there_is",
        because="'applied'",
        origin="Kademi #3032: a debit by hand makes a negative balance, and nobody"
        " is asked.",
    ),
    Fault(
        name="extended lot gets grace",
        file=f"{RULES}/adjusting.py",
        old="        root=sequence if continued is None else continued.root,\n",
        new="        root=sequence,\n",
        test=f"{_TESTS}::test_a_lot_extended_by_hand_gets_no_grace_beside",
        because="100 == 0",
        origin="Our own risk: what was prolonged by hand is prolonged once"
        " more by a return.",
    ),
    Fault(
        name="closed with points set aside",
        file=f"{LEDGER}/operations.py",
        old='    if status == "closed" and any(numbers):\n',
        new='    if status == "closed" and numbers[0]:\n',
        test=f"{_TESTS}::test_an_account_with_points_set_aside_is_not_closed",
        because="account_closed_only_when_empty",
        origin="TigerBeetle #3278: pending transfers still change an account"
        " that is closed. PostgreSQL itself refuses to close this one.",
    ),
]
