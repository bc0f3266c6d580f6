"""Lists by cursor: opaque to the caller, a typed place in a total order to us."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from .problems import FieldError, Problem

T = TypeVar("T")
Row = TypeVar("Row")

SEQUENCE_MAX = 2**53 - 1
LIMIT_MAX = 100
Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="How many at most.")]
Cursor = Annotated[
    str,
    Meta(
        max_length=500,
        extra_json_schema={"pattern": "^[A-Za-z0-9_-]*$"},
        description="`next_cursor` of the page before, with the same filters.",
    ),
]


class _Identified(Protocol):
    @property
    def id(self) -> UUID: ...


class _Asked(Protocol):
    @property
    def limit(self) -> int: ...
    @property
    def cursor(self) -> str | None: ...
    @property
    def sort(self) -> str: ...


Known = TypeVar("Known", bound=_Identified)

NewestFirst = Annotated[
    Literal["-created_at", "created_at"],
    Meta(description="With `-`: the newest first."),
]


BySequence = Annotated[
    Literal["-sequence", "sequence"],
    Meta(description="With `-`: the newest first."),
]


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list."""

    data: Annotated[list[T], Meta(extra_json_schema={"maxItems": LIMIT_MAX})]
    has_more: bool
    next_cursor: Annotated[
        str | None, Meta(description="For `cursor`; null on the last page.")
    ]


def encode_cursor(kind: str, *place: object) -> str:
    """Return an opaque cursor for a place in the list of this kind."""
    return urlsafe_b64encode(msgspec.json.encode([kind, *place])).decode().rstrip("=")


def decode_cursor(text: str | None, kind: str, shape: type[Any]) -> Any:
    """Return the place that a cursor of this kind names, or None without a cursor.

    `shape` is a tuple type, its first member a string (the kind).

    Raises:
        Problem: `invalid_cursor`; it is no cursor, or one of another list.
    """
    if text is None:
        return None
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        place = msgspec.json.decode(raw, type=shape)
    except (ValueError, RecursionError):
        raise _invalid() from None
    if place[0] != kind:
        raise _invalid()
    return place[1:]


def paginate(
    rows: Sequence[Row],
    *,
    limit: int,
    render: Callable[[Row], T],
    cursor: Callable[[Row], str],
) -> Page[T]:
    """Return the page of rows, of which one more than `limit` was read."""
    kept = rows[:limit]
    more = len(rows) > limit
    return Page(
        data=[render(row) for row in kept],
        has_more=more,
        next_cursor=cursor(kept[-1]) if more else None,
    )


def page_by_id(
    query: _Asked,
    kind: str,
    *,
    read: Callable[..., Sequence[Known]],
    render: Callable[[Known], T],
) -> Page[T]:
    """Return a page in the order of ids, which is that of time.

    `read` is asked with `limit`, `after` (an id) and `newest_first`.

    Raises:
        Problem: `invalid_cursor`; it is no cursor, or one of another list or order.
    """
    kind = f"{kind}:{query.sort}"
    place = decode_cursor(query.cursor, kind, tuple[str, UUID])
    rows = read(
        limit=query.limit + 1,
        after=place[0] if place else None,
        newest_first=query.sort.startswith("-"),
    )
    return paginate(
        rows,
        limit=query.limit,
        render=render,
        cursor=lambda row: encode_cursor(kind, row.id),
    )


def _invalid() -> Problem:
    detail = "Take the cursor from `next_cursor`, and leave the filters as they were."
    wrong = FieldError(code="invalid_cursor", detail=detail, parameter="cursor")
    return Problem("invalid_cursor", detail, errors=[wrong])
