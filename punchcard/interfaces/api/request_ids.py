"""A request id in and out: what a caller reports, and what our log says, are one."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from punchcard.kernel.ids import new_id
from punchcard.kernel.log_context import begin_work

_ATTRIBUTE = "punchcard_request_id"
_sane = re.compile(r"[A-Za-z0-9._:-]{1,128}").fullmatch


class RequestIds:
    """Middleware: take the caller's `X-Request-Id` where it is sane, else make one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request with its id on it."""
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        # It goes into logs and headers: no line breaks, no megabytes.
        chosen = given if _sane(given) else new_id().hex
        setattr(request, _ATTRIBUTE, chosen)
        begin_work(request_id=chosen)
        response = self.get_response(request)
        response.headers["X-Request-Id"] = chosen
        return response


def request_id(request: HttpRequest) -> str:
    """Return the id of a request."""
    return str(getattr(request, _ATTRIBUTE, ""))
