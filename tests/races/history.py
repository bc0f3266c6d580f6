"""What processes asked and were answered, and its replay through the serial model.

Replies carry their order: an applied command its entry's sequence, a refusal the
account's sequence when it was decided. Refusals at one sequence wrote nothing between
them, so that they commute once the first has settled: the one decided at the latest
instant says how far. Hence the order of `_order`, without any search.
"""

from __future__ import annotations

import json
import pickle
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from punchcard.ledger.commands import Command, Settle
from punchcard.ledger.outcomes import NOT_APPLIED, Outcome
from tests import model
from tests.races.load import POLICY

LARGEST_SHOWN = 5


class Asked(msgspec.Struct):
    """One call of `post`, as a process logged it."""

    number: int
    began: float
    now: datetime
    atomic: bool
    commands: list[Command]
    sweep: bool = False


class Answered(msgspec.Struct):
    """What that call answered."""

    number: int
    ended: float
    outcomes: list[Outcome]


class Lost(msgspec.Struct):
    """The connection broke; `committing`: when `post` had answered already."""

    number: int
    committing: bool
    error: str


class Call(msgspec.Struct):
    """A call with its answer (None: nobody learnt it) and what it lost on the way."""

    asked: Asked
    answered: Answered | None = None
    lost: list[Lost] = []
    times: int = 1
    """How often it was asked: again when its connection or its process was lost."""

    @property
    def accounts(self) -> set[UUID]:
        """The accounts that the call touches."""
        return {command.account for command in self.asked.commands}


def read(log: Path) -> list[Call]:
    """Read the calls of one process; a last record cut by a kill does not count."""
    calls: dict[int, Call] = {}
    for record in _records(log):
        if isinstance(record, Asked):
            known = calls.get(record.number)
            if known is None:
                calls[record.number] = Call(asked=record)
            else:
                # Asked again by the process that came after: the same commands.
                assert known.asked.commands == record.commands
                known.asked.now = record.now
                known.times += 1
        elif isinstance(record, Answered):
            calls[record.number].answered = record
        else:
            calls[record.number].lost.append(record)
    return list(calls.values())


def _records(log: Path) -> Iterator[Any]:
    if not log.exists():
        return
    with log.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except (EOFError, pickle.UnpicklingError):
                return


class Decided(msgspec.Struct):
    """One decision on one account: a command, or a refused atomic batch."""

    sequence: int
    rank: int
    at: datetime
    commands: list[Command]
    outcomes: list[Outcome]
    atomic: bool = False


def replay(
    calls: Iterable[Call],
    entries: dict[UUID, list[dict[str, Any]]],
    lots: dict[UUID, list[tuple[Any, ...]]],
    until: datetime,
) -> Counter[str]:
    """Replay every answer through the model, account by account; return the codes.

    `until`: the instant of the last `Settle` of each account, which nobody logged.

    Raises:
        AssertionError: an answer, an entry or a lot is not what the model says.
    """
    by_account: defaultdict[UUID, list[Call]] = defaultdict(list)
    for call in calls:
        if call.answered is not None:
            for account in call.accounts:
                by_account[account].append(call)
    counts: Counter[str] = Counter()
    for account, touching in by_account.items():
        _check_real_time(account, touching)
        counts += _replay_account(
            account, touching, entries.get(account, []), lots.get(account, []), until
        )
    return counts


def the_policy() -> model.Policy:
    """Return the wallet's policy in the model's words."""
    return model.Policy(
        validity=timedelta(seconds=400),
        grace=timedelta(seconds=100),
        debt_policy=POLICY["debt_policy"],
    )


def _replay_account(
    account: UUID,
    calls: Sequence[Call],
    entries: list[dict[str, Any]],
    lots: list[tuple[Any, ...]],
    until: datetime,
) -> Counter[str]:
    decided, again, reused = _sort_out(account, calls, entries)
    serial = model.Model(the_policy())
    serial.open_account(account)
    ours = serial.accounts[account]
    counts: Counter[str] = Counter()
    firsts: dict[str, tuple[Command, Outcome]] = {}
    for step in sorted(decided, key=_order):
        if step.atomic and ours.last_sequence < step.sequence:
            # A sweep came between: it answers nobody, only its entries tell.
            swept_at = entries[step.sequence - 1]["effective_at"]
            serial.post([Settle(account=account)], swept_at)
        told = serial.post(step.commands, step.at, step.atomic)
        for command, outcome, expected in zip(
            step.commands, step.outcomes, told, strict=True
        ):
            _compare(account, command, outcome, expected)
            counts[outcome.code] += 1
            key = model.key_and_fingerprint(command)[0]
            if key is not None and outcome.code != NOT_APPLIED:
                assert key not in firsts, f"{account}: {key} was decided twice"
                firsts[key] = (command, outcome)
    serial.post([Settle(account=account)], until)
    for command, outcome in again:
        _check_replay(account, command, outcome, firsts)
    for command, outcome in reused:
        key, said = model.key_and_fingerprint(command)
        first_command, first = firsts[key]
        assert said != model.key_and_fingerprint(first_command)[1], (account, key)
        assert first.sequence <= outcome.sequence, (account, key)
    counts["replayed"] += len(again)
    counts["key_reused"] += len(reused)
    _compare_rows(account, ours, entries, lots)
    return counts


def _order(step: Decided) -> tuple[int, int, datetime]:
    return (step.sequence, step.rank, step.at)


