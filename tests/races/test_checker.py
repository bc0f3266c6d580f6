"""The checker of histories is tested by harm: a changed answer or row is noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from punchcard.ledger.commands import Command, Earn, Redeem, Settle
from tests.builders import Ledger, a_ledger
from tests.races import history
from tests.races.history import Answered, Asked, Call
from tests.races.load import POLICY
from tests.races.running import entries_of, lots_of


class Seen:
    """Three posts on one account, as a process would have logged them."""

    def __init__(self) -> None:
        self.ledger: Ledger = a_ledger(**POLICY)
        account = self.ledger.account()
        self.calls: list[Call] = []
        self.ask(Earn(account=account, points=100, key="earn", pending="PT30S"))
        self.ask(Redeem(account=account, points=10, key="early"))
        self.ledger.now += timedelta(seconds=60)
        self.ask(
            Redeem(account=account, points=10, key="late"),
            Redeem(account=account, points=10, key="early"),
            Redeem(account=account, points=11, key="early"),
        )
        self.ledger.now += timedelta(days=1)
        self.ledger.post(Settle(account=account))
        self.entries = dict(entries_of(self.ledger.accounts))
        self.lots = dict(lots_of(self.ledger.accounts))

    def ask(self, *commands: Command) -> None:
        number = len(self.calls)
        asked = Asked(number, 2.0 * number, self.ledger.now, False, list(commands))
        outcomes = self.ledger.post(*commands)
        self.calls.append(Call(asked, Answered(number, 2.0 * number + 1, outcomes)))

    def outcome(self, call: int, index: int = 0) -> Any:
        answered = self.calls[call].answered
        assert answered is not None
        return answered.outcomes[index]

    def rows(self) -> list[dict[str, Any]]:
        return self.entries[self.ledger.accounts[0]]

    def replay(self) -> dict[str, int]:
        return history.replay(self.calls, self.entries, self.lots, self.ledger.now)


def test_an_honest_history_is_accepted() -> None:
    assert Seen().replay() == {
        "applied": 2,
        "insufficient_points": 1,
        "replayed": 1,
        "key_reused": 1,
    }


def _another_balance(seen: Seen) -> None:
    seen.outcome(2).entry.balance += 1


def _another_code(seen: Seen) -> None:
    seen.outcome(1).code = "account_frozen"


def _another_missing(seen: Seen) -> None:
    seen.outcome(1).details["missing"] += 1


def _replayed_otherwise(seen: Seen) -> None:
    seen.outcome(2, 1).sequence += 1


def _decided_again(seen: Seen) -> None:
    seen.outcome(2, 1).replayed = False


def _reused_before_used(seen: Seen) -> None:
    seen.outcome(2, 2).sequence = 0


def _decided_at_a_made_up_instant(seen: Seen) -> None:
    seen.outcome(2).decided_at += timedelta(seconds=1)


def _an_entry_too_many(seen: Seen) -> None:
    seen.rows().append(seen.rows()[-1])


def _an_entry_lost(seen: Seen) -> None:
    seen.rows().pop()


def _a_release_at_another_time(seen: Seen) -> None:
    seen.rows()[1]["effective_at"] += timedelta(microseconds=1)


def _a_lot_with_a_rest(seen: Seen) -> None:
    lot = seen.lots[seen.ledger.accounts[0]][0]
    seen.lots[seen.ledger.accounts[0]] = [(*lot[:-1], 5)]


def _the_later_decided_first(seen: Seen) -> None:
    for call, began in zip(seen.calls, (20.0, 10.0, 0.0), strict=True):
        assert call.answered is not None
        call.asked.began, call.answered.ended = began, began + 1


@pytest.mark.parametrize(
    "harm",
    [
        _another_balance,
        _another_code,
        _another_missing,
        _replayed_otherwise,
        _decided_again,
        _reused_before_used,
        _decided_at_a_made_up_instant,
        _an_entry_too_many,
        _an_entry_lost,
        _a_release_at_another_time,
        _a_lot_with_a_rest,
        _the_later_decided_first,
    ],
)
def test_a_harmed_history_is_refused(harm: Callable[[Seen], None]) -> None:
    seen = Seen()
    harm(seen)
    with pytest.raises(AssertionError):
        seen.replay()
