"""Writes of earning: decisions, what is taken back of them, and what is counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import LiteralString, TypeAlias
from uuid import UUID

import msgspec

from punchcard.kernel import sql
from punchcard.kernel.transactions import require_transaction

from .decisions import Award, Inputs, Reason, Use, Verdict
from .purchases import Counter, Used

_FILES = Path(__file__).parent / "sql"
_KEEP = sql.numbered(sql.load(_FILES / "keep.sql"))
_TAKE = sql.numbered(sql.load(_FILES / "take.sql"))
_COUNT = sql.numbered(sql.load(_FILES / "count.sql"))
_MAKE_BUDGETS: LiteralString = """
    INSERT INTO earning_counter (program_id, rule, per, points, times, counted)
    SELECT %(program)s, rule, 'budget', 0, 0, 0 FROM unnest(%(rules)s) AS said (rule)
    ORDER BY rule
    ON CONFLICT (member_id, program_id, rule, per, starts_at) DO NOTHING
"""
# One branch for each kind of counter, and each is one look-up in the index: with IS NOT
# DISTINCT FROM every counter of the program would be looked at.
_LOCK: LiteralString = """
    SELECT c.member_id, c.rule, c.per, c.starts_at, c.points, c.times, c.counted,
        c.last_at
    FROM earning_counter c WHERE c.id = ANY(ARRAY(
    SELECT found.id FROM unnest(%(members)s, %(rules)s, %(pers)s, %(starts)s)
        AS asked (member, rule, per, starts_at)
    CROSS JOIN LATERAL (
        SELECT id FROM earning_counter
        WHERE member_id = asked.member AND program_id = %(program)s
            AND rule = asked.rule AND per = asked.per AND starts_at = asked.starts_at
        UNION ALL
        SELECT id FROM earning_counter
        WHERE member_id = asked.member AND program_id = %(program)s
            AND rule = asked.rule AND per = asked.per AND starts_at IS NULL
            AND asked.starts_at IS NULL
        UNION ALL
        SELECT id FROM earning_counter
        WHERE member_id IS NULL AND program_id = %(program)s
            AND rule = asked.rule AND per = asked.per AND starts_at IS NULL
            AND asked.member IS NULL
    ) AS found))
    ORDER BY c.member_id NULLS LAST, c.rule, c.per, c.starts_at
    FOR NO KEY UPDATE OF c
"""

CounterKey: TypeAlias = tuple[UUID | None, Counter]
"""Whose, None of all members together; and which."""


class NewAward(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An award, and the ledger's entry of it, or why there is none."""

    award: Award
    account: UUID | None = None
    sequence: int | None = None
    refusal: str | None = None


class NewDecision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an order or an activity earned."""

    id: UUID
    member: UUID
    order: UUID | None = None
    activity: UUID | None = None
    payment: int = 1
    version: int | None
    occurred_at: datetime
    awards: tuple[NewAward, ...]
    looked_at: tuple[Verdict, ...]
    uses: tuple[Use, ...]
    inputs: Inputs | None = None


class NewTaking(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken back of an award."""

    decision: UUID
    n: int
    """Of the award."""
    in_all: int
    """With what was taken before."""
    points: int
    reason: Reason
    returned: UUID | None = None
    account: UUID | None = None
    sequence: int | None = None
    """The entry that reverses it, if there was one to reverse."""


def keep_decisions(
    *, program: UUID, decisions: Sequence[NewDecision], now: datetime
) -> None:
    """Write decisions with their awards; one statement.

    Raises:
        TransactionError: no transaction is open.
        UniqueViolation: (psycopg's) a payment or an activity was decided already.
    """
    require_transaction()
    if not decisions:
        return
    awards = [
        (one.id, n, new) for one in decisions for n, new in enumerate(one.awards, 1)
    ]
    sql.run_numbered(
        _KEEP,
        {
            "program": program,
            "now": now,
            "d_id": sql.Uuids([one.id for one in decisions]),
            "d_member": sql.Uuids([one.member for one in decisions]),
            "d_order": sql.Uuids([one.order for one in decisions]),
            "d_activity": sql.Uuids([one.activity for one in decisions]),
            "d_payment": sql.Int8s([one.payment for one in decisions]),
            "d_version": sql.Int8s([one.version for one in decisions]),
            "d_occurred_at": sql.Instants([one.occurred_at for one in decisions]),
            "d_points": sql.Int8s(
                [sum(new.award.points for new in one.awards) for one in decisions]
            ),
            "d_looked_at": sql.Jsons([one.looked_at for one in decisions]),
            "d_uses": sql.Jsons([one.uses for one in decisions]),
            "d_inputs": sql.Jsons([one.inputs for one in decisions]),
            "a_decision": sql.Uuids([decision for decision, _, _ in awards]),
            "a_n": sql.Int8s([n for _, n, _ in awards]),
            "a_rule": sql.Texts([new.award.rule for _, _, new in awards]),
            "a_points": sql.Int8s([new.award.points for _, _, new in awards]),
            "a_detail": sql.Jsons([new.award for _, _, new in awards]),
            "a_account": sql.Uuids([new.account for _, _, new in awards]),
            "a_sequence": sql.Int8s([new.sequence for _, _, new in awards]),
            "a_refusal": sql.Texts([new.refusal for _, _, new in awards]),
        },
    )


