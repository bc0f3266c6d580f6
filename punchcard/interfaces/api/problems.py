"""Every "no" of the API as `application/problem+json` (RFC 9457), from one table."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
import psycopg
import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from msgspec import Meta

from punchcard.access import errors as access
from punchcard.journeys.correcting_lots import AboveAdjustLimit
from punchcard.journeys.post_commands import OutcomeUnknown
from punchcard.kernel import audit, jobs
from punchcard.kernel.log_context import note
from punchcard.kernel.transactions import CommitLost
from punchcard.ledger import errors as ledger
from punchcard.members import errors as members
from punchcard.orders import errors as orders
from punchcard.programs import errors as programs

from .request_ids import request_id

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
REALM = 'Bearer realm="punchcard"'

logger = structlog.get_logger(__name__)


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
    "cursor_expired": Row(410, "What follows this cursor is not kept any more."),
    "unreadable": Row(400, "The request ended before it was whole."),
    "bad_request": Row(400, "The request cannot be understood."),
    "unauthenticated": Row(401, "An API key or an access token is needed."),
    "invalid_credentials": Row(401, "The e-mail address or the password is wrong."),
    "forbidden": Row(403, "The caller may not do this."),
    "address_not_allowed": Row(403, "The API key may not be used from this address."),
    "not_found": Row(404, "There is nothing at this address."),
    "method_not_allowed": Row(405, "This address does not answer this method."),
    "in_flight": Row(409, "The first call with this key has not ended yet."),
    "answer_withheld": Row(410, "The answer named somebody who was erased since."),
    "length_required": Row(411, "The body must come with its Content-Length."),
    "precondition_failed": Row(412, "It has changed since you read it."),
    "too_large": Row(413, "The body is too large."),
    "unsupported_media_type": Row(415, "This call takes no body of this type."),
    "precondition_required": Row(428, "Say in If-Match which version you change."),
    "too_many_requests": Row(429, "More was asked than may be: wait."),
    "audit_row_not_found": Row(404, "There is no such row of the audit."),
    # People and keys.
    "too_many_attempts": Row(429, "This was tried too often: wait."),
    "link_invalid": Row(410, "The link is unknown, was used, or has expired."),
    "program_required": Row(422, "This person has several programs: name one."),
    "user_not_found": Row(404, "There is no such user."),
    "membership_not_found": Row(404, "There is no such membership."),
    "api_key_not_found": Row(404, "There is no such API key."),
    "membership_exists": Row(409, "This person belongs to the program already."),
    "last_admin": Row(409, "A program keeps its last admin."),
    "api_key_ended": Row(409, "The API key was revoked, or has expired."),
    # Jobs.
    "job_not_found": Row(404, "There is no such job."),
    "job_ended": Row(409, "The job has ended."),
    "job_has_file": Row(409, "The job has another file already."),
    "job_takes_no_file": Row(409, "A job of this kind reads no file."),
    "job_has_no_result": Row(409, "There is no result, not yet or no longer."),
    "too_many_jobs": Row(409, "The program has 100 jobs that have not ended."),
    # Programs and members.
    "member_not_found": Row(404, "There is no such member."),
    "member_erased": Row(409, "The member was erased: nothing is known of anybody."),
    "program_not_found": Row(404, "There is no such program."),
    "wallet_not_found": Row(404, "There is no such wallet."),
    "place_not_found": Row(404, "There is no such place."),
    "configuration_not_found": Row(404, "There is no such version."),
    "clock_not_in_test": Row(404, "There is nothing at this address."),
    "configuration_malformed": Row(422, "The configuration has mistakes."),
    "program_slug_taken": Row(409, "Another program has this slug."),
    "wallet_code_taken": Row(409, "The program has a wallet with this code."),
    "place_code_taken": Row(409, "The program has a place with this code."),
    "clock_backwards": Row(409, "A test clock only goes forward."),
    # Orders, returns and activities.
    "currency_differs": Row(422, "The order is not in the program's currency."),
    "tender_entry_not_found": Row(
        404, "A tender of points names no entry that spent the member's points."
    ),
    "total_differs": Row(422, "The parts of the order do not add up to its total."),
    "tenders_differ": Row(422, "What was paid does not add up to the total."),
    "order_not_found": Row(404, "There is no such order."),
    "return_not_found": Row(404, "There is no such return."),
    "activity_not_found": Row(404, "There is no such activity."),
    "order_reused": Row(422, "The external id is of an order with other contents."),
    "return_reused": Row(422, "The external id is of a return with other contents."),
    "activity_reused": Row(
        422, "The external id is of an activity with other contents."
    ),
    "order_cannot_move": Row(409, "An order does not go from its status to that one."),
    "refund_ended": Row(409, "The refund ended in another way, or there is none."),
    "line_not_found": Row(404, "The order has no such line."),
    "exceeds_order": Row(422, "More than what is left of the order is to come back."),
    "points_spent": Row(422, "What the order earned is spent already."),
    "activity_type_unknown": Row(422, "The program has no activities of this type."),
    "activity_facts_malformed": Row(
        422, "The facts are not those of this type of activity."
    ),
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
    "account_not_empty": Row(409, "The account holds points, or owes some."),
    # Ourselves.
    "unexpected": Row(500, "Something went wrong on our side."),
    "database_unavailable": Row(503, "The database does not answer."),
    "outcome_unknown": Row(503, "The connection was lost at the last moment."),
    "not_ready": Row(503, "A dependency is down."),
}
"""code → status and title. A test holds it against every room's refusals."""

