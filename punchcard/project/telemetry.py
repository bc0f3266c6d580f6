"""Traces for OpenTelemetry, where its own settings ask for them; else nothing at all.

What they say stands in `tracing.py`, which is imported only then: without these
settings no module of OpenTelemetry is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from punchcard.project.env import EnvironmentMistake

GetResponse = Callable[[HttpRequest], HttpResponse]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Return whether OpenTelemetry's settings ask for traces.

    Raises:
        EnvironmentMistake: they ask for an exporter or a protocol that we have not.
    """
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    if exporter not in {"", "otlp", "none"}:
        raise EnvironmentMistake(
            f"OTEL_TRACES_EXPORTER is {exporter!r}: say otlp or none."
        )
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none":
        return False
    if not exporter and not any(environment.get(name) for name in _ENDPOINTS):
        return False
    for name in _PROTOCOLS:
        if environment.get(name, _SPOKEN) not in {"", _SPOKEN}:
            raise EnvironmentMistake(f"{name} is {environment[name]!r}: say {_SPOKEN}.")
    return True


def begin() -> bool:
    """Begin to trace what this process does, once, if that is wanted; say whether.

    Raises:
        EnvironmentMistake: it is wanted, and cannot be.
    """
    if not is_wanted(os.environ):
        return False
    try:
        tracing = import_module("punchcard.project.tracing")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise EnvironmentMistake(
            "OpenTelemetry's settings ask for traces, and it is not installed: "
            "pip install 'punchcard[telemetry]', or unset OTEL_EXPORTER_OTLP_ENDPOINT."
        ) from None
    tracing.begin()
    return True


class Traces:
    """Middleware: a request is a span, and so is each of its statements."""

    def __init__(self, get_response: GetResponse) -> None:
        """Take the next layer.

        Raises:
            MiddlewareNotUsed: no traces are wanted.
        """
        if not begin():
            raise MiddlewareNotUsed
        tracing = import_module("punchcard.project.tracing")
        self.traced = cast("GetResponse", tracing.traced(get_response))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self.traced(request)
