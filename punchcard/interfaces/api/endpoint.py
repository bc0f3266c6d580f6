"""One way through every door: authenticate, authorise, parse, one call, answer.

A view of Django REST Framework by name (so that drf-spectacular finds and describes
it), with its own short `dispatch`: parsers, renderers and negotiation would cost more
than the call itself. An operation declares what it takes and gives; the same
declaration is the parser and the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

import msgspec
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from punchcard.kernel.audit import Author
from punchcard.kernel.log_context import note
from punchcard.programs.queries import ProgramView, program_now

from .addresses import throttled_address
from .authentication import Caller, authenticate_request
from .idempotency import Asked, answer_again, answer_once, fingerprint, read_key
from .parsing import parse_body, parse_query, read_body
from .permissions import ANYONE, Demand, require_own, require_scope
from .problems import Problem, answer_error
from .rate_limits import Budget, count_request
from .request_ids import request_id
from .schema import OperationSchema
from .versions import VersionUse

Body = TypeVar("Body")
Query = TypeVar("Query")
Handler = TypeVar("Handler", bound=Callable[..., Any])

_encode = msgspec.json.Encoder().encode


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is sent."""


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No query parameters."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    file: IO[bytes] | None = None
    """What is too long to be held: sent in place of `body`, and closed."""
    media_type: str = "application/json"
    """Of the file."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Body, Query]):
    """One call, parsed and allowed."""

    request: HttpRequest
    caller: Caller
    path: Mapping[str, Any]
    query: Query
    body: Body
    key: str | None
    now: datetime
    """What time it is in the caller's program."""

    @property
    def program(self) -> ProgramView:
        """The program that calls."""
        return self.caller.program

    @property
    def author(self) -> Author:
        """Who answers for what this call changes."""
        return Author(
            actor=self.caller.actor,
            program=self.caller.program.id,
            request_id=request_id(self.request),
        )


@dataclass(frozen=True, slots=True)
class Visit(Generic[Body]):
    """A call of somebody who shows no credential."""

    request: HttpRequest
    path: Mapping[str, Any]
    body: Body

    @property
    def address(self) -> str | None:
        """What attempts from one place are counted by."""
        return throttled_address(self.request)

    @property
    def request_id(self) -> str:
        """The id of the request."""
        return request_id(self.request)


KeyUse: TypeAlias = Literal["none", "optional", "required"]


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of one address takes and gives."""

    id: str
    summary: str
    tag: str
    scope: Demand
    answers: Mapping[int, type[Any] | None]
    body: Any = NoBody
    """A struct, or a union of structs."""
    takes_file: bool = False
    """What is sent is a file; the handler receives it."""
    query: type[Any] = NoQuery
    refusals: tuple[str, ...] = ()
    key: KeyUse = "none"
    """`optional`: the answer is kept; `required`: it is the key of the ledger."""
    one_transaction: bool = True
    """False: its work spans several, and is safe to do again (with a key: optional)."""
    limited: bool = True
    """Whether it counts against the caller's budget of requests."""
    narrowed: bool = False
    """A list of everybody's that shows a member their own; the handler sees to it."""
    version: VersionUse = "none"
    """`told`: answers carry an ETag; `demanded`: and it takes an If-Match."""
    description: str = ""
    example: Mapping[str, Any] | None = None
    """A body, where what its fields' own examples make is not a good one."""
    shows: Mapping[str, Any] = field(default_factory=dict)
    """What the example of its answer says otherwise than the fields' own."""

    @property
    def has_body(self) -> bool:
        """Whether a body is read."""
        return self.body is not NoBody


def operation(declared: Operation) -> Callable[[Handler], Handler]:
    """Declare what a handler is; without it a method is not answered."""

    def declare(handler: Handler) -> Handler:
        setattr(handler, _DECLARED, declared)
        return handler

    return declare


