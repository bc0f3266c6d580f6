"""Whether we live, whether we are ready, and the cheapest call there is."""

from __future__ import annotations

from typing import Literal

import msgspec
from django.http import HttpRequest

from punchcard.interfaces.api.dependencies import (
    State,
    ask_dependencies,
    is_ready,
)
from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    operation,
)
from punchcard.interfaces.api.permissions import ANY_KEY, ANYONE
from punchcard.interfaces.api.problems import Problem


class Dependencies(msgspec.Struct, frozen=True, kw_only=True):
    """What we work with."""

    database: State
    migrations: State
    """Whether the tables are those of this version."""
    broker: State
    """What background work goes through; no answer needs it."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That all is well."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """That it can answer, dependency by dependency."""

    dependencies: Dependencies
    status: Literal["ok", "degraded"] = "ok"
    """`degraded`: something is down that no answer needs."""


class Live(Endpoint):
    """`/health/live`."""

    @operation(
        Operation(
            id="healthLive",
            summary="Does the process live?",
            description="Looks at nothing else: a slow database is no reason to die.",
            tag="health",
            scope=ANYONE,
            limited=False,
            answers={200: Health},
        )
    )
    def get(self, _request: HttpRequest) -> Answer:
        """Answer; looks at nothing else."""
        return Answer(body=Health())


class Ready(Endpoint):
    """`/health/ready`."""

    @operation(
        Operation(
            id="healthReady",
            summary="Can it do its work?",
            description=(
                "Asks the dependencies; 503 says which is down. Without the broker all "
                "calls are answered and background work waits: 200, `degraded`."
            ),
            tag="health",
            scope=ANYONE,
            limited=False,
            answers={200: Readiness},
            refusals=("not_ready",),
        )
    )
    def get(self, _request: HttpRequest) -> Answer:
        """Ask the dependencies."""
        asked = ask_dependencies()
        if not is_ready(asked):
            raise Problem("not_ready", details={"dependencies": asked})
        return Answer(
            body=Readiness(
                dependencies=Dependencies(**asked),
                status="degraded" if "down" in asked.values() else "ok",
            )
        )


class Ping(Endpoint):
    """`/v1/ping`."""

    @operation(
        Operation(
            id="ping",
            summary="Is the key good?",
            description="Any key will do; nothing is read but the key.",
            tag="health",
            scope=ANY_KEY,
            answers={204: None},
        )
    )
    def get(self, _call: Call[NoBody, NoQuery]) -> Answer:
        """Answer nothing: what is left is the price of a call."""
        return Answer(status=204)
