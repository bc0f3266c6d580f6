"""The header `Idempotency-Key`: one effect per key, and its first answer again.

For ledger commands it *is* the ledger's key: kept for ever, and nothing of what stands
here is used but `read_key`. For every other POST and PATCH the answer itself is kept
for a day, in the transaction of its effect: see Note [An answer commits with its
effect] in `kernel/answers.py`.

Kept is what the operation answered, refusals too. Not that it was malformed: then
nothing was asked, and the key is as good as new. Nor ever a failure of ours: that
rolled everything back, and a retry does it anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse

from punchcard.journeys.retrying import LOST, OutcomeUnknown, again
from punchcard.kernel import answers, clock
from punchcard.kernel.transactions import gathering, transaction

from .problems import MEDIA_TYPE, FieldError, Problem, answer_error

HEADER = "Idempotency-Key"
KEY_MAX = 200
REPLAYED = {"Idempotent-Replayed": "true"}
RETRY_AFTER_SECONDS = 1
_KEPT_HEADERS = ("Location", "ETag")
_PLAIN = "application/json"
_NOT_KEPT = {400, 429}
"""What is malformed was never asked, whoever noticed; 429 says to come back."""

Work = Callable[[], HttpResponse]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A call with a key: whose, and what it asks for."""

    program: UUID
    credential: str
    key: str
    fingerprint: bytes

    @property
    def scope(self) -> bytes:
        """What the key is unique in."""
        return answers.answer_scope(
            program=self.program, credential=self.credential, key=self.key
        )


def read_key(request: HttpRequest) -> str | None:
    """Return the key of the request, or None where there is none.

    Raises:
        Problem: `malformed`; it is not 1 to 200 printable ASCII characters.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    # ASCII: what other bytes mean in a header, servers do not agree on.
    if not 1 <= len(key) <= KEY_MAX or not key.isascii() or not key.isprintable():
        detail = f"The {HEADER} is 1 to {KEY_MAX} printable ASCII characters."
        wrong = FieldError(code="malformed", detail=detail, parameter=HEADER)
        raise Problem("malformed", detail, errors=[wrong])
    return str(key)


def require_key(key: str | None) -> str:
    """Return the key.

    Raises:
        Problem: `idempotency_key_required`; there is none.
    """
    if key is None:
        detail = (
            f"Send the header {HEADER}: with it a retry can never count twice. "
            "Only an earn or a redeem with a reference of type `order` goes without."
        )
        raise Problem("idempotency_key_required", detail)
    return key


def fingerprint(request: HttpRequest, query: Any, body: Any) -> bytes:
    """Return a hash of what is asked for, as it was understood.

    The order of fields and spaces make no difference; another address, method, query,
    `If-Match` or value does, 1.0 for 1 too.
    """
    asked = [
        request.method,
        request.path,
        request.META.get("HTTP_IF_MATCH"),
        query,
        body,
    ]
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).digest()


def answer_once(request: HttpRequest, asked: Asked, work: Work) -> HttpResponse:
    """Answer a call whose work commits in one transaction, once for its key.

    Raises:
        Problem: `in_flight`, `key_reused`, `answer_withheld`.
        OutcomeUnknown: the connection was lost at COMMIT and did not come back.
        OperationalError: the database cannot be reached; nothing was done.
    """
    committing = False

    def once() -> HttpResponse:
        nonlocal committing
        with gathering():
            kept = _claim(asked)
            if kept is not None:
                return _again(asked, kept)
            response = _attempt(request, work)
            _keep(asked, response)
            committing = True
        return response

    try:
        # Asking again after a lost COMMIT finds the kept answer, or does the work.
        return again(once)
    except _Failed as failed:
        return failed.response
    except LOST as error:
        if committing:
            raise OutcomeUnknown from error
        raise


def answer_again(request: HttpRequest, asked: Asked, work: Work) -> HttpResponse:
    """Answer a call whose work needs several transactions, and can be repeated.

    Only for work that comes to the same when it is done twice: whoever is killed
    before the answer is kept does it again.

    Raises:
        Problem: `in_flight`, `key_reused`, `answer_withheld`.
    """
    try:
        with answers.claimed_answer(scope=asked.scope, now=clock.read()) as kept:
            if kept is not None:
                return _again(asked, kept)
            response = _attempt(request, work)
            with transaction():
                _keep(asked, response)
    except answers.AnswerUnderWay:
        raise _in_flight() from None
    except _Failed as failed:
        return failed.response
    return response


class _Failed(Exception):
    """The work failed by our own fault: what it wrote must be rolled back."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response


def _claim(asked: Asked) -> answers.Kept | None:
    try:
        return answers.claim_answer(scope=asked.scope, now=clock.read())
    except answers.AnswerUnderWay:
        raise _in_flight() from None


def _in_flight() -> Problem:
    return Problem("in_flight", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _attempt(request: HttpRequest, work: Work) -> HttpResponse:
    try:
        response = work()
    except LOST:
        raise
    except Exception as error:  # noqa: BLE001 - a refusal is an answer to be kept
        response = answer_error(request, error)
    if response.status_code >= 500:
        raise _Failed(response)
    return response


def _keep(asked: Asked, response: HttpResponse) -> None:
    if response.status_code in _NOT_KEPT:
        return
    answers.keep_answer(
        scope=asked.scope,
        program=asked.program,
        fingerprint=asked.fingerprint,
        status=response.status_code,
        headers={
            name: response.headers[name]
            for name in _KEPT_HEADERS
            if name in response.headers
        },
        body=response.content.decode(),
        now=clock.read(),
    )


def _again(asked: Asked, kept: answers.Kept) -> HttpResponse:
    """Give a kept answer again.

    Raises:
        Problem: `answer_withheld`; `key_reused`: something else was asked for.
    """
    if kept.fingerprint is None:
        raise Problem("answer_withheld", headers=REPLAYED)
    if kept.fingerprint != asked.fingerprint:
        detail = f"This {HEADER} came with another request before."
        wrong = FieldError(code="key_reused", detail=detail, parameter=HEADER)
        raise Problem("key_reused", detail, errors=[wrong])
    body = kept.body.encode()
    media = _PLAIN if kept.status < 400 else MEDIA_TYPE
    response = HttpResponse(body, status=kept.status, content_type=media)
    if not body:
        del response.headers["Content-Type"]
    response.headers["Content-Length"] = str(len(body))
    for name, value in {**kept.headers, **REPLAYED}.items():
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    return response
