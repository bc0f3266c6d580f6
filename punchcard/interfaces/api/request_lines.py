"""A line of the log for each request, and counting it: not a word of what it was about.

The address is told by its pattern: in the path itself a member may be named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from punchcard.kernel import metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN = "unknown"
"""The address of what is nobody's."""

_converted = re.compile(r"<(?:\w+:)?(\w+)>")
_asked_all_day = re.compile(r"/health/\w+|/metrics").fullmatch

logger = structlog.get_logger("punchcard.requests")


class RequestLines:
    """Middleware: say and count what was asked, with which answer, how long it took."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and tell of it."""
        began = perf_counter()
        response = self.get_response(request)
        seconds = perf_counter() - began
        method = request.method if request.method in METHODS else "other"
        address = address_pattern(request)
        metrics.REQUESTS.labels(method, address, response.status_code).inc()
        metrics.REQUEST_SECONDS.labels(method, address).observe(seconds)
        say = logger.info
        if response.status_code >= 500:
            say = logger.error
        elif is_asked_all_day(address):
            say = logger.debug
        say(
            "request",
            method=method,
            route=address,
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
        )
        return response


def is_asked_all_day(address: str) -> bool:
    """Return whether machines ask it every few seconds: nobody is to be told."""
    return bool(_asked_all_day(address))


def address_pattern(request: HttpRequest) -> str:
    """Return the address as documented, as in `/v1/members/{member}`."""
    if request.resolver_match is not None:
        return _pattern(request.resolver_match.route)
    static = request.path.startswith(settings.STATIC_URL)
    return f"{settings.STATIC_URL}{{file}}" if static else UNKNOWN


@lru_cache(maxsize=256)
def _pattern(route: str) -> str:
    return "/" + _converted.sub(r"{\1}", route)
