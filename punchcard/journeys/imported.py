"""What became of a batch of rows that are imported as commands."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from punchcard.ledger.outcomes import Outcome


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch."""

    outcomes: list[Outcome | None]
    """One for each row; None for one that moves no points."""
    members_created: int


def join_imported(parts: Sequence[Imported]) -> Imported:
    """Return what became of the parts of a batch, in their order."""
    return Imported(
        outcomes=[outcome for part in parts for outcome in part.outcomes],
        members_created=sum(part.members_created for part in parts),
    )
