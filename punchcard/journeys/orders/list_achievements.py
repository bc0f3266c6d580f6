"""List how far a member is towards what the rules in force give for achievements."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from punchcard.earning.achieving import (
    Progress,
    achievement_counter,
    achievements_of,
    is_open,
    progress_of,
)
from punchcard.earning.documents import Achieve, Rule
from punchcard.earning.purchases import Counter
from punchcard.earning.queries import read_counters
from punchcard.journeys.configuration.in_force import in_force
from punchcard.programs.queries import get_program


class Achievement(msgspec.Struct, frozen=True, kw_only=True):
    """How far a member is within the period that contains the instant asked for."""

    rule: Rule
    earn: Achieve
    counter: Counter
    progress: Progress
    is_open: bool
    """Whether what happens at that instant may count: by rule, campaign and dates."""


class Achievements(msgspec.Struct, frozen=True, kw_only=True):
    """Those of a version of the configuration; None: there was none, and no rule."""

    version: int | None
    found: tuple[Achievement, ...]


def list_achievements(*, program: UUID, member: UUID, at: datetime) -> Achievements:
    """Return a member's achievements by the rules in force, in the order of these.

    Four statements at most; nothing is written.

    Raises:
        ProgramNotFound: there is no such program.
    """
    zone = ZoneInfo(get_program(program=program).time_zone)
    force = in_force(program=program, instants=[at])[at]
    ruleset = force.document.earning
    asked = [
        (
            rule,
            earn,
            achievement_counter(rule=rule.id, earn=earn, at=at, zone=zone),
        )
        for rule, earn in achievements_of(ruleset)
    ]
    used = read_counters(
        program=program, member=member, counters=[counter for _, _, counter in asked]
    )
    found = tuple(
        Achievement(
            rule=rule,
            earn=earn,
            counter=counter,
            progress=progress_of(earn=earn, used=used[counter]),
            is_open=is_open(rule=rule, ruleset=ruleset, at=at, zone=zone),
        )
        for rule, earn, counter in asked
    )
    return Achievements(version=force.version, found=found)
