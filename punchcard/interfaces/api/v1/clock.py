"""The clock of a test program: forward, and everything due by then happens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoQuery,
    Operation,
    operation,
)
from punchcard.journeys.advance_test_clock import advance_test_clock
from punchcard.programs.errors import ClockNotInTest

from .bodies import Instant


class ClockBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the clock is to stand."""

    to: Annotated[
        Instant, Meta(description="Not before where it stands; at most in 100 years.")
    ]


class ClockAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where the clock stands now, and stays."""

    clock_at: datetime
    settled: Annotated[int, Meta(description="Accounts in which something fell due.")]


class AdvanceClock(Endpoint):
    """`POST /v1/test/clock/advance`."""

    @operation(
        Operation(
            id="advanceClock",
            summary="Advance the test clock",
            description=(
                "Only in a test program; a live one answers as if there were nothing "
                "here. Advancing to where it stands is no change."
            ),
            tag="test",
            scope="clock:write",
            body=ClockBody,
            answers={200: ClockAnswer},
            refusals=("clock_not_in_test", "clock_backwards"),
            key="optional",
            one_transaction=False,
        )
    )
    def post(self, call: Call[ClockBody, NoQuery]) -> Answer:
        """Advance the test clock."""
        if not call.program.is_test:
            raise ClockNotInTest
        advanced = advance_test_clock(program=call.program.id, to=call.body.to)
        return Answer(
            body=ClockAnswer(clock_at=advanced.clock_at, settled=advanced.settled)
        )
