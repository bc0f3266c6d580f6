"""`GET /metrics` for Prometheus: what was counted, what was read, what waits.

It stands on the API's own address behind a token of its own, and without the setting
there is nothing at it: numbers of all programs together are nobody's who has a key.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from punchcard.journeys.take_readings import (
    OUTSTANDING,
    VERIFIED,
    VERIFIED_RECENT,
)
from punchcard.kernel import clock
from punchcard.kernel.metrics import REGISTRY
from punchcard.kernel.outbox import WAITING_MOST, look_at_announced
from punchcard.kernel.readings import Reading, list_readings
from punchcard.ledger.events import look_at_outbox
from punchcard.programs.queries import name_wallets

from .broker import look_at_queues
from .dependencies import BROKEN
from .problems import REALM, Problem, answer_error

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own word; see Note [Counted by several processes]."""

_SCOPES = {VERIFIED: "whole", VERIFIED_RECENT: "recent"}


def metrics(request: HttpRequest) -> HttpResponse:
    """Tell all numbers, to who has the token."""
    try:
        _require_token(request)
    except Problem as problem:
        return answer_error(request, problem)
    registry = REGISTRY
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    text = generate_latest(registry) + generate_latest(_readings_registry())
    response = HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response


def forget_dead_processes(folder: Path) -> None:
    """Remove what processes counted that are no more; before anything is counted."""
    for path in folder.glob("*_*.db"):
        process = path.stem.rpartition("_")[2]
        if process.isdigit() and not Path("/proc", process).exists():
            path.unlink(missing_ok=True)


def _require_token(request: HttpRequest) -> None:
    if settings.METRICS_TOKEN is None:
        raise Problem("not_found")
    shown = request.META.get("HTTP_AUTHORIZATION", "").encode()
    if not hmac.compare_digest(shown, f"Bearer {settings.METRICS_TOKEN}".encode()):
        raise Problem("unauthenticated", headers={"WWW-Authenticate": REALM})


def _readings_registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Readings())
    registry.register(_Queues())
    return registry


class _Readings(Collector):
    """What the database knows; that it is down is a number too."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("punchcard_database_up", "1 where it answers.")
        try:
            readings = list_readings()
            found = [*_verdict(readings), *_outstanding(readings), *_waiting()]
        except BROKEN:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from found


def _verdict(readings: list[Reading]) -> Iterator[Metric]:
    breaches = GaugeMetricFamily(
        "punchcard_verify_breaches",
        "What the last look at the ledger found broken: at all of it, or at what was"
        " written lately.",
        labels=["scope"],
    )
    when = GaugeMetricFamily(
        "punchcard_verify_timestamp_seconds", "When that was.", labels=["scope"]
    )
    for reading in readings:
        if reading.name in _SCOPES and reading.subject == "breaches":
            breaches.add_metric([_SCOPES[reading.name]], reading.value)
            when.add_metric([_SCOPES[reading.name]], reading.read_at.timestamp())
    yield breaches
    yield when


def _waiting() -> Iterator[Metric]:
    """Tell of both outboxes together: one relay takes from both."""
    posted, announced = look_at_outbox(), look_at_announced()
    yield GaugeMetricFamily(
        "punchcard_outbox_rows",
        f"What the event log does not have yet; {WAITING_MOST} stands for more.",
        value=min(posted.rows + announced.rows, WAITING_MOST),
    )
    yield GaugeMetricFamily(
        "punchcard_outbox_seconds",
        "How long its oldest row has waited.",
        value=max(_age(posted.oldest), _age(announced.oldest)),
    )


def _age(of: datetime | None) -> float:
    """Return how long ago that was; 0 for nothing, and where clocks differ."""
    return 0.0 if of is None else max((clock.read() - of).total_seconds(), 0.0)


class _Queues(Collector):
    """What the broker knows; that it is down is a number too."""

    def collect(self) -> Iterator[Metric]:
        found = look_at_queues()
        yield GaugeMetricFamily(
            "punchcard_broker_up", "1 where it answers.", value=found is not None
        )
        if found is None:
            return
        tasks = GaugeMetricFamily(
            "punchcard_queue_tasks", "Tasks that wait for a worker.", labels=["queue"]
        )
        seconds = GaugeMetricFamily(
            "punchcard_queue_seconds",
            "How long the oldest of them has waited.",
            labels=["queue"],
        )
        for queue in found.queues:
            tasks.add_metric([queue.name], queue.tasks)
            seconds.add_metric([queue.name], _age(queue.oldest))
        yield tasks
        yield seconds
        yield GaugeMetricFamily(
            "punchcard_tasks_taken",
            "Tasks that a worker has taken and not ended.",
            value=found.taken,
        )


def _outstanding(readings: list[Reading]) -> Iterator[Metric]:
    points = GaugeMetricFamily(
        "punchcard_points_outstanding",
        "Minor units that members hold, or owe.",
        labels=["program", "wallet", "state"],
    )
    read = GaugeMetricFamily(
        "punchcard_points_outstanding_timestamp_seconds", "When that was added up."
    )
    found = [reading for reading in readings if reading.name == OUTSTANDING]
    names = {str(wallet): names for wallet, names in name_wallets().items()}
    for reading in found:
        wallet, _, state = reading.subject.partition(" ")
        if wallet in names:
            points.add_metric([*names[wallet], state], reading.value)
    if found:
        read.add_metric([], max(reading.read_at.timestamp() for reading in found))
    yield points
    yield read
