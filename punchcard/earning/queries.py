"""Reads of earning: frozen structs out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from punchcard.kernel import sql

from .decisions import Award, Inputs, Reason, Use, Verdict
from .purchases import Counter, Used

_DECISIONS: LiteralString = """
    SELECT id, program_id, member_id, order_id, activity_id, payment, version,
        occurred_at, decided_at, points, looked_at::text, uses::text, inputs::text
    FROM earning_decision WHERE program_id = %(program)s
"""
_AWARDS: LiteralString = """
    SELECT decision_id, n, detail::text, account_id, sequence, refusal, taken
    FROM earning_award WHERE decision_id = ANY(%(decisions)s) ORDER BY decision_id, n
"""
_TAKINGS: LiteralString = """
    SELECT t.decision_id, t.n, a.rule, a.detail->>'of', t.points, t.in_all, t.reason,
        t.returned_id, t.account_id, t.sequence, t.taken_at
    FROM earning_taking t
    JOIN earning_award a ON a.decision_id = t.decision_id AND a.n = t.n
"""
_read_award = msgspec.json.Decoder(Award).decode
_read_verdicts = msgspec.json.Decoder(tuple[Verdict, ...]).decode
_read_uses = msgspec.json.Decoder(tuple[Use, ...]).decode
_read_inputs = msgspec.json.Decoder(Inputs | None).decode


class AwardView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one rule granted, where it stands in the ledger, what was taken back."""

    n: int
    award: Award
    account: UUID | None = None
    sequence: int | None = None
    refusal: str | None = None
    """Why the ledger has no entry of it."""
    taken: int = 0


class DecisionView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an order or an activity earned when it was judged."""

    id: UUID
    program: UUID
    member: UUID
    order: UUID | None
    activity: UUID | None
    payment: int
    version: int | None
    """Of the configuration in force; None: there was none."""
    occurred_at: datetime
    decided_at: datetime
    points: int
    looked_at: tuple[Verdict, ...]
    uses: tuple[Use, ...]
    inputs: Inputs | None
    awards: tuple[AwardView, ...]


class TakingView(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken back of an award, at once."""

    decision: UUID
    n: int
    rule: str
    of: str | None
    points: int
    in_all: int
    reason: Reason
    returned: UUID | None
    account: UUID | None
    sequence: int | None
    """The entry that reversed it, with others; None: there was none to reverse."""
    taken_at: datetime


def find_decisions(
    *, program: UUID, orders: Sequence[UUID]
) -> dict[UUID, tuple[DecisionView, ...]]:
    """Return orders' decisions, one a payment, oldest first; two statements."""
    if not orders:
        return {}
    found: defaultdict[UUID, list[DecisionView]] = defaultdict(list)
    condition: LiteralString = "AND order_id = ANY(%(orders)s) ORDER BY payment"
    for one in _decisions(condition, program, orders=sql.Uuids(orders)):
        if one.order is not None:
            found[one.order].append(one)
    return {order: tuple(of) for order, of in found.items()}


def find_activity_decisions(
    *, program: UUID, activities: Sequence[UUID]
) -> dict[UUID, DecisionView]:
    """Return the decisions of activities; two statements."""
    if not activities:
        return {}
    condition: LiteralString = "AND activity_id = ANY(%(activities)s)"
    found = _decisions(condition, program, activities=sql.Uuids(activities))
    return {one.activity: one for one in found if one.activity is not None}


def get_decisions(
    *, program: UUID, decisions: Collection[UUID]
) -> dict[UUID, DecisionView]:
    """Return decisions by their ids; two statements."""
    if not decisions:
        return {}
    condition: LiteralString = "AND id = ANY(%(ids)s)"
    found = _decisions(condition, program, ids=sql.Uuids(list(decisions)))
    return {one.id: one for one in found}


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """An award of a member's, of which there is something left to take back."""

    decision: UUID
    n: int
    points: int
    taken: int
    account: UUID | None
    sequence: int | None


