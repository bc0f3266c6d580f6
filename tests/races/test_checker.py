"""The checker of histories is tested by harm: a changed answer or row is noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import transaction
from punchcard.ledger.balances import balance_as_of
from punchcard.ledger.commands import (
    Capture,
    Command,
    Earn,
    Redeem,
    Reserve,
    Settle,
    Transfer,
)
from punchcard.ledger.operations import change_status
from punchcard.ledger.queries import get_account
from tests.builders import START, Ledger, a_ledger
from tests.races.history import Answered, Asked, Call, Changed, History, Looked
from tests.races.load import POLICY
from tests.races.ordering import Event, Order
from tests.races.replaying import replay
from tests.races.running import rows_of


class Seen:
    """What happened to two accounts, as a process would have logged it."""

    def __init__(self) -> None:
        self.ledger: Ledger = a_ledger(**POLICY)
        self.first, self.second = self.ledger.open(2)
        self.history = History()
        self.tell_the_story()
        self.ledger.now += timedelta(days=1)
        self.ledger.post(*(Settle(account=a) for a in self.ledger.accounts))
        self.rows = rows_of(self.ledger.accounts)

    def tell_the_story(self) -> None:
        first, second = self.first, self.second
        self.ask(Earn(account=first, points=100, key="earn", pending="PT30S"))
        self.ask(Redeem(account=first, points=10, key="early"))
        self.ledger.now += timedelta(seconds=60)
        self.ask(
            Redeem(account=first, points=10, key="late"),
            Redeem(account=first, points=10, key="early"),
            Redeem(account=first, points=11, key="early"),
        )
        self.ask(Transfer(account=first, to=second, points=30, key="over"))
        self.look(first)
        self.ask(
            Transfer(account=second, to=first, points=5, key="back"),
            Transfer(account=second, to=first, points=99, key="too much"),
        )
        self.change(first, "frozen")
        self.ask(Redeem(account=first, points=1, key="frozen"))
        self.change(first, "open")
        self.ask(Reserve(account=first, points=20, key="hold"))
        self.ask(Capture(account=first, hold=6, points=15, key="capture"))
        self.ask(
            Earn(account=first, points=1, key="whole"),
            Settle(account=second),
            Transfer(account=first, to=second, points=140, key="no"),
            atomic=True,
        )
        self.ask(Transfer(account=first, to=second, points=30, key="over"))
        self.ask(Transfer(account=second, to=first, points=25, key="emptied"))
        self.change(second, "closed")
        self.ask(Transfer(account=first, to=second, points=1, key="to nobody"))

    def ask(self, *commands: Command, atomic: bool = False) -> None:
        number = len(self.history.calls)
        asked = Asked(number, 2.0 * number, self.ledger.now, atomic, list(commands))
        outcomes = self.ledger.post(*commands, atomic=atomic)
        answered = Answered(number, 2.0 * number + 1, outcomes)
        self.history.calls.append(Call(asked, answered))

    def change(self, account: UUID, status: str) -> None:
        now, name = self.ledger.now, str(len(self.history.changes))
        with transaction():
            before = change_status(account=account, status=status, now=now)
        sequence = get_account(account=account).last_sequence
        changed = Changed(name, account, before, status, sequence, now)
        self.history.changes.append(changed)

    def look(self, account: UUID) -> None:
        found = balance_as_of(account=account, as_of=self.ledger.now)
        numbers = (found.available, found.pending, found.reserved, found.lifetime)
        sequence = get_account(account=account).last_sequence
        looked = Looked(account, self.ledger.now, sequence, sequence, numbers)
        self.history.looks.append(looked)

    def call(self, key: str) -> Call:
        """Return the first call that names this key."""
        return next(
            call
            for call in self.history.calls
            if any(getattr(c, "key", None) == key for c in call.asked.commands)
        )

    def outcome(self, key: str, index: int = 0) -> Any:
        answered = self.call(key).answered
        assert answered is not None
        return answered.outcomes[index]

    def replay(self) -> dict[str, int]:
        return replay(self.history, self.rows, self.ledger.now)


def test_an_honest_history_is_accepted() -> None:
    found = Seen().replay()
    assert {code: found[code] for code in found if " " not in code} == {
        "applied": 7,
        "insufficient_points": 3,
        "replayed": 2,
        "key_reused": 1,
        "account_frozen": 1,
        "account_closed": 1,
        "not_applied": 2,
        "looks": 1,
    }


def test_the_order_is_found_from_the_answers_alone() -> None:
    seen = Seen()
    seen.history.calls.reverse()
    seen.history.changes.reverse()
    assert seen.replay() == Seen().replay()


def test_an_answer_lost_with_its_connection_is_taken_from_its_replay() -> None:
    seen = Seen()
    for key in ("over", "early"):
        seen.history.calls.remove(seen.call(key))
    assert seen.replay()["replayed"] == 0


def test_a_change_to_what_is_waits_for_nothing() -> None:
    """Clocks differ: by its own, the second freeze came when all was over."""
    account, status, taken = new_id(), "open", []
    changes = [("open", "frozen"), ("frozen", "open"), ("frozen", "frozen")]
    order = Order(
        Event(
            places={account: 1},
            at=START + timedelta(seconds=n),
            change=Changed(str(n), account, before, after, 1, START),
        )
        for n, (before, after) in enumerate(changes)
    )
    while order:
        change = order.take(lambda _: status).change
        assert change is not None
        taken.append(change.name)
        status = change.after
    assert taken == ["0", "2", "1"]


def _another_balance(seen: Seen) -> None:
    seen.outcome("late").entry.balance += 1


def _another_code(seen: Seen) -> None:
    seen.outcome("early").code = "account_frozen"


def _another_missing(seen: Seen) -> None:
    seen.outcome("early").details["missing"] += 1


def _replayed_otherwise(seen: Seen) -> None:
    seen.outcome("late", 1).sequence += 1


def _decided_again(seen: Seen) -> None:
    seen.outcome("late", 1).replayed = False


def _reused_before_used(seen: Seen) -> None:
    seen.outcome("late", 2).sequence = 0


def _decided_at_a_made_up_instant(seen: Seen) -> None:
    seen.outcome("late").decided_at += timedelta(seconds=1)


def _an_answer_lost(seen: Seen) -> None:
    seen.history.calls.remove(seen.call("hold"))


def _an_answer_twice(seen: Seen) -> None:
    seen.history.calls.append(seen.call("hold"))


def _an_entry_too_many(seen: Seen) -> None:
    rows = seen.rows.entries[seen.first]
    rows.append(rows[-1])


def _an_entry_lost(seen: Seen) -> None:
    seen.rows.entries[seen.first].pop()


def _a_release_at_another_time(seen: Seen) -> None:
    seen.rows.entries[seen.first][1]["effective_at"] += timedelta(microseconds=1)


def _a_lot_with_a_rest(seen: Seen) -> None:
    lot = seen.rows.lots[seen.first][0]
    seen.rows.lots[seen.first][0] = (*lot[:6], 5, *lot[7:])


def _a_hold_still_open(seen: Seen) -> None:
    hold = seen.rows.holds[seen.first][0]
    seen.rows.holds[seen.first][0] = (*hold[:-1], True)


def _the_later_decided_first(seen: Seen) -> None:
    for call, began in zip(seen.history.calls, (20.0, 10.0, 0.0), strict=False):
        assert call.answered is not None
        call.asked.began, call.answered.ended = began, began + 1


def _a_transfer_received_elsewhere(seen: Seen) -> None:
    seen.outcome("over").entry.other_sequence += 1


def _a_transfer_received_twice(seen: Seen) -> None:
    rows = seen.rows.entries[seen.second]
    rows.insert(1, rows[0])


def _a_transfer_never_received(seen: Seen) -> None:
    del seen.rows.entries[seen.second][0]


def _a_transfer_under_another_id(seen: Seen) -> None:
    seen.rows.entries[seen.second][0]["transfer"] = UUID(int=0)


def _a_transfer_decided_before_its_payer_could(seen: Seen) -> None:
    outcome = seen.outcome("back")
    outcome.sequence = outcome.entry.sequence = 1


def _a_transfer_back_before_the_one_that_paid_for_it(seen: Seen) -> None:
    # On either account alone it is possible; on both together it is not.
    over, back = seen.outcome("over"), seen.outcome("back")
    pairs = ((over, 5, 1), (back, 2, 4))
    for outcome, sequence, other in pairs:
        outcome.sequence = outcome.entry.sequence = sequence
        outcome.entry.other_sequence = other


def _frozen_without_a_change(seen: Seen) -> None:
    seen.history.changes = [c for c in seen.history.changes if c.after != "frozen"]


def _spent_while_frozen(seen: Seen) -> None:
    seen.history.changes = [
        c
        for c in seen.history.changes
        if not (c.before == "frozen" and c.after == "open")
    ]


def _a_change_from_another_status(seen: Seen) -> None:
    seen.history.changes[0].before = "closed"


def _a_change_at_another_sequence(seen: Seen) -> None:
    seen.history.changes[0].sequence += 1


def _closed_for_a_transfer_that_was_not(seen: Seen) -> None:
    seen.outcome("to nobody").code = "insufficient_points"


def _another_status(seen: Seen) -> None:
    seen.rows.status[seen.second] = "open"


def _a_refused_batch_on_another_ground(seen: Seen) -> None:
    seen.outcome("whole", 2).code = "account_frozen"


def _a_refused_batch_later_than_it_was(seen: Seen) -> None:
    for outcome in seen.call("whole").answered.outcomes:  # type: ignore[union-attr]
        if outcome.account == seen.first:
            outcome.sequence += 1


def _a_look_at_what_never_was(seen: Seen) -> None:
    (look,) = seen.history.looks
    changed = (look.numbers[0] + 1, *look.numbers[1:])
    seen.history.looks = [msgspec.structs.replace(look, numbers=changed)]


def _a_look_at_what_came_later(seen: Seen) -> None:
    (look,) = seen.history.looks
    earlier = look.earliest - 1
    seen.history.looks = [
        msgspec.structs.replace(look, earliest=earlier, latest=earlier)
    ]


HARMS = [
    harm
    for name, harm in list(globals().items())
    if name.startswith("_") and getattr(harm, "__module__", "") == __name__
]


@pytest.mark.parametrize("harm", HARMS)
def test_a_harmed_history_is_refused(harm: Callable[[Seen], None]) -> None:
    seen = Seen()
    harm(seen)
    with pytest.raises(AssertionError):
        seen.replay()
