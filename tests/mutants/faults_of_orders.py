"""Seeded faults of orders: what is earned once, and what comes back."""

from __future__ import annotations

from tests.mutants.fault import Fault

_JOURNEYS = "punchcard/journeys/orders"
_RETURNS = "tests/journeys/test_return_orders.py"

FAULTS = [
    Fault(
        name="members not locked while their orders are judged",
        file="punchcard/members/queries.py",
        old='" ORDER BY id FOR NO KEY UPDATE"',
        new='" ORDER BY id"',
        test="tests/races/test_awards.py"
        "::test_of_a_hundred_first_purchases_one_is_the_first",
        because=r"assert Counter\(",
        origin="medusa #16347, spree #13734: what is looked at and then written"
        " without a lock is done by each of two at once.",
    ),
    Fault(
        name="every order a first purchase",
        file=f"{_JOURNEYS}/purchases.py",
        old="known.all.bought == left",
        new="known.all.bought >= left",
        test="tests/journeys/test_record_orders.py"
        "::test_an_order_that_comes_late_is_no_second_first_purchase",
        because="assert 200 == 100",
        origin="Our own, before its race was run: each order that is earlier than"
        " all that are known would be the first.",
    ),
    Fault(
        name="caps counted from before the batch",
        file=f"{_JOURNEYS}/awarding.py",
        old="        count_on(used, one.subject, decision.uses)\n        decided",
        new="        decided",
        test="tests/journeys/test_record_orders.py"
        "::test_caps_hold_within_a_batch_and_over_batches",
        because=r"assert \[10, 10, 10",
        origin="Our own risk: each order of a batch would have the whole cap.",
    ),
    Fault(
        name="stamps stay on the card when they came back",
        file=f"{_JOURNEYS}/reckoning.py",
        old="            due += self._last_grants(key, earn, lost)\n",
        new="",
        test=f"{_RETURNS}::test_a_stamp_comes_off_the_card_with_what_came_back",
        because=r"'card', 50",
        origin="Open Loyalty: a return does not mirror what was granted; ten are"
        " bought, nine returned, and the reward is kept.",
    ),
    Fault(
        name="a return that waits for its refund counts for others",
        file=f"{_JOURNEYS}/reckoning.py",
        old="        for one in self._others():\n            shares",
        new="        for one in ():\n            shares",
        test="tests/journeys/test_settle_refunds.py"
        "::test_a_return_at_once_beside_one_that_waits",
        because=r"assert \[8\] == \[3\]",
        origin="Our own risk: what is taken back before the money has arrived.",
    ),
    Fault(
        name="what was reversed by hand is reversed again",
        file=f"{_JOURNEYS}/taking_back.py",
        old="self.entries[name].amount - reversed_before.get(name, 0)",
        new="self.entries[name].amount",
        test=f"{_RETURNS}::test_what_was_taken_by_hand_is_not_taken_again",
        because=r"assert \[.*\] == \[30\]",
        origin="Odoo #221928 and its kind: taken twice, or, as the ledger refuses"
        " that, not at all.",
    ),
    Fault(
        name="points that paid go back at each return, whole",
        file=f"{_JOURNEYS}/taking_back.py",
        old="return floor(spent * after) - floor(spent * before)",
        new="return floor(spent * after)",
        test=f"{_RETURNS}::test_points_that_paid_go_back_to_the_lots_they_came_from",
        because="assert ",
        origin="Odoo #238806: refunds of parts give back the discount of the whole.",
    ),
]