def find_grants(
    *, program: UUID, wanted: Collection[tuple[UUID, Counter]]
) -> dict[tuple[UUID, Counter], list[Grant]]:
    """Return what members' counters of achievements granted, the latest first.

    One statement. Of the period of the counter, and what is not taken back wholly.
    """
    if not wanted:
        return {}
    asked = list(wanted)
    cursor = sql.cursor()
    cursor.execute(
        """
        SELECT w.place, d.id, a.n, a.points, a.taken, a.account_id, a.sequence
        FROM unnest(%(members)s, %(rules)s, %(starts)s, %(ends)s)
            WITH ORDINALITY AS w (member, rule, starts_at, ends_at, place)
        JOIN earning_decision d ON d.member_id = w.member
            AND d.program_id = %(program)s
            AND d.occurred_at >= coalesce(w.starts_at, '-infinity')
            AND d.occurred_at < coalesce(w.ends_at, 'infinity')
        JOIN earning_award a ON a.decision_id = d.id AND a.rule = w.rule
            AND a.taken < a.points AND a.detail->>'kind' = 'achieve'
        ORDER BY w.place, d.occurred_at DESC, d.id DESC, a.n
        """,
        {
            "program": program,
            "members": sql.Uuids([member for member, _ in asked]),
            "rules": sql.Texts([counter.rule for _, counter in asked]),
            "starts": sql.Instants([counter.starts_at for _, counter in asked]),
            "ends": sql.Instants([counter.ends_at for _, counter in asked]),
        },
        prepare=True,
    )
    found: dict[tuple[UUID, Counter], list[Grant]] = {key: [] for key in asked}
    for place, decision, n, points, taken, account, sequence in cursor:
        grant = Grant(
            decision=decision,
            n=n,
            points=points,
            taken=taken,
            account=account,
            sequence=sequence,
        )
        found[asked[place - 1]].append(grant)
    return found


def read_counters(
    *, program: UUID, member: UUID, counters: Collection[Counter]
) -> dict[Counter, Used]:
    """Return what a member's counters have counted so far; one statement."""
    if not counters:
        return {}
    cursor = sql.cursor()
    cursor.execute(
        "SELECT rule, per, starts_at, points, times, counted, last_at"
        " FROM earning_counter WHERE member_id = %(member)s"
        " AND program_id = %(program)s AND rule = ANY(%(rules)s)",
        {
            "program": program,
            "member": member,
            "rules": sql.Texts(sorted({one.rule for one in counters})),
        },
        prepare=True,
    )
    kept = {
        (rule, per, starts_at): Used(
            points=points, times=times, counted=counted, last_at=last_at
        )
        for rule, per, starts_at, points, times, counted, last_at in cursor
    }
    return {
        one: kept.get((one.rule, one.per, one.starts_at), Used()) for one in counters
    }


def find_takings(*, returns: Sequence[UUID]) -> dict[UUID, tuple[TakingView, ...]]:
    """Return what returns took back; one statement."""
    if not returns:
        return {}
    found: defaultdict[UUID, list[TakingView]] = defaultdict(list)
    condition: LiteralString = (
        "WHERE t.returned_id = ANY(%(returns)s) ORDER BY t.decision_id, t.n, t.in_all"
    )
    for one in _takings(condition, returns=sql.Uuids(returns)):
        if one.returned is not None:
            found[one.returned].append(one)
    return {returned: tuple(of) for returned, of in found.items()}


def list_takings(*, decisions: Sequence[UUID]) -> list[TakingView]:
    """Return all that was taken back of decisions, as it came; one statement."""
    condition: LiteralString = (
        "WHERE t.decision_id = ANY(%(decisions)s)"
        " ORDER BY t.taken_at, t.decision_id, t.n, t.in_all"
    )
    return _takings(condition, decisions=sql.Uuids(decisions))


def _decisions(
    condition: LiteralString, program: UUID, **asked: object
) -> list[DecisionView]:
    with sql.one_moment() as cursor:
        cursor.execute(
            _DECISIONS + condition, {"program": program, **asked}, prepare=True
        )
        rows = cursor.fetchall()
        if not rows:
            return []
        ids = {"decisions": sql.Uuids([row[0] for row in rows])}
        cursor.execute(_AWARDS, ids, prepare=True)
        awards: defaultdict[UUID, list[AwardView]] = defaultdict(list)
        for decision, n, detail, account, sequence, refusal, taken in cursor:
            awards[decision].append(
                AwardView(
                    n=n,
                    award=_read_award(detail),
                    account=account,
                    sequence=sequence,
                    refusal=refusal,
                    taken=taken,
                )
            )
    names = DecisionView.__struct_fields__[:10]
    return [
        DecisionView(
            **dict(zip(names, row[:10], strict=True)),
            looked_at=_read_verdicts(row[10]),
            uses=_read_uses(row[11]),
            inputs=_read_inputs(row[12]),
            awards=tuple(awards[row[0]]),
        )
        for row in rows
    ]


def _takings(condition: LiteralString, **asked: object) -> list[TakingView]:
    cursor = sql.cursor()
    cursor.execute(_TAKINGS + condition, asked, prepare=True)
    names = TakingView.__struct_fields__
    return [TakingView(**dict(zip(names, row, strict=True))) for row in cursor]