def _sort_out(
    account: UUID, calls: Sequence[Call], entries: list[dict[str, Any]]
) -> tuple[list[Decided], list[Any], list[Any]]:
    """Part first decisions from replays and from keys used for something else."""
    decided: list[Decided] = []
    again: list[tuple[Command, Outcome]] = []
    reused: list[tuple[Command, Outcome]] = []
    keys: set[str | None] = set()
    for call in calls:
        assert call.answered is not None
        pairs = list(zip(call.asked.commands, call.answered.outcomes, strict=True))
        refused = [o for _, o in pairs if o.code == NOT_APPLIED]
        if refused or (call.asked.atomic and pairs[0][1].code != "applied"):
            decided.append(_refused_batch(call, pairs))
            keys |= {
                model.key_and_fingerprint(c)[0] for c, o in pairs if o not in refused
            }
            continue
        for command, outcome in pairs:
            if command.account != account:
                continue
            if outcome.code == "key_reused":
                reused.append((command, outcome))
            elif outcome.replayed:
                again.append((command, outcome))
            else:
                decided.append(_decision(call, command, outcome, entries))
                keys.add(model.key_and_fingerprint(command)[0])
    # The first answer of a key was lost with its connection: its replay stands for it.
    for command, outcome in list(again):
        key = model.key_and_fingerprint(command)[0]
        if key not in keys:
            keys.add(key)
            again.remove((command, outcome))
            decided.append(_decision(None, command, outcome, entries))
    return decided, again, reused


def _refused_batch(call: Call, pairs: list[tuple[Command, Outcome]]) -> Decided:
    refused = [o for _, o in pairs if o.code != NOT_APPLIED]
    assert len(refused) == 1, call
    assert all(o.sequence == refused[0].sequence for _, o in pairs), call
    return Decided(
        sequence=refused[0].sequence,
        rank=2,
        at=call.asked.now,
        commands=call.asked.commands,
        outcomes=[o for _, o in pairs],
        atomic=True,
    )


def _decision(
    call: Call | None,
    command: Command,
    outcome: Outcome,
    entries: list[dict[str, Any]],
) -> Decided:
    at = outcome.decided_at
    assert at is not None, (command, outcome)
    if call is not None and at != call.asked.now:
        # Held back by what had taken effect already, and by nothing else.
        assert at > call.asked.now, (command, outcome)
        before = {entry["effective_at"] for entry in entries[: outcome.sequence]}
        assert at in before, (command, outcome)
    wrote = outcome.entry is not None
    return Decided(
        sequence=outcome.sequence,
        rank=0 if wrote else 1,
        at=at,
        commands=[command],
        outcomes=[outcome],
    )


_ENTRY = (
    "sequence type amount available pending reserved balance pending_after "
    "reserved_after lifetime_after effective_at relates_to"
).split()


def _compare(
    account: UUID, command: Command, outcome: Outcome, expected: model.Outcome
) -> None:
    where = f"{account} at {outcome.sequence}: {command}"
    assert outcome.code == expected.code, f"{where}\n{outcome}\n{expected}"
    if outcome.entry is None:
        assert outcome.sequence == expected.sequence, f"{where}\n{outcome}\n{expected}"
        assert expected.entry is None, where
    else:
        assert expected.entry is not None, where
        found = {name: getattr(outcome.entry, name) for name in _ENTRY}
        wanted = {name: expected.entry[name] for name in _ENTRY}
        assert found == wanted, where
    if outcome.code == "insufficient_points":
        assert outcome.details == expected.details, where


def _check_replay(
    account: UUID,
    command: Command,
    outcome: Outcome,
    firsts: dict[str, tuple[Command, Outcome]],
) -> None:
    key, said = model.key_and_fingerprint(command)
    first_command, first = firsts[key]
    assert said == model.key_and_fingerprint(first_command)[1], (account, key)
    assert outcome.code == first.code, (account, key)
    assert outcome.sequence == first.sequence, (account, key)
    assert outcome.entry == first.entry, (account, key)
    assert outcome.details == first.details, (account, key)


def _compare_rows(
    account: UUID,
    ours: model.Account,
    entries: list[dict[str, Any]],
    lots: list[tuple[Any, ...]],
) -> None:
    for found, wanted in zip(entries, ours.entries, strict=False):
        assert {n: found[n] for n in _ENTRY} == {n: wanted[n] for n in _ENTRY}, account
        assert json.loads(found["metadata"]) == wanted["metadata"], (account, found)
    extra = [(e["sequence"], e["type"]) for e in entries[len(ours.entries) :]]
    assert not extra, (account, "nobody asked for", extra[:LARGEST_SHOWN])
    missing = [(e["sequence"], e["type"]) for e in ours.entries[len(entries) :]]
    assert not missing, (account, "is missing", missing[:LARGEST_SHOWN])
    expected = [
        (
            lot.sequence,
            lot.n,
            lot.root,
            lot.credited,
            lot.available_at,
            lot.expires_at,
            lot.remaining,
        )
        for lot in sorted(ours.lots, key=lambda lot: (lot.sequence, lot.n))
    ]
    assert lots == expected, account


def _check_real_time(account: UUID, calls: Sequence[Call]) -> None:
    """Check that what ended before another began was decided before it."""
    spans: list[tuple[float, float, int, int]] = []
    for call in calls:
        assert call.answered is not None
        seen = [
            outcome.sequence
            for outcome in call.answered.outcomes
            if outcome.account == account
            and not outcome.replayed
            and outcome.code != NOT_APPLIED
        ]
        if seen and call.times == 1:
            spans.append((call.asked.began, call.answered.ended, min(seen), max(seen)))
    by_end = sorted(spans, key=lambda span: span[1])
    ended, highest = 0, 0
    for began, _, lowest, _ in sorted(spans):
        while ended < len(by_end) and by_end[ended][1] < began:
            highest = max(highest, by_end[ended][3])
            ended += 1
        assert lowest >= highest, (account, lowest, highest)
