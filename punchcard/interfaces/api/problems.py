"""Every "no" of the API as `application/problem+json` (RFC 9457), from one table."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import psycopg
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError

from punchcard.journeys.post_commands import OutcomeUnknown
from punchcard.ledger import errors as ledger
from punchcard.members import errors as members
from punchcard.programs import errors as programs

from .request_ids import request_id

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

logger = logging.getLogger(__name__)


class Row(NamedTuple):
    """What a code means over HTTP."""

    status: int
    title: str


TABLE: Mapping[str, Row] = {
    # The request itself.
    "invalid_json": Row(400, "The body is not JSON."),
    "malformed": Row(400, "Something in the request is not what it must be."),
    "idempotency_key_required": Row(400, "This call needs an Idempotency-Key."),
    "invalid_cursor": Row(400, "The cursor is not one that this list gave."),
    "unreadable": Row(400, "The request ended before it was whole."),
    "bad_request": Row(400, "The request cannot be understood."),
    "unauthenticated": Row(401, "An API key is needed."),
    "forbidden": Row(403, "The API key does not have the scope for this."),
    "not_found": Row(404, "There is nothing at this address."),
    "method_not_allowed": Row(405, "This address does not answer this method."),
    "length_required": Row(411, "The body must come with its Content-Length."),
    "too_large": Row(413, "The body is too large."),
    "unsupported_media_type": Row(415, "The body must be application/json."),
    # Programs and members.
    "member_not_found": Row(404, "There is no such member."),
    "program_not_found": Row(404, "There is no such program."),
    "wallet_not_found": Row(404, "There is no such wallet."),
    "clock_not_in_test": Row(404, "There is nothing at this address."),
    "program_slug_taken": Row(409, "Another program has this slug."),
    "wallet_code_taken": Row(409, "The program has a wallet with this code."),
    "clock_backwards": Row(409, "A test clock only goes forward."),
    # The ledger, in its order of precedence (`malformed` stands above).
    "account_not_found": Row(404, "There is no such account."),
    "key_reused": Row(422, "This key was used for another command."),
    "account_closed": Row(409, "The account is closed."),
    "account_frozen": Row(409, "The account is frozen: nothing can be spent from it."),
    "entry_not_found": Row(404, "The account has no such entry."),
    "entry_not_reversible": Row(422, "This entry cannot be undone by this command."),
    "hold_not_open": Row(409, "The hold is not open any more."),
    "lot_not_pending": Row(409, "The lot is not pending any more."),
    "exceeds_original": Row(422, "More than what is left of the original."),
    "insufficient_points": Row(422, "The account has fewer points than required."),
    "limit_exceeded": Row(422, "A limit would be exceeded."),
    "not_applied": Row(409, "Another command of the same atomic batch was refused."),
    # Ourselves.
    "unexpected": Row(500, "Something went wrong on our side."),
    "database_unavailable": Row(503, "The database does not answer."),
    "outcome_unknown": Row(503, "The connection was lost at the last moment."),
    "not_ready": Row(503, "A dependency is down."),
}
"""code → status and title. A test holds it against every room's refusals."""

_DETAILS = {
    "unexpected": "Nothing was done, or all of it: retry with the same key.",
    "database_unavailable": "Nothing was done. Try again, a command with its same key.",
    "outcome_unknown": (
        "It was done whole or not at all, and we cannot tell which. Retry with the "
        "same key: you will get the outcome, and it will have happened once."
    ),
}

