"""The headers that calls have and answers carry, as OpenAPI says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .idempotency import HEADER, KEY_MAX

if TYPE_CHECKING:
    from .endpoint import Operation

_REFERENCE = "#/components/headers/{name}"
_RETRY_STATUSES = (429, 503)
_TAG = '(W/)?"[!#-~]*"'
_TAGS = rf"^(\*|{_TAG}( *, *{_TAG})*)$"

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Yours, where it is a sane one; else one of ours.",
        "required": True,
        "schema": {
            "type": "string",
            "maxLength": 128,
            "pattern": "^[A-Za-z0-9._:-]+$",
        },
    },
    "Idempotent-Replayed": {
        "description": "`true`: this was done before, by this key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Location": {
        "description": "Where it stands from now on.",
        "schema": {"type": "string", "maxLength": 2000, "format": "uri-reference"},
    },
    "ETag": {
        "description": "The version that was read; `If-Match` takes it.",
        "schema": {"type": "string", "maxLength": 200, "pattern": '^(W/)?"[!-~]*"$'},
    },
    "Retry-After": {
        "description": "Seconds until it is worth another try.",
        "schema": {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 86_400,
        },
    },
    "RateLimit-Policy": {
        "description": "`q`: how much may be asked; it fills up in `w` seconds.",
        "schema": {
            "type": "string",
            "maxLength": 60,
            "pattern": '^"default";q=[0-9]+;w=[0-9]+$',
        },
    },
    "RateLimit": {
        "description": (
            "`r`: how much is left; `t`: seconds until it is whole again, and of a "
            "429 until this request would pass. Not there while nothing is counted."
        ),
        "schema": {
            "type": "string",
            "maxLength": 60,
            "pattern": '^"default";r=[0-9]+;t=[0-9]+$',
        },
    },
    "WWW-Authenticate": {
        "description": "How to say who you are.",
        "schema": {"type": "string", "maxLength": 200, "pattern": "^Bearer "},
    },
}
"""What answers carry, by name: the components that they refer to."""

_OF_EITHER = (
    " Keys are compared letter by letter, quotes too. In a body, spaces and the order "
    "of fields make no difference; 1.0 is another number than 1."
)
_KEY_OF_A_COMMAND = (
    "Makes a retry safe: the same key and command give the first answer again, for "
    "ever. Required, unless `dry_run`, or an earn or redeem with a reference of type "
    "`order`."
) + _OF_EITHER
_KEY_OF_A_CALL = (
    "Makes a retry safe: for a day, the same key and request give the first answer "
    "again."
) + _OF_EITHER


def header_parameters(declared: Operation) -> list[dict[str, Any]]:
    """Return the headers that an operation reads."""
    named = [_key(declared)] if declared.key != "none" else []
    if declared.version == "demanded":
        named.append(_tags("If-Match", "The ETag of what you change, or `*`."))
    if 304 in declared.answers:
        named.append(_tags("If-None-Match", "The ETag of what you know already."))
    return named


def _key(declared: Operation) -> dict[str, Any]:
    is_command = declared.key == "required"
    return {
        "name": HEADER,
        "in": "header",
        "required": False,
        "description": _KEY_OF_A_COMMAND if is_command else _KEY_OF_A_CALL,
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": KEY_MAX,
            "pattern": "^[ -~]+$",
        },
        "example": "order-1017-earn",
    }


def _tags(name: str, description: str) -> dict[str, Any]:
    # Left out, If-Match is answered 428, which tells more than 400 would.
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string", "maxLength": 1_000, "pattern": _TAGS},
        "example": '"3"',
    }


def answer_headers(declared: Operation, status: int) -> dict[str, Any]:
    """Return the headers of what an operation answers when it is done."""
    names = ["X-Request-Id", *_of_limits(declared)]
    names += ["Idempotent-Replayed"] if declared.key != "none" else []
    names += ["Location"] if status in (201, 202) else []
    names += ["ETag"] if declared.version != "none" else []
    return _references(names)


def refusal_headers(
    declared: Operation, status: int, codes: Sequence[str]
) -> dict[str, Any]:
    """Return the headers of a "no" that has one of these codes."""
    names = ["X-Request-Id", *_of_limits(declared)]
    names += ["Idempotent-Replayed"] if declared.key != "none" and status < 500 else []
    is_worth_a_try = status in _RETRY_STATUSES or "in_flight" in codes
    names += ["Retry-After"] if is_worth_a_try else []
    names += ["WWW-Authenticate"] if status == 401 else []
    return _references(names)


def _of_limits(declared: Operation) -> list[str]:
    return ["RateLimit", "RateLimit-Policy"] if declared.limited else []


def _references(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"$ref": _REFERENCE.format(name=name)} for name in names}
