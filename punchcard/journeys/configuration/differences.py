"""What is different between two documents, place by place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from .document import Document
from .exporting import lean
from .structure import escape


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A place that is new, gone or otherwise: `pointer` is of the new document.

    Of what is gone it is of the old one. What has an id or a code is the same one
    wherever it stands in its list.
    """

    kind: Literal["added", "removed", "changed"]
    pointer: str
    before: Any
    after: Any


def compare(*, before: Document, after: Document) -> tuple[Difference, ...]:
    """Return the differences, in the order of the document."""
    return tuple(_compare(before, after, ""))


def _compare(before: Any, after: Any, place: str) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, msgspec.Struct) and type(before) is type(after):
        for field in msgspec.structs.fields(before):
            parts = getattr(before, field.name), getattr(after, field.name)
            yield from _compare(*parts, f"{place}/{field.encode_name}")
    elif _is_named(before) and _is_named(after):
        yield from _compare_lists(before, after, place)
    elif isinstance(before, dict) and isinstance(after, dict):
        yield from _compare_maps(before, after, place)
    else:
        yield _difference("changed", place, before, after)


def _compare_lists(before: Any, after: Any, place: str) -> Iterator[Difference]:
    old = {_name(one): (at, one) for at, one in enumerate(before)}
    new = {_name(one): (at, one) for at, one in enumerate(after)}
    for name, (at, one) in old.items():
        if name not in new:
            yield _difference("removed", f"{place}/{at}", one, None)
    for name, (at, one) in new.items():
        below = f"{place}/{at}"
        if name not in old:
            yield _difference("added", below, None, one)
        else:
            yield from _compare(old[name][1], one, below)
    orders = (
        [name for name in old if name in new],
        [name for name in new if name in old],
    )
    if orders[0] != orders[1]:
        yield _difference("changed", place, *orders)


def _compare_maps(before: Any, after: Any, place: str) -> Iterator[Difference]:
    for name, one in before.items():
        if name not in after:
            yield _difference("removed", f"{place}/{escape(name)}", one, None)
    for name, one in after.items():
        below = f"{place}/{escape(name)}"
        if name not in before:
            yield _difference("added", below, None, one)
        else:
            yield from _compare(before[name], one, below)


def _difference(
    kind: Literal["added", "removed", "changed"], place: str, before: Any, after: Any
) -> Difference:
    return Difference(kind=kind, pointer=place, before=lean(before), after=lean(after))


def _is_named(value: Any) -> bool:
    """Return whether it is a list of things that have names."""
    return isinstance(value, tuple) and all(_name(one) is not None for one in value)


def _name(value: Any) -> str | None:
    return getattr(value, "id", None) or getattr(value, "code", None)
