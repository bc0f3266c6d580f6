"""Record what members did beside buying, and grant what it earns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from punchcard.earning.queries import find_activity_decisions
from punchcard.journeys.configuration.document import ActivityType, FactKind
from punchcard.journeys.configuration.in_force import InForce, in_force
from punchcard.kernel.audit import Author
from punchcard.members.queries import lock_members
from punchcard.orders import operations
from punchcard.orders.operations import NewActivity
from punchcard.programs.queries import ProgramView, get_program

from .answers import ActivityAnswer
from .auditing import audit, changes_of_activities
from .awarding import Judged, award
from .batches import in_utc, run_batch
from .errors import (
    ActivityFactsMalformed,
    ActivityTypeUnknown,
    JourneyRefused,
    MemberGone,
    MemberUnknown,
    Unexpected,
)

_KINDS: dict[FactKind, tuple[type, str]] = {
    "text": (str, "a text"),
    "int": (int, "a whole number"),
    "bool": (bool, "true or false"),
}


def record_activities(
    *,
    program: UUID,
    activities: Sequence[NewActivity],
    now: datetime,
    author: Author | None = None,
    dry_run: bool = False,
    rules_at: datetime | None = None,
) -> list[ActivityAnswer]:
    """Record activities, and grant what they earn: one transaction.

    As `record_orders` does it: each judged by the rules in force when it happened, one
    that is known answered as it stands, a dry run done and undone.

    Raises:
        TransactionError: a transaction is open already.
        ProgramNotFound: there is no such program.
        OperationalError: (Django's or psycopg's) the database cannot be reached; tell
            the same again to know, and to have it once.
    """

    def work(some: Sequence[NewActivity]) -> list[ActivityAnswer]:
        return _record(get_program(program=program), some, now, author)

    if dry_run and rules_at is not None:
        activities = [replace(one, occurred_at=rules_at) for one in activities]
        now = max(now, rules_at)
    return run_batch(
        in_utc(activities),
        work,
        lambda _: ActivityAnswer(refusal=Unexpected()),
        dry_run=dry_run,
    )


def _record(
    program: ProgramView,
    activities: Sequence[NewActivity],
    now: datetime,
    author: Author | None,
) -> list[ActivityAnswer]:
    forces = in_force(
        program=program.id, instants={one.occurred_at for one in activities}
    )
    # Locked before anything is written: what is said of somebody is either there when
    # they are erased, and forgotten, or refused after.
    known = lock_members(
        program=program.id, members=sorted({one.member for one in activities})
    )
    refusals: dict[int, JourneyRefused] = {}
    for place, one in enumerate(activities):
        refusal = refusal_of(one, forces[one.occurred_at])
        if one.member not in known:
            refusals[place] = MemberUnknown()
        elif known[one.member].erased_at is not None:
            refusals[place] = MemberGone()
        elif refusal is not None:
            refusals[place] = refusal
    told = [one for place, one in enumerate(activities) if place not in refusals]
    recorded = operations.record_activities(
        program=program.id, activities=told, now=now
    )
    judged = [
        Judged(subject=one.activity, force=forces[one.activity.occurred_at])
        for one in recorded
        if one.created and one.activity is not None
    ]
    kept = award(program=program, judged=judged, author=author, now=now)
    standing = [
        one.activity.id
        for one in recorded
        if one.activity is not None and not one.created
    ]
    decisions = find_activity_decisions(program=program.id, activities=standing)
    answers = iter(
        ActivityAnswer(refusal=one.refusal)
        if one.activity is None
        else ActivityAnswer(
            activity=one.activity,
            created=one.created,
            decision=(
                kept[one.activity.id].decision
                if one.activity.id in kept
                else decisions.get(one.activity.id)
            ),
            entries=kept[one.activity.id].entries if one.activity.id in kept else (),
        )
        for one in recorded
    )
    found = [
        ActivityAnswer(refusal=refusals[place]) if place in refusals else next(answers)
        for place in range(len(activities))
    ]
    audit(author, changes_of_activities(found), now)
    return found


def refusal_of(activity: NewActivity, force: InForce) -> JourneyRefused | None:
    """Return why an activity is none that the configuration in force knows."""
    types = force.document.activities
    if not types:
        return None
    if activity.type not in types:
        return ActivityTypeUnknown(sorted(types))
    return _fault_of_facts(activity, types[activity.type])


def _fault_of_facts(
    activity: NewActivity, known: ActivityType
) -> ActivityFactsMalformed | None:
    for name in known.required:
        if name not in activity.facts:
            return ActivityFactsMalformed(f"facts/{name}", "is required")
    for name, value in activity.facts.items():
        kind = known.facts.get(name)
        if kind is None:
            return ActivityFactsMalformed(f"facts/{name}", "is no fact of this type")
        type_, words = _KINDS[kind]
        # In Python, true is a whole number.
        if not isinstance(value, type_) or (isinstance(value, bool) and kind != "bool"):
            return ActivityFactsMalformed(f"facts/{name}", f"must be {words}")
    return None