_CODES: Mapping[type[Exception], str] = {
    ledger.AccountNotFound: "account_not_found",
    ledger.EntryNotFound: "entry_not_found",
    members.MemberNotFound: "member_not_found",
    programs.ProgramNotFound: "program_not_found",
    programs.WalletNotFound: "wallet_not_found",
    programs.ClockNotInTest: "clock_not_in_test",
    programs.ClockBackwards: "clock_backwards",
    programs.ProgramSlugTaken: "program_slug_taken",
    programs.WalletCodeTaken: "wallet_code_taken",
    OutcomeUnknown: "outcome_unknown",
    OperationalError: "database_unavailable",
    InterfaceError: "database_unavailable",
    psycopg.OperationalError: "database_unavailable",
    psycopg.InterfaceError: "database_unavailable",
    RequestDataTooBig: "too_large",
    UnreadablePostError: "unreadable",
}
"""Which exception of a room (or of Django) is which code."""


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong, and where."""

    code: str
    detail: str
    pointer: str | None = None
    """JSON pointer into the body, as in `/commands/3/points`."""
    parameter: str | None = None
    """Name of the query parameter or header."""


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why the answer is no (RFC 9457)."""

    type: str
    """`urn:punchcard:problem:<code>`."""
    title: str
    status: int
    code: str
    """Stable; what a program should look at."""
    detail: str
    instance: str
    """The path that was called."""
    request_id: str
    errors: list[FieldError] = []
    details: dict[str, Any] = {}
    """Machine-readable facts: available, required, missing …"""


class Problem(Exception):
    """A "no" of the door, to be answered as a problem document."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Take a code of the table and what is special about this case."""
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.details = dict(details or {})
        self.headers = dict(headers or {})


def refusal_problem(
    code: str, details: Mapping[str, Any], *, replayed: bool, pointer: str = ""
) -> Problem:
    """Return the problem for a ledger's refusal; `pointer` is the command's place."""
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return Problem(
        code,
        refusal_detail(code, details),
        errors=_field_errors(code, details, pointer),
        details=details,
        headers=headers,
    )


def refusal_detail(code: str, details: Mapping[str, Any]) -> str:
    """Return a sentence about a refusal with its facts."""
    if "field" in details and "reason" in details:
        return f"`{details['field']}` {details['reason']}."
    if code == "insufficient_points" and "available" in details:
        required, available = details.get("required"), details["available"]
        return f"{required} points are required, {available} are available."
    return TABLE[code].title


def answer_error(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the problem document for an exception; an unknown one is logged, 500."""
    if isinstance(error, Problem):
        return respond(request, error)
    if isinstance(error, programs.ProgramMalformed):
        wrong = FieldError(
            code="malformed", detail=str(error), pointer=f"/{error.field}"
        )
        return respond(request, Problem("malformed", str(error), errors=[wrong]))
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            if TABLE[code].status >= 500:
                logger.warning("%s: %s %s", code, request_id(request), error)
            return respond(request, Problem(code))
    logger.error("unexpected: %s", request_id(request), exc_info=error)
    return respond(request, Problem("unexpected"))


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return the problem as an answer."""
    row = TABLE[problem.code]
    document = ProblemDocument(
        type=f"urn:punchcard:problem:{problem.code}",
        title=row.title,
        status=row.status,
        code=problem.code,
        detail=problem.detail or _DETAILS.get(problem.code, row.title),
        instance=request.path,
        request_id=request_id(request),
        errors=problem.errors,
        details=problem.details,
    )
    body = msgspec.json.encode(document)
    response = HttpResponse(body, status=row.status, content_type=MEDIA_TYPE)
    response.headers["Content-Length"] = str(len(body))
    if row.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    for name, value in problem.headers.items():
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses (a foreign Host, too many parameters …)."""
    if isinstance(exception, RequestDataTooBig):
        return respond(request, Problem("too_large"))
    return respond(request, Problem("bad_request"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer what Django itself forbids."""
    return respond(request, Problem("forbidden"))


def not_found(
    request: HttpRequest,
    exception: Exception | None = None,  # noqa: ARG001
) -> HttpResponse:
    """Answer an address that is nobody's."""
    return respond(request, Problem("not_found"))


def unexpected(request: HttpRequest) -> HttpResponse:
    """Answer what nobody caught; Django has logged it."""
    return respond(request, Problem("unexpected"))


def _field_errors(
    code: str, details: Mapping[str, Any], pointer: str
) -> list[FieldError]:
    field = details.get("field")
    if not isinstance(field, str):
        return []
    detail = refusal_detail(code, details)
    if field == "key" and not pointer:
        return [FieldError(code=code, detail=detail, parameter="Idempotency-Key")]
    place = f"{pointer}/{field.replace('reference_', 'reference/')}"
    return [FieldError(code=code, detail=detail, pointer=place)]
