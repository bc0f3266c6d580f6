"""Rules that compete: which of those that match are left to grant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from punchcard.earning.documents import Rule, Stacking
from punchcard.earning.rules.basis import Base
from punchcard.earning.rules.capping import Allowed
from punchcard.earning.rules.granting import Asked


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A rule that grants by itself, with all that it and its multipliers ask for."""

    rule: Rule
    base: Base
    chain: list[Asked]
    allowed: Allowed
    """What its own caps leave of what it asks for itself."""

    @property
    def worth(self) -> int:
        """Points that it would bring, caps of multipliers not counted."""
        return self.allowed.points + sum(
            reduced(asked.total, self) for asked in self.chain[1:]
        )


def reduced(points: int, candidate: Candidate) -> int:
    """Return what a multiplier gives on a rule that its caps have cut down."""
    asked = candidate.chain[0].total
    if candidate.allowed.points == asked:
        return points
    return points * candidate.allowed.points // asked


def outdone(
    candidates: Sequence[Candidate], stackings: Mapping[str | None, Stacking]
) -> dict[str, str]:
    """Return the rules that another one of their group leaves out: loser, winner.

    Candidates come in order of priority; of equal ones the first wins.
    """
    if all(stacking == "sum" for stacking in stackings.values()):
        return {}
    winners: dict[str | None, Candidate] = {}
    for candidate in candidates:
        group = candidate.rule.group
        held = winners.setdefault(group, candidate)
        if stackings[group] == "best" and candidate.worth > held.worth:
            winners[group] = candidate
    return {
        candidate.rule.id: winners[candidate.rule.group].rule.id
        for candidate in candidates
        if stackings[candidate.rule.group] != "sum"
        and winners[candidate.rule.group] is not candidate
    }