def take_awards(
    *,
    takings: Sequence[NewTaking],
    uses: Mapping[UUID, tuple[Use, ...]],
    now: datetime,
) -> None:
    """Write what is taken back, and what decisions still count; one statement.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    if not takings and not uses:
        return
    sql.run_numbered(
        _TAKE,
        {
            "now": now,
            "t_decision": sql.Uuids([one.decision for one in takings]),
            "t_n": sql.Int8s([one.n for one in takings]),
            "t_in_all": sql.Int8s([one.in_all for one in takings]),
            "t_points": sql.Int8s([one.points for one in takings]),
            "t_reason": sql.Texts([one.reason for one in takings]),
            "t_returned": sql.Uuids([one.returned for one in takings]),
            "t_account": sql.Uuids([one.account for one in takings]),
            "t_sequence": sql.Int8s([one.sequence for one in takings]),
            "d_id": sql.Uuids(list(uses)),
            "d_uses": sql.Jsons(list(uses.values())),
        },
    )


def lock_counters(
    *, program: UUID, wanted: Collection[CounterKey]
) -> dict[CounterKey, Used]:
    """Return what counters have counted, and keep others from counting on.

    Two statements at most. A member's counters are locked where there are any: who
    counts for a member has locked the member.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    if not wanted:
        return {}
    cursor = sql.cursor()
    budgets = sorted({one.rule for _, one in wanted if one.per == "budget"})
    if budgets:
        # Made before it is locked: of two who are the first, one waits for the other.
        cursor.execute(
            _MAKE_BUDGETS,
            {"program": program, "rules": sql.Texts(budgets)},
            prepare=True,
        )
    keys = {
        (member, one.rule, one.per, one.starts_at): (member, one)
        for member, one in wanted
    }
    cursor.execute(
        _LOCK,
        {
            "program": program,
            "members": sql.Uuids([key[0] for key in keys]),
            "rules": sql.Texts([key[1] for key in keys]),
            "pers": sql.Texts([key[2] for key in keys]),
            "starts": sql.Instants([key[3] for key in keys]),
        },
        prepare=True,
    )
    found = {
        keys[row[0], row[1], row[2], row[3]]: Used(
            points=row[4], times=row[5], counted=row[6], last_at=row[7]
        )
        for row in cursor
    }
    return {key: found.get(key, Used()) for key in wanted}


def write_counters(*, program: UUID, counters: Mapping[CounterKey, Used]) -> None:
    """Write what counters, which were locked, have counted now; one statement.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    if not counters:
        return
    keys, values = list(counters), list(counters.values())
    sql.run_numbered(
        _COUNT,
        {
            "program": program,
            "rules": sql.Texts([one.rule for _, one in keys]),
            "pers": sql.Texts([one.per for _, one in keys]),
            "members": sql.Uuids([member for member, _ in keys]),
            "starts": sql.Instants([one.starts_at for _, one in keys]),
            "points": sql.Int8s([used.points for used in values]),
            "times": sql.Int8s([used.times for used in values]),
            "counted": sql.Int8s([used.counted for used in values]),
            "lasts": sql.Instants([used.last_at for used in values]),
        },
    )


def forget_inputs(*, program: UUID, member: UUID) -> int:
    """Forget what decisions know of a member beside orders; return of how many.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    cursor = sql.cursor()
    cursor.execute(
        "UPDATE earning_decision SET inputs = 'null' WHERE program_id = %(program)s"
        " AND member_id = %(member)s AND inputs <> 'null'",
        {"program": program, "member": member},
    )
    return cursor.rowcount
