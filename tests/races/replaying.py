"""A history replayed through the serial model: every answer, every row, every look."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from punchcard.ledger.commands import Command, Settle, Transfer
from punchcard.ledger.outcomes import APPLIED, NOT_APPLIED, Entry, Outcome
from tests import model
from tests.races.history import Call, Changed, History, Looked, check_real_time
from tests.races.load import model_policy
from tests.races.ordering import Event, Order

LARGEST_SHOWN = 5
Answer = tuple[Command, Outcome]


class Rows(msgspec.Struct):
    """What stands in the database, by account."""

    entries: dict[UUID, list[dict[str, Any]]]
    lots: dict[UUID, list[tuple[Any, ...]]]
    holds: dict[UUID, list[tuple[Any, ...]]]
    status: dict[UUID, str]

    def of(self, accounts: Iterable[UUID]) -> Rows:
        """Return the rows of these accounts."""
        wanted = list(accounts)
        return Rows(
            {a: self.entries.get(a, []) for a in wanted},
            {a: self.lots.get(a, []) for a in wanted},
            {a: self.holds.get(a, []) for a in wanted},
            {a: self.status[a] for a in wanted},
        )


class Place(NamedTuple):
    """Where a key belongs."""

    account: UUID
    key: str | None


class Sorted(msgspec.Struct):
    """The answers: first decisions, replays, and keys used for something else."""

    events: list[Event] = []
    again: list[Answer] = []
    reused: list[Answer] = []


def replay(history: History, rows: Rows, until: datetime) -> Counter[str]:
    """Replay what was seen of some accounts through the model; return the codes.

    `until`: the instant of the last `Settle` of each account, which nobody logged.

    Raises:
        AssertionError: an answer, a row or a look is not what the model says.
    """
    answered = [call for call in history.calls if call.answered is not None]
    for account in rows.entries:
        check_real_time(account, [c for c in answered if account in c.accounts])
    found = _sort_out(answered, rows)
    found.events += [_changing(change) for change in history.changes]
    found.events += [_looking(look) for look in history.looks]
    return _Replay(rows).run(found, until)


def _place(command: Command) -> Place:
    return Place(command.account, model.key_and_fingerprint(command)[0])


def _sort_out(calls: list[Call], rows: Rows) -> Sorted:
    """Part first decisions from replays and from keys used for something else."""
    found = Sorted()
    decided: set[Place] = set()
    for call in calls:
        assert call.answered is not None
        pairs = list(zip(call.asked.commands, call.answered.outcomes, strict=True))
        refused = [o for _, o in pairs if o.code == NOT_APPLIED]
        if refused or (call.asked.atomic and pairs[0][1].code != APPLIED):
            found.events.append(_refused_batch(call, pairs))
            decided |= {_place(c) for c, o in pairs if o not in refused}
            continue
        for command, outcome in pairs:
            if outcome.code == "key_reused":
                found.reused.append((command, outcome))
            elif outcome.replayed:
                found.again.append((command, outcome))
            else:
                found.events.append(_decision(call, command, outcome, rows))
                decided.add(_place(command))
    # The first answer of a key was lost with its connection: its replay stands for it.
    for command, outcome in list(found.again):
        if _place(command) not in decided:
            decided.add(_place(command))
            found.again.remove((command, outcome))
            found.events.append(_decision(None, command, outcome, rows))
    return found


def _refused_batch(call: Call, pairs: list[Answer]) -> Event:
    (refused,) = [outcome for _, outcome in pairs if outcome.code != NOT_APPLIED]
    at = call.asked.now
    places = {outcome.account: outcome.sequence for _, outcome in pairs}
    if refused.replayed:
        # Known by then, and the account may have gone on: only the refusal tells.
        assert len(places) == 1, call
        assert refused.decided_at is not None, call
        at, places = refused.decided_at, {refused.account: refused.sequence}
    else:
        assert places.items() == {(o.account, o.sequence) for _, o in pairs}, call
        assert call.accounts == set(places), call
    return Event(
        places=places,
        at=at,
        commands=call.asked.commands,
        outcomes=[outcome for _, outcome in pairs],
        atomic=True,
    )


def _decision(
    call: Call | None, command: Command, outcome: Outcome, rows: Rows
) -> Event:
    at, entry = outcome.decided_at, outcome.entry
    assert at is not None, (command, outcome)
    places = {outcome.account: outcome.sequence}
    if entry is not None and entry.other_account is not None:
        assert entry.other_sequence is not None
        places[entry.other_account] = entry.other_sequence
    if call is not None and at != call.asked.now:
        # Held back by what had taken effect already, and by nothing else.
        assert at > call.asked.now, (command, outcome)
        before = rows.entries[outcome.account][: outcome.sequence]
        if isinstance(command, Transfer):
            before = before + rows.entries[command.to][: places.get(command.to)]
        assert at in {entry["effective_at"] for entry in before}, (command, outcome)
    return Event(
        places=places,
        at=at,
        wrote=entry is not None,
        commands=[command],
        outcomes=[outcome],
    )


def _changing(change: Changed) -> Event:
    return Event(places={change.account: change.sequence}, at=change.at, change=change)


def _looking(look: Looked) -> Event:
    return Event(places={look.account: look.earliest}, at=look.as_of, look=look)


class _Replay:
    """The model, and what it has been asked so far."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.serial = model.Model(model_policy())
        for account in rows.entries:
            self.serial.open_account(account)
        self.firsts: dict[Place, Answer] = {}
        self.looks: defaultdict[UUID, list[Looked]] = defaultdict(list)
        self.counts: Counter[str] = Counter()

    def run(self, found: Sorted, until: datetime) -> Counter[str]:
        order = Order(found.events)
        while order:
            event = order.take(lambda account: self.serial.accounts[account].status)
            self._decide(event)
        for account in self.rows.entries:
            self.serial.post([Settle(account=account)], until)
        for account, waiting in self.looks.items():
            assert not waiting, (account, "never had this balance", waiting)
        for command, outcome in found.again:
            self._check_replay(command, outcome)
        for command, outcome in found.reused:
            self._check_reuse(command, outcome)
        self.counts["replayed"] += len(found.again)
        self.counts["key_reused"] += len(found.reused)
        for account in self.rows.entries:
            self._compare_rows(account)
        return self.counts

    def _decide(self, event: Event) -> None:
        if not event.wrote:
            self._catch_up(event)
        if event.look is not None:
            self.looks[event.look.account].append(event.look)
        elif event.change is not None:
            self._change(event.change)
        else:
            self._post(event)
        for account in event.places:
            self._look(account)

    def _catch_up(self, event: Event) -> None:
        """Settle as a sweep did, which answers nobody: only its entries tell."""
        for account, sequence in event.places.items():
            if self.serial.accounts[account].last_sequence < sequence:
                swept_at = self.rows.entries[account][sequence - 1]["effective_at"]
                self.serial.post([Settle(account=account)], swept_at)

    def _post(self, event: Event) -> None:
        hidden = self._hide_receiver(event)
        late = event.atomic and any(outcome.replayed for outcome in event.outcomes)
        told = self.serial.post(event.commands, event.at, event.atomic)
        self.serial.accounts |= hidden
        for command, outcome, expected in zip(
            event.commands, event.outcomes, told, strict=True
        ):
            if not (late and outcome.code == NOT_APPLIED):
                _compare(command, outcome, expected)
            self.counts[outcome.code] += 1
            self.counts[f"{type(command).__name__} {outcome.code}"] += 1
            place = _place(command)
            if place.key is not None and outcome.code != NOT_APPLIED:
                assert place not in self.firsts, f"{place} was decided twice"
                self.firsts[place] = (command, outcome)

    def _hide_receiver(self, event: Event) -> dict[UUID, model.Account]:
        """Keep a receiver as it is, where a transfer was refused: nobody said when.

        Time passed on it too, as in a sweep; but for its status it decided nothing.
        """
        hidden: dict[UUID, model.Account] = {}
        if not event.atomic and not event.wrote:
            for command in event.commands:
                if isinstance(command, Transfer):
                    hidden[command.to] = self.serial.accounts[command.to]
                    stand_in = model.Account(self.serial.policy, command.to)
                    stand_in.status = hidden[command.to].status
                    self.serial.accounts[command.to] = stand_in
        return hidden

    def _change(self, change: Changed) -> None:
        before = self.serial.change_status(change.account, change.after, change.at)
        account = self.serial.accounts[change.account]
        assert before == change.before, change
        assert account.last_sequence == change.sequence, change
        self.counts[f"{change.before} to {change.after}"] += 1

    def _look(self, account: UUID) -> None:
        """Compare what was read while the account stood as it does now."""
        sequence = self.serial.accounts[account].last_sequence
        waiting = []
        for look in self.looks[account]:
            assert sequence <= look.latest, (look, "never was the balance")
            if self.serial.as_of(account, look.as_of) == look.numbers:
                self.counts["looks"] += 1
            else:
                waiting.append(look)
        self.looks[account] = waiting

    def _check_replay(self, command: Command, outcome: Outcome) -> None:
        place = _place(command)
        first_command, first = self.firsts[place]
        assert _said(command) == _said(first_command), place
        assert outcome.code == first.code, place
        assert outcome.sequence == first.sequence, place
        assert outcome.entry == first.entry, place
        assert outcome.details == first.details, place

    def _check_reuse(self, command: Command, outcome: Outcome) -> None:
        place = _place(command)
        first_command, first = self.firsts[place]
        assert _said(command) != _said(first_command), place
        assert first.sequence <= outcome.sequence, place

    def _compare_rows(self, account: UUID) -> None:
        ours, entries = self.serial.accounts[account], self.rows.entries[account]
        for found, wanted in zip(entries, ours.entries, strict=False):
            assert {n: found[n] for n in _ENTRY} == {
                n: wanted.get(n) for n in _ENTRY
            }, account
            assert json.loads(found["metadata"]) == wanted["metadata"], account
        extra = [(e["sequence"], e["type"]) for e in entries[len(ours.entries) :]]
        assert not extra, (account, "nobody asked for", extra[:LARGEST_SHOWN])
        missing = [(e["sequence"], e["type"]) for e in ours.entries[len(entries) :]]
        assert not missing, (account, "is missing", missing[:LARGEST_SHOWN])
        lots = sorted(ours.lots, key=lambda lot: (lot.sequence, lot.n))
        expected = [tuple(getattr(lot, name) for name in LOT) for lot in lots]
        assert self.rows.lots[account] == expected, account
        holds = ours.typed("reserve")
        open_ones = [hold["sequence"] for hold in ours.open_holds]
        assert self.rows.holds[account] == [
            (h["sequence"], h["amount"], h["expires_at"], h["sequence"] in open_ones)
            for h in holds
        ], account
        assert self.rows.status[account] == ours.status, account


LOT = "sequence n root credited available_at expires_at remaining state lapsed".split()
_ENTRY = (
    "sequence type amount available pending reserved balance pending_after "
    "reserved_after lifetime_after effective_at relates_to transfer other_account "
    "other_sequence"
).split()
_DETAILED = ("insufficient_points", "exceeds_original", "lot_not_pending")


def _differing(found: Entry, wanted: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return name -> (what was answered, what the model says), where they differ."""
    pairs = {name: (getattr(found, name), wanted.get(name)) for name in _ENTRY}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _said(command: Command) -> list[Any]:
    return model.key_and_fingerprint(command)[1]


def _compare(command: Command, outcome: Outcome, expected: model.Outcome) -> None:
    both = (command, outcome, expected)
    assert outcome.code == expected.code, both
    if outcome.entry is None:
        assert outcome.sequence == expected.sequence, both
        assert expected.entry is None, both
    else:
        assert expected.entry is not None, both
        differing = _differing(outcome.entry, expected.entry)
        assert not differing, (command, differing)
    if outcome.code in _DETAILED:
        assert outcome.details == expected.details, both
