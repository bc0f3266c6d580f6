"""A lot extended, or let lapse, while others use it; and what the audit says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from punchcard.journeys import correcting_lots
from punchcard.journeys.correcting_lots import AboveAdjustLimit, LotCorrection, Renewal
from punchcard.journeys.extend_lot import extend_lot
from punchcard.journeys.lapse_lot import lapse_lot
from punchcard.kernel.audit import Author, list_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import TransactionError, transaction
from punchcard.ledger.commands import Earn, Redeem, Refund
from punchcard.ledger.outcomes import Outcome
from punchcard.ledger.queries import find_lot, list_lots
from tests.builders import Ledger

Meanwhile = Callable[..., None]


class Story:
    """An account whose first lot has 50 points, and ways to change it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.account: UUID = ledger.account()
        ledger.one(Earn(account=self.account, points=50, key="earn"))

    def correction(self, **said: Any) -> LotCorrection:
        said.setdefault("author", Author(actor="key_x", program=self.ledger.program))
        said.setdefault("key", "k")
        return LotCorrection(
            account=self.account, lot=(1, 1), reason="Asked for", **said
        )

    def lapse(self, **said: Any) -> Outcome:
        return lapse_lot(correction=self.correction(**said), now=self.ledger.now)[0]

    def spend(self, points: int, key: str) -> Outcome:
        return self.ledger.one(Redeem(account=self.account, points=points, key=key))

    def refund(self, entry: int, key: str) -> Outcome:
        return self.ledger.one(Refund(account=self.account, entry=entry, key=key))

    def remaining(self) -> list[int]:
        return [lot.remaining for lot in list_lots(account=self.account, limit=9)]


@pytest.fixture
def story(ledger: Ledger) -> Story:
    return Story(ledger)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Change something each time that the lot was read, but not locked yet."""

    def after_reading(*changes: Callable[[], object]) -> None:
        waiting = list(changes)

        def read(**asked: Any) -> Any:
            found = find_lot(**asked)
            if waiting:
                waiting.pop(0)()
            return found

        monkeypatch.setattr(correcting_lots, "find_lot", read)

    return after_reading


def test_what_was_spent_meanwhile_is_not_asked_for(
    story: Story, meanwhile: Meanwhile
) -> None:
    meanwhile(lambda: story.spend(20, "s"))
    outcome = story.lapse()
    assert outcome.entry is not None
    assert (outcome.code, outcome.entry.amount) == ("applied", 30)
    assert story.lapse().replayed
    assert story.remaining() == [0]


def test_what_came_back_meanwhile_is_taken_whole(
    story: Story, meanwhile: Meanwhile
) -> None:
    spent = story.spend(50, "s")
    meanwhile(lambda: story.refund(spent.sequence, "f"))
    outcome = story.lapse()
    assert outcome.entry is not None
    assert (outcome.code, outcome.entry.amount) == ("applied", 50)
    assert story.remaining() == [0]


def test_a_twin_that_comes_first_is_answered(
    story: Story, meanwhile: Meanwhile
) -> None:
    meanwhile(story.lapse)
    outcome = story.lapse()
    assert (outcome.code, outcome.replayed) == ("applied", True)
    assert story.remaining() == [0]


def test_a_twin_that_is_refused_first_is_answered_too(
    story: Story, meanwhile: Meanwhile
) -> None:
    spent = story.spend(50, "s")

    def refused_then_back() -> None:
        assert story.lapse().code == "exceeds_original"
        story.refund(spent.sequence, "f")

    meanwhile(refused_then_back)
    outcome = story.lapse()
    assert (outcome.code, outcome.replayed) == ("exceeds_original", True)
    assert story.remaining() == [50]


def test_when_it_never_stands_still_nothing_is_done_and_no_key_is_used(
    story: Story, meanwhile: Meanwhile
) -> None:
    keys = iter(f"{n}" for n in range(9))

    def spend_one() -> None:
        assert story.spend(1, next(keys)).applied

    meanwhile(*[spend_one] * correcting_lots.TRIES)
    outcome = story.lapse()
    assert (outcome.code, outcome.replayed) == ("exceeds_original", False)
    assert story.remaining() == [50 - correcting_lots.TRIES]
    assert story.lapse().applied
    assert story.remaining() == [0]


def test_an_extension_is_both_adjusts_or_none(story: Story) -> None:
    too_late = Renewal(expires_at=story.ledger.now)
    outcomes = extend_lot(
        correction=story.correction(), renewal=too_late, now=story.ledger.now
    )
    assert [outcome.code for outcome in outcomes] == ["not_applied", "malformed"]
    assert story.remaining() == [50]
    done = extend_lot(
        correction=story.correction(),
        renewal=Renewal(validity="P1M"),
        now=story.ledger.now,
    )
    assert [outcome.code for outcome in done] == ["applied", "applied"]
    assert story.remaining() == [0, 50]


@pytest.mark.parametrize(("points", "limit"), [(None, 49), (31, 30), (1, 0)])
def test_nobody_corrects_more_than_they_may(
    story: Story, points: int | None, limit: int
) -> None:
    with pytest.raises(AboveAdjustLimit) as raised:
        story.lapse(points=points, limit=limit)
    assert raised.value.limit == limit
    assert story.remaining() == [50]
    assert story.lapse(points=points, limit=50).applied


def test_what_a_person_corrects_is_in_the_audit_once(story: Story) -> None:
    program = story.ledger.program
    person = Author(actor=typed("usr", UUID(int=7)), program=program, request_id="r1")
    for _ in range(2):
        extend_lot(
            correction=story.correction(author=person),
            renewal=Renewal(validity="P1M"),
            now=story.ledger.now,
        )
    story.lapse(key="another")
    (row,) = list_changes(program=program, limit=9)
    assert (row.actor, row.action) == (person.actor, "lot.extended")
    assert row.target == typed("acc", story.account)
    assert row.fields == {"lot": "1.1", "points": 50, "entries": [2, 3]}


def test_a_refused_or_dry_correction_is_not_in_the_audit(story: Story) -> None:
    program = story.ledger.program
    person = Author(actor=typed("usr", UUID(int=7)), program=program)
    correction = story.correction(author=person)
    lapse_lot(correction=correction, now=story.ledger.now, dry_run=True)
    assert story.lapse(author=person, points=51).code == "exceeds_original"
    assert list_changes(program=program, limit=9) == []
    assert story.remaining() == [50]


def test_a_correction_opens_its_own_transaction(story: Story) -> None:
    with transaction(), pytest.raises(TransactionError):
        story.lapse()
