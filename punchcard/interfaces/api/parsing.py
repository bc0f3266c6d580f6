"""From bytes and query strings to structs; what does not fit is named by its place."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
from django.conf import settings
from django.http import HttpRequest, QueryDict

from .problems import FieldError, Problem

T = TypeVar("T", bound=msgspec.Struct)

_ECHO_MAX = 300
_END_AS_TOLD = r"\\Z'"

_PLACE = re.compile(
    r"^(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL
)
_PARAMETER = re.compile(r" - at `\$\.([^`\[]+)")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_NAMED = re.compile(
    r"Object (?P<what>contains unknown|missing required) field `(?P<name>.*)`$",
    re.DOTALL,
)


def read_body(request: HttpRequest) -> bytes:
    """Return the body of a request that sends JSON.

    Raises:
        Problem: `length_required`, `unsupported_media_type`, `too_large`.
        RequestDataTooBig: by its own word (Content-Length) it is too large.
        UnreadablePostError: the caller went away.
    """
    kind = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    body = request.body
    if not body and not request.META.get("CONTENT_LENGTH"):
        # A body in chunks looks empty to WSGI: a refund of 5 would be one of all.
        if kind or request.META.get("HTTP_TRANSFER_ENCODING"):
            raise Problem("length_required")
        return b""
    if kind != "application/json" and (body or kind):
        detail = "Send `Content-Type: application/json`."
        raise Problem("unsupported_media_type", detail)
    # Without a Content-Length nobody has looked at the size yet.
    if len(body) > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0):
        raise Problem("too_large")
    return body


def parse_body(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Return the struct that the body is.

    Raises:
        Problem: `invalid_json`, or `malformed` with the place in `errors`.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from None
    except RecursionError:
        raise Problem("malformed", "The JSON is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        detail = str(error) if isinstance(error, msgspec.DecodeError) else "Not UTF-8."
        raise Problem("invalid_json", detail) from None


def parse_query(query: QueryDict, shape: type[T]) -> T:
    """Return the struct that the query string is; an unknown parameter is an error.

    Raises:
        Problem: `malformed` with the parameter in `errors`.
    """
    kinds = _kinds(shape)
    values: dict[str, Any] = {}
    for name, given in query.lists():
        kind = kinds.get(name)
        if kind == "list":
            values[name] = given
        elif len(given) > 1:
            raise _wrong_parameter(name, f"`{name}` is given {len(given)} times.")
        elif kind == "word" and given[0].lower() == "null":
            # msgspec takes it for a null; that is said by leaving the parameter out.
            raise _wrong_parameter(name, f"`{name}` cannot be `{given[0]}`.")
        elif kind in _PLAIN and not re.match(_PLAIN[kind][0], given[0]):
            raise _wrong_parameter(name, f"`{name}` is {_PLAIN[kind][1]}.")
        else:
            values[name] = given[0]
    try:
        parsed = msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as error:
        misfit = _misfit(str(error)).errors[0]
        # The names of parameters have dots in them, so the pointer will not do.
        place = _PARAMETER.search(str(error))
        name = place[1] if place else (misfit.pointer or "").removeprefix("/")
        raise _wrong_parameter(name, misfit.detail, misfit.code) from None
    return _in_utc(parsed)


def _in_utc(parsed: T) -> T:
    """Return a parsed query with its instants in UTC: PostgreSQL takes few offsets.

    Raises:
        Problem: `malformed`; there is no such instant in UTC.
    """
    instants = {}
    for field in msgspec.structs.fields(type(parsed)):
        value = getattr(parsed, field.name)
        if isinstance(value, datetime):
            try:
                instants[field.name] = value.astimezone(UTC)
            except OverflowError:
                detail = f"`{field.encode_name}` is out of range."
                raise _wrong_parameter(field.encode_name, detail) from None
    return msgspec.structs.replace(parsed, **instants) if instants else parsed


# What msgspec takes in a query beyond what we mean: 1e1 for a number, 0 for false, and
# seconds since 1970 for an instant.
_PLAIN = {
    "int": (r"-?[0-9]{1,18}\Z", "a whole number"),
    "bool": (r"(true|false)\Z", "`true` or `false`"),
    "datetime": (
        r"\d{4}-\d\d-\d\d[Tt ]",
        "an instant of RFC 3339, as in 2026-01-31T12:00:00Z; a + is written %2B",
    ),
}
_TOLD_APART: dict[str, Any] = {
    "list": list,
    "datetime": datetime,
    "bool": bool,
    "int": int,
    "word": Literal,
}
_KINDS: dict[type[Any], dict[str, str]] = {}


def _kinds(shape: type[Any]) -> dict[str, str]:
    """Return which parameters are lists, instants, flags, numbers and fixed words."""
    if shape not in _KINDS:
        _KINDS[shape] = {
            field.encode_name: next(
                (
                    name
                    for name, kind in _TOLD_APART.items()
                    if _mentions(field.type, kind)
                ),
                "text",
            )
            for field in msgspec.structs.fields(shape)
        }
    return _KINDS[shape]


def _misfit(message: str) -> Problem:
    """Turn a sentence of msgspec into a problem that names the place."""
    found = _PLACE.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    steps = [name or index for name, index in _STEP.findall(path)]
    code = "wrong_type"
    named = _NAMED.match(what)
    if named:
        unknown = named["what"] == "contains unknown"
        code = "unknown_field" if unknown else "missing_field"
        verb = "is not a field here" if unknown else "is missing"
        name = _cut(named["name"])
        what = f"`{name}` {verb}"
        steps.append(name)
    elif not what.startswith("Expected `"):
        code = "wrong_value"
    # A value of an enum is told as it was sent, a pattern as the document has it.
    what = _cut(what).replace(_END_AS_TOLD, "$'")
    if "..." in steps:
        # Below free-form metadata msgspec does not say which name it was.
        steps = steps[: steps.index("...")]
    pointer = "".join(f"/{_escape(step)}" for step in steps)
    error = FieldError(code=code, detail=f"{what}.", pointer=pointer)
    return Problem("malformed", f"{what}.", errors=[error])


def _wrong_parameter(name: str, detail: str, code: str = "wrong_value") -> Problem:
    error = FieldError(code=code, detail=_cut(detail), parameter=_cut(name))
    return Problem("malformed", _cut(detail), errors=[error])


def _cut(text: str) -> str:
    """Return a text that a caller sent, but not megabytes of it."""
    return text if len(text) <= _ECHO_MAX else f"{text[:_ECHO_MAX]}…"


def _mentions(kind: Any, wanted: Any) -> bool:
    if kind is wanted or get_origin(kind) is wanted:
        return True
    return any(_mentions(part, wanted) for part in get_args(kind))


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