class Endpoint(APIView):
    """One address; its handlers are methods named `get`, `post` … with `operation`."""

    operations: ClassVar[dict[str, Operation]] = {}
    schema = OperationSchema()
    _decoders: ClassVar[dict[str, msgspec.json.Decoder[Any]]] = {}
    _budget: Budget | None = None
    """How the caller stands. Django makes an object of this class for each request."""

    def __init_subclass__(cls) -> None:
        """Collect what the handlers declare, once."""
        super().__init_subclass__()
        cls.operations = {
            name.upper(): getattr(handler, _DECLARED)
            for name, handler in vars(cls).items()
            if hasattr(handler, _DECLARED)
        }
        cls._decoders = {
            method: msgspec.json.Decoder(declared.body)
            for method, declared in cls.operations.items()
        }

    def dispatch(
        self,
        request: HttpRequest,
        *_args: Any,
        **path: Any,
    ) -> HttpResponseBase:
        """Answer a request; whatever happens, with a document and never a trace."""
        try:
            response = self._answer(request, path)
        except Exception as error:  # noqa: BLE001 - this is the last line of defence
            response = answer_error(request, error)
        if self._budget is not None:
            for name, value in self._budget.headers.items():
                response.headers[name] = value
        return response

    def _answer(
        self, request: HttpRequest, path: Mapping[str, Any]
    ) -> HttpResponseBase:
        method = "GET" if request.method == "HEAD" else request.method or ""
        declared = self.operations.get(method)
        if declared is None:
            allowed = ", ".join(sorted(self.operations))
            raise Problem("method_not_allowed", headers={"Allow": allowed})
        call = self._call(request, path, method, declared)
        handler = getattr(self, method.lower())
        if declared.key != "optional" or call.key is None:
            return _send(handler(call))

        def work() -> HttpResponse:
            return _render(handler(call))

        asked = Asked(
            program=call.program.id,
            credential=call.caller.actor,
            key=call.key,
            fingerprint=fingerprint(request, call.query, call.body),
        )
        answer = answer_once if declared.one_transaction else answer_again
        return answer(request, asked, work)

    def _call(
        self,
        request: HttpRequest,
        path: Mapping[str, Any],
        method: str,
        declared: Operation,
    ) -> Any:
        if declared.scope == ANYONE:
            if declared.limited:
                self._count(request, declared, None)
            return self._visit(request, path, method, declared)
        try:
            caller = authenticate_request(request)
        except Problem:
            # Whoever shows a wrong credential has none.
            self._count(request, declared, None)
            raise
        note(program=caller.program.slug, actor=caller.actor)
        self._count(request, declared, f"{caller.actor}@{caller.program.id}")
        require_scope(caller, declared.scope)
        require_own(caller, declared.scope, method, path, narrowed=declared.narrowed)
        body: Any = None
        if declared.has_body:
            # Refund and reverse have nothing that must be said: no body is `{}`.
            body = parse_body(read_body(request) or b"{}", self._decoders[method])
        return Call(
            request=request,
            caller=caller,
            path=path,
            query=parse_query(request.GET, declared.query),
            body=body,
            key=None if declared.key == "none" else read_key(request),
            now=program_now(caller.program),
        )

    def _count(
        self, request: HttpRequest, declared: Operation, subject: str | None
    ) -> None:
        """Count the request before anything of it is read or done."""
        self._budget = count_request(request, subject, by_size=not declared.takes_file)
        if self._budget is not None and not self._budget.passed:
            wait = {"Retry-After": str(self._budget.seconds)}
            raise Problem("too_many_requests", headers=wait)

    def _visit(
        self,
        request: HttpRequest,
        path: Mapping[str, Any],
        method: str,
        declared: Operation,
    ) -> Any:
        body: Any = None
        if declared.has_body:
            body = parse_body(read_body(request) or b"{}", self._decoders[method])
            # Health is asked with whatever a load balancer adds; this is not.
            parse_query(request.GET, declared.query)
        return Visit(request=request, path=path, body=body)


def _send(answer: Answer) -> HttpResponseBase:
    if answer.file is None:
        return _render(answer)
    response = FileResponse(answer.file, content_type=answer.media_type)
    response.headers["Cache-Control"] = "no-store"
    for name, value in answer.headers.items():
        response.headers[name] = value
    return response


def _render(answer: Answer) -> HttpResponse:
    body = b"" if answer.body is None else _encode(answer.body)
    response = HttpResponse(body, status=answer.status, content_type="application/json")
    if answer.body is None:
        del response.headers["Content-Type"]
    else:
        response.headers["Content-Length"] = str(len(body))
    # Balances are nobody's to keep.
    response.headers["Cache-Control"] = "no-store"
    for name, value in answer.headers.items():
        response.headers[name] = value
    return response


_DECLARED = "punchcard_operation"
