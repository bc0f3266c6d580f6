"""Seeded faults of transfers: two accounts, one instant, the same points."""

from __future__ import annotations

from tests.mutants.fault import LEDGER, RULES, Fault

_TESTS = "tests/database/test_known_bugs_of_transfers.py"

FAULTS = [
    Fault(
        name="transfer renews the expiry",
        file=f"{RULES}/transferring.py",
        old="            expires_at=lot.expires_at,\n",
        new="            expires_at=None,\n",
        test=f"{_TESTS}::test_points_keep_their_expiry_on_the_way",
        because="'applied'",
        origin="Voucherify resets the expiry of transferred points: to send"
        " them to and fro keeps them alive for ever.",
    ),
    Fault(
        name="debt not repaid by what arrives",
        file=f"{RULES}/transferring.py",
        old="        moves=lots.repay_debt(-receiver.available, opened),\n",
        new="        moves=[],\n",
        test=f"{_TESTS}::test_what_arrives_repays_the_receivers_debt",
        because="'4.1': 50",
        origin="Our own risk: the balance rises out of debt, and the lots"
        " are spendable whole.",
    ),
    Fault(
        name="gift counted as earned",
        file=f"{RULES}/recording.py",
        old='    if type == "earn":\n',
        new='    if type in ("earn", "transfer_in"):\n',
        test=f"{_TESTS}::test_what_others_give_does_not_count_as_earned",
        because="entry_numbers_chain",
        origin="Odoo #257854 and its kind: points go in circles, and each"
        " round lifts the number that levels are made of.",
    ),
    Fault(
        name="transfer at the payer's instant",
        file=f"{RULES}/deciding.py",
        old="    for one in touched:\n        at = one.instant(at)\n",
        new="    at = account.instant(at)\n",
        test=f"{_TESTS}::"
        "test_a_transfer_happens_at_the_later_instant_of_the_two_accounts",
        because="account_never_goes_back",
        origin="Formance: an entry that is dated back rewrites what came"
        " after it. Here the receiver's time would run backwards.",
    ),
    Fault(
        name="receiver not settled before it receives",
        file=f"{RULES}/deciding.py",
        old="    for one in touched:\n        settle(one, at, recorded_at)\n    try:\n",
        new="    settle(account, at, recorded_at)\n    try:\n",
        test=f"{_TESTS}::"
        "test_what_lapsed_at_the_receiver_is_written_before_what_arrives",
        because="'transfer_in'",
        origin="Open Loyalty: what lapsed is known when a job has come by,"
        " and dated then.",
    ),
    Fault(
        name="receiver's lots not read",
        file=f"{LEDGER}/reading.py",
        old="    for account, command in [*asked, *received]:\n",
        new="    for account, command in asked:\n",
        test=f"{_TESTS}::"
        "test_what_lapsed_at_the_receiver_is_written_before_what_arrives",
        because="'transfer_in'",
        origin="Our own risk: what is read depends on the account that a"
        " command names first.",
    ),
    Fault(
        name="payer's key on the receiving entry",
        file=f"{RULES}/transferring.py",
        old='        **{**common, "key": None, "fingerprint": None},\n',
        new="        **common,\n",
        test=f"{_TESTS}::test_a_transfer_leaves_the_receivers_keys_free",
        because="key_reused",
        origin="Formance #1638: whose key it is was not part of the key.",
    ),
    Fault(
        name="transfer replayed for another receiver",
        file=f"{RULES}/encoding.py",
        old="            own = (command.to, command.points)\n",
        new="            own = (command.points,)\n",
        test=f"{_TESTS}::test_a_transfers_key_is_not_replayed_for_another_receiver",
        because="'applied'",
        origin="What TigerBeetle's `exists_with_different_credit_account_id`"
        " is there for.",
    ),
    Fault(
        name="transfer to another wallet",
        file=f"{LEDGER}/operations.py",
        old="    return receiver is not None and receiver.wallet == account.wallet\n",
        new="    return receiver is not None\n",
        test=f"{_TESTS}::test_points_do_not_leave_their_wallet",
        because="'applied'",
        origin="What TigerBeetle's `accounts_must_have_the_same_ledger` is"
        " there for: points would become euros.",
    ),
    Fault(
        name="frozen account pays",
        file=f"{RULES}/deciding.py",
        old="_FROZEN_REFUSES = (said.Redeem, said.Reserve, said.Transfer)\n",
        new="_FROZEN_REFUSES = (said.Redeem, said.Reserve)\n",
        test=f"{_TESTS}::test_a_frozen_account_gives_nothing_away",
        because="'applied'",
        origin="Diem #4986: a frozen account could still be drawn on by"
        " another way than the usual one.",
    ),
    Fault(
        name="closed account receives",
        file=f"{RULES}/deciding.py",
        old='account.status == "closed" or (receiver and receiver.status == "closed")',
        new='account.status == "closed"',
        test=f"{_TESTS}::test_a_closed_account_receives_nothing",
        because="account_closed_only_when_empty",
        origin="What TigerBeetle's `credit_account_closed` is there for:"
        " points would go where nobody can spend them.",
    ),
]
