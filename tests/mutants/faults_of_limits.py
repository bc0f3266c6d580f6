"""Seeded faults of spending limits: what counts, since when, and for whom."""

from __future__ import annotations

from tests.mutants.fault import RULES, SQL, Fault

_TESTS = "tests/database/test_known_bugs_of_limits.py"

FAULTS = [
    Fault(
        name="limit counts yesterday",
        file=f"{RULES}/limits.py",
        old="for at, points in account.spends if at >= period.start)\n",
        new="for at, points in account.spends)\n",
        test=f"{_TESTS}::test_yesterdays_spends_do_not_count_today",
        because="limit_exceeded",
        origin="Expensify #56721: the day before was counted into the limit of a day.",
    ),
    Fault(
        name="limit's day begins at midnight UTC",
        file="punchcard/kernel/calendar.py",
        old="    wall = instant.astimezone(zone)\n    # ",
        new="    wall = instant.astimezone(UTC)\n    # ",
        test=f"{_TESTS}::test_the_day_of_a_limit_begins_at_the_programs_midnight",
        because="limit_exceeded",
        origin="LiteLLM #34896: daily budgets in Shanghai began anew at eight"
        " in the morning.",
    ),
    Fault(
        name="limit counts what was voided",
        file=f"{SQL}/0002_every_command.up.sql",
        old="IF found.type IN ('redeem', 'reserve', 'capture', 'void', 'transfer_out')",
        new="IF found.type IN ('redeem', 'reserve', 'capture', 'transfer_out')",
        test=f"{_TESTS}::test_what_a_void_gave_back_may_be_spent_the_same_day",
        because="limit_exceeded",
        origin="Blink (Galoy) #849: the limit on withdrawals counted voided"
        " transactions.",
    ),
    Fault(
        name="limit counts what was voided in its batch",
        file=f"{RULES}/limits.py",
        old='frozenset({"redeem", "reserve", "capture", "void", "transfer_out"})',
        new='frozenset({"redeem", "reserve", "capture", "transfer_out"})',
        test=f"{_TESTS}::test_what_a_void_gave_back_may_be_spent_in_the_same_batch",
        because="limit_exceeded",
        origin="metasfresh #3933: the credit in use did not fall when an"
        " order was voided.",
    ),
    Fault(
        name="limit counts a hold and its capture",
        file=f"{RULES}/recording.py",
        old="        account.spends.append((at, -available))\n",
        new="        account.spends.append((at, amount))\n",
        test=f"{_TESTS}::test_a_hold_and_its_capture_count_once",
        because="limit_exceeded",
        origin="Our own risk: one spend in two steps, each with its amount.",
    ),
    Fault(
        name="limit judged on what was read",
        file=f"{RULES}/recording.py",
        old="    if policy.counts_spends and type in SPENDING:\n",
        new="    if False:\n",
        test=f"{_TESTS}::test_the_spends_of_a_batch_count_for_each_other",
        because="'applied'",
        origin="Blnk #171: commands side by side are judged on the same old numbers.",
    ),
    Fault(
        name="limit evaded by a transfer",
        file=f"{RULES}/spending.py",
        old="    spendable(account, command.points, at)\n",
        new="",
        test=f"{_TESTS}::test_a_limit_is_not_evaded_by_giving_points_away",
        because="'applied'",
        origin="Our own risk: the limit is there for a stolen account, and"
        " a gift empties it as well.",
    ),
    Fault(
        name="limit forgotten by at most",
        file=f"{RULES}/limits.py",
        old="        points = min(points, left)\n",
        new="",
        test=f"{_TESTS}::test_at_most_takes_no_more_than_the_limit_leaves",
        because="0 == 70",
        origin="Our own risk: a limit that leaves one point lets all through.",
    ),
]
