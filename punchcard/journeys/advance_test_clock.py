"""Advance a test program's clock, and settle everything that falls due by it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from punchcard.kernel.transactions import transaction
from punchcard.programs.operations import advance_clock

from .settle_due_points import settle_or_freeze


class Advanced(msgspec.Struct, frozen=True, kw_only=True):
    """Where the clock stands, and how many accounts had something fall due."""

    clock_at: datetime
    settled: int


def advance_test_clock(*, program: UUID, to: datetime) -> Advanced:
    """Set the clock forward and write what fell due.

    The clock first: if the rest is cut short, commands settle their own accounts, and
    advancing to the same instant again settles what is left.

    Raises:
        ProgramNotFound: there is no such program.
        ClockNotInTest: it is a live program.
        ProgramMalformed: absurdly far ahead.
        ClockBackwards: the program's clock is past this instant.
    """
    with transaction():
        advance_clock(program=program, to=to)
    swept = settle_or_freeze(now=to, program=program)
    return Advanced(clock_at=to, settled=swept.settled)
