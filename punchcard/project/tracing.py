"""What traces say: requests, tasks, and their statements; no more than the log says.

Note [Spans of our own]: the usual instrumentation writes paths, queries and addresses
into its spans, in which members may be named, and sees only the statements that go
through Django. So these are our own: addresses by their pattern, statements without
their parameters, and no text of an error, which may repeat rows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import psycopg
from celery.signals import (
    before_task_publish,
    task_postrun,
    task_prerun,
    worker_process_shutdown,
)
from django.http import HttpRequest, HttpResponse
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from punchcard.interfaces.api.request_ids import request_id
from punchcard.interfaces.api.request_lines import (
    METHODS,
    address_pattern,
    is_asked_all_day,
)
from punchcard.kernel.log_context import note

STATEMENT_MOST = 2_000
"""Characters of a statement that are told."""

_propagator = TraceContextTextMapPropagator()
_begun: list[TracerProvider] = []
_tasks: dict[str, tuple[Span, Any]] = {}
"""Of each task under way its span, and what undoes its being the present one."""


def begin() -> None:
    """Begin, once a process; where to is said by OpenTelemetry's own settings."""
    if _begun:
        return
    provider = TracerProvider(resource=_resource())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _begun.append(provider)
    _trace_statements()
    before_task_publish.connect(_carry)
    task_prerun.connect(_begin_task)
    task_postrun.connect(_end_task)
    worker_process_shutdown.connect(_flush)


def traced(
    answer: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Return what answers a request within a span, the caller's if it has one."""

    @wraps(answer)
    def within(request: HttpRequest) -> HttpResponse:
        if is_asked_all_day(request.path):
            return answer(request)
        caller = {"traceparent": request.META.get("HTTP_TRACEPARENT", "")}
        with _span("request", SpanKind.SERVER, _coming_from(caller)) as span:
            note(trace_id=_trace_id(span))
            response = answer(request)
            method = request.method if request.method in METHODS else "other"
            route = address_pattern(request)
            span.update_name(f"{method} {route}")
            span.set_attributes(
                {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": response.status_code,
                    "punchcard.request_id": request_id(request),
                }
            )
            if response.status_code >= 500:
                span.set_status(Status(StatusCode.ERROR))
            return response

    return within


def _resource() -> Resource:
    """Return what OpenTelemetry's settings say of us; they may leave out the name."""
    named = "service.name" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if named or os.environ.get("OTEL_SERVICE_NAME"):
        return Resource.create()
    return Resource.create({"service.name": "punchcard"})


def _tracer() -> Tracer:
    return _begun[0].get_tracer("punchcard")


def _coming_from(carrier: dict[str, str]) -> Context:
    """Return what a message or a request says it is part of; nothing of ours."""
    return _propagator.extract(carrier, context=Context())


def _trace_id(span: Span) -> str:
    return format(span.get_span_context().trace_id, "032x")


@contextmanager
def _span(name: str, kind: SpanKind, context: Context | None = None) -> Iterator[Span]:
    """Open a span; of what goes wrong in it only the kind is told."""
    span = _tracer().start_span(name, context=context, kind=kind)
    token = attach(set_span_in_context(span))
    try:
        yield span
    except BaseException as error:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        detach(token)
        span.end()


def _trace_statements() -> None:
    """Tell each statement of what is traced, whoever sends it."""
    execute = psycopg.Cursor.execute

    @wraps(execute)
    def told(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        if not get_current_span().is_recording():
            return execute(cursor, query, *args, **options)
        text = _text(query)
        with _span(_verb(text), SpanKind.CLIENT) as span:
            span.set_attribute("db.system.name", "postgresql")
            span.set_attribute("db.query.text", text[:STATEMENT_MOST])
            return execute(cursor, query, *args, **options)

    psycopg.Cursor.execute = told  # type: ignore[method-assign,assignment]


def _text(query: object) -> str:
    """Return a statement as it is written, with places for its parameters."""
    if isinstance(query, bytes):
        return query.decode(errors="replace")
    return query if isinstance(query, str) else type(query).__name__


def _verb(text: str) -> str:
    return (text.split(None, 1) or ["statement"])[0].upper()


def _carry(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None:
        _propagator.inject(headers)


def _begin_task(task_id: str, task: Any, **_: Any) -> None:
    sender = {"traceparent": str(task.request.get("traceparent") or "")}
    span = _tracer().start_span(
        task.name, context=_coming_from(sender), kind=SpanKind.CONSUMER
    )
    span.set_attribute("messaging.message.id", task_id)
    _tasks[task_id] = span, attach(set_span_in_context(span))
    note(trace_id=_trace_id(span))


def _end_task(task_id: str, state: str | None = None, **_: Any) -> None:
    if task_id not in _tasks:
        return
    span, token = _tasks.pop(task_id)
    span.set_attribute("celery.state", str(state))
    if state == "FAILURE":
        span.set_status(Status(StatusCode.ERROR))
    detach(token)
    span.end()


def _flush(**_: Any) -> None:
    """Send what waits: a process of a worker ends without further words."""
    _begun[0].force_flush()