_DETAILS = {
    "cursor_expired": (
        "Events were forgotten that you have not read. Read the present state anew, "
        "then the log without a cursor: from its beginning, as far as it is kept."
    ),
    "unexpected": "Nothing was done, or all of it: retry with the same key.",
    "database_unavailable": "Nothing was done. Try again, a command with its same key.",
    "outcome_unknown": (
        "It was done whole or not at all, and we cannot tell which. Retry with the "
        "same key: you will get the outcome, and it will have happened once. Without "
        "a key, look whether it is there."
    ),
}

_CODES: Mapping[type[Exception], str] = {
    access.LinkInvalid: "link_invalid",
    access.UserNotFound: "user_not_found",
    access.MembershipNotFound: "membership_not_found",
    access.ApiKeyNotFound: "api_key_not_found",
    access.MembershipExists: "membership_exists",
    access.LastAdmin: "last_admin",
    access.ApiKeyEnded: "api_key_ended",
    ledger.AccountNotFound: "account_not_found",
    ledger.AccountClosed: "account_closed",
    ledger.EntryNotFound: "entry_not_found",
    audit.AuditRowNotFound: "audit_row_not_found",
    jobs.JobNotFound: "job_not_found",
    jobs.JobEnded: "job_ended",
    jobs.JobHasFile: "job_has_file",
    jobs.JobTakesNoFile: "job_takes_no_file",
    jobs.JobHasNoResult: "job_has_no_result",
    jobs.TooManyJobs: "too_many_jobs",
    members.MemberNotFound: "member_not_found",
    members.MemberErased: "member_erased",
    members.MemberChanged: "precondition_failed",
    programs.ProgramNotFound: "program_not_found",
    programs.WalletNotFound: "wallet_not_found",
    programs.PlaceNotFound: "place_not_found",
    programs.ConfigurationNotFound: "configuration_not_found",
    programs.ConfigurationChanged: "precondition_failed",
    programs.ClockNotInTest: "clock_not_in_test",
    programs.ClockBackwards: "clock_backwards",
    programs.ProgramSlugTaken: "program_slug_taken",
    programs.WalletCodeTaken: "wallet_code_taken",
    programs.PlaceCodeTaken: "place_code_taken",
    orders.OrderNotFound: "order_not_found",
    orders.ReturnNotFound: "return_not_found",
    orders.ActivityNotFound: "activity_not_found",
    OutcomeUnknown: "outcome_unknown",
    CommitLost: "outcome_unknown",
    OperationalError: "database_unavailable",
    InterfaceError: "database_unavailable",
    psycopg.OperationalError: "database_unavailable",
    psycopg.InterfaceError: "database_unavailable",
    RequestDataTooBig: "too_large",
    UnreadablePostError: "unreadable",
}
"""Which exception of a room (or of Django) is which code."""


_Code = Annotated[
    str, Meta(extra_json_schema={"maxLength": 60, "pattern": "^[a-z][a-z0-9_]*$"})
]
_Echo = Annotated[str, Meta(extra_json_schema={"pattern": r"^[\s\S]*$"})]
"""What a caller sent may be in it, and that may be anything."""


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong, and where."""

    code: _Code
    detail: _Echo
    pointer: _Echo | None = None
    """JSON pointer into the body, as in `/commands/3/points`."""
    parameter: _Echo | None = None
    """Name of the query parameter or header."""


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why the answer is no (RFC 9457)."""

    type: Annotated[
        str,
        Meta(
            extra_json_schema={
                "maxLength": 90,
                "pattern": "^urn:punchcard:problem:[a-z][a-z0-9_]*$",
            }
        ),
    ]
    """`urn:punchcard:problem:<code>`."""
    title: str
    status: Annotated[int, Meta(extra_json_schema={"minimum": 400, "maximum": 599})]
    code: _Code
    """Stable; what a program should look at."""
    detail: _Echo
    instance: _Echo
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
    if isinstance(error, programs.ProgramMalformed | access.AccessMalformed):
        wrong = FieldError(
            code="malformed", detail=str(error), pointer=f"/{error.field}"
        )
        return respond(request, Problem("malformed", str(error), errors=[wrong]))
    said_more = _of_people(error) or _of_accounts(error)
    if said_more is not None:
        return respond(request, said_more)
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            if TABLE[code].status >= 500:
                logger.warning(code, error=str(error))
            return respond(request, Problem(code))
    logger.error("unexpected", exc_info=error)
    return respond(request, Problem("unexpected"))


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return the problem as an answer."""
    row = TABLE[problem.code]
    note(code=problem.code)
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
    """Answer what nobody caught; Django calls this while it is being handled."""
    logger.error("unexpected", exc_info=sys.exc_info())
    return respond(request, Problem("unexpected"))


def _of_people(error: Exception) -> Problem | None:
    """Return the problem for a refusal of access that says more than its code."""
    if isinstance(error, access.TooManyAttempts):
        headers = {"Retry-After": str(error.retry_after)}
        return Problem("too_many_attempts", headers=headers)
    if isinstance(error, access.ProgramRequired):
        return Problem("program_required", details={"programs": error.programs})
    if isinstance(error, access.InvalidCredentials):
        detail = f"{error.__doc__}"
        challenge = {"WWW-Authenticate": REALM}
        return Problem("invalid_credentials", detail, headers=challenge)
    if isinstance(error, access.TokenInvalid):
        challenge = {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
        return Problem("unauthenticated", f"{error.__doc__}", headers=challenge)
    return None


def _of_accounts(error: Exception) -> Problem | None:
    """Return the problem for a refusal about accounts that says more than its code."""
    if isinstance(error, ledger.AccountNotEmpty):
        left = {
            "available": error.available,
            "pending": error.pending,
            "reserved": error.reserved,
        }
        return Problem("account_not_empty", details=left)
    if isinstance(error, AboveAdjustLimit):
        detail = f"You may correct {error.limit} points at a time."
        return Problem("forbidden", detail, details={"adjust_limit": error.limit})
    return None


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
