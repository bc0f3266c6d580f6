"""How long, how large, how many: no schema of the document is left without bounds.

What is asked for says its bounds where it is parsed, because there they are kept. What
is answered has those of this page, unless its struct says narrower ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import texts

WHOLE_MAX = 2**53 - 1
"""The greatest number that every JSON reader keeps exactly."""

TEXT_MAX = 100_000
ITEMS_MAX = 1_000_000
_LENGTHS = {"date-time": 64, "date": 10, "uuid": 36}
"""Of what has a format, asked for or answered."""
_COMPONENT = "#/components/schemas/"
_BRANCHES = ("anyOf", "oneOf", "allOf", "prefixItems")


def add_bounds(document: dict[str, Any]) -> None:
    """Write the bounds into every schema of the document that lacks them."""
    components = document["components"]["schemas"]
    asked = _asked_for(document)
    for name, component in components.items():
        for schema in schemas_in(component):
            _bound(schema, answered=name not in asked)
    for operation in operations_in(document):
        for parameter in operation.get("parameters", []):
            for schema in schemas_in(parameter["schema"]):
                _bound(schema, answered=False)


def operations_in(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the operations of a document."""
    for item in document["paths"].values():
        yield from item.values()


def schemas_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and those inside it; references are not followed."""
    yield schema
    below = [*schema.get("properties", {}).values()]
    below += [branch for name in _BRANCHES for branch in schema.get(name, [])]
    below += [schema.get(name) for name in ("items", "additionalProperties")]
    for inner in below:
        if isinstance(inner, dict):
            yield from schemas_in(inner)


def _asked_for(document: dict[str, Any]) -> set[str]:
    """Return the names of the components that requests are made of."""
    waiting = [
        name
        for operation in operations_in(document)
        for content in operation.get("requestBody", {}).get("content", {}).values()
        for name in _named_in(content["schema"])
    ]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _named_in(document["components"]["schemas"][name])
    return found


def _named_in(schema: dict[str, Any]) -> list[str]:
    return [
        inner["$ref"].removeprefix(_COMPONENT)
        for inner in schemas_in(schema)
        if "$ref" in inner
    ]


def _bound(schema: dict[str, Any], *, answered: bool) -> None:
    kind = schema.get("type")
    if "pattern" in schema:
        schema["pattern"] = texts.as_said(schema["pattern"])
    if kind == "integer":
        schema.setdefault("format", "int64")
        if answered:
            schema.setdefault("minimum", -WHOLE_MAX)
            schema.setdefault("maximum", WHOLE_MAX)
    elif kind == "array" and answered:
        schema.setdefault("maxItems", ITEMS_MAX)
    elif kind == "string" and not {"enum", "const"} & schema.keys():
        if schema.get("format") in _LENGTHS:
            schema.setdefault("maxLength", _LENGTHS[schema["format"]])
        elif answered:
            schema.setdefault("maxLength", TEXT_MAX)
            if not {"pattern", "format"} & schema.keys():
                schema["pattern"] = texts.ANY
