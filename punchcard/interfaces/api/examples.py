"""Examples of what is asked and answered, put together from those of the fields.

A field's example stands beside its type (`Meta(examples=[…])`), so an example of a body
or an answer cannot name a field that is no more. What one operation shows differently,
its declaration says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .problems import TABLE, FieldError, ProblemDocument

PROBLEM_REFERENCE = "#/components/examples/problem_{code}"
_COMPONENT = "#/components/schemas/"
_INSTANT = "2030-01-04T00:00:00Z"
_BRANCHES_SHOWN = 2

_DETAILS: Mapping[str, Mapping[str, Any]] = {
    "insufficient_points": {"available": 70, "required": 120, "missing": 50},
    "exceeds_original": {"available": 70, "required": 120},
    "forbidden": {"scope": "members:write"},
}
_ERRORS: Mapping[str, FieldError] = {
    "malformed": FieldError(
        code="wrong_type", detail="Expected `int`, got `str`.", pointer="/points"
    ),
    "configuration_malformed": FieldError(
        code="wrong_type",
        detail='1.5 is a float: write it as text: "1.5"',
        pointer="/earning/rules/0/earn/factor",
    ),
    "invalid_cursor": FieldError(
        code="invalid_cursor",
        detail="Take the cursor from `next_cursor`.",
        parameter="cursor",
    ),
}


def example_of(
    schema: Mapping[str, Any], components: Mapping[str, Any], *, asked: bool
) -> Any:
    """Return an example of a schema: every field of an answer, what matters of a body.

    Of a body that is what must be said, and what has an example.
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_COMPONENT)
        return example_of(components[name], components, asked=asked)
    if schema.get("examples"):
        return schema["examples"][0]
    for keyword in ("const", "default"):
        if schema.get(keyword) is not None:
            return schema[keyword]
    if "enum" in schema:
        return schema["enum"][0]
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return _of_branches(branches, components, asked=asked)
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return _object(schema, components, asked=asked)
    if kind == "array":
        return _array(schema, components, asked=asked)
    return _scalar(schema)


def merged(example: Any, said: Mapping[str, Any]) -> Any:
    """Return an example with what is said instead, at any depth."""
    if not isinstance(example, Mapping):
        return example
    return dict(example) | {
        name: merged(example.get(name), value)
        if isinstance(value, Mapping) and isinstance(example.get(name), Mapping)
        else value
        for name, value in said.items()
    }


def problem_examples() -> dict[str, Any]:
    """Return the example of every code, under the name that answers refer to."""
    return {
        PROBLEM_REFERENCE.format(code=code).rpartition("/")[2]: {
            "summary": row.title,
            "value": msgspec.to_builtins(_problem(code)),
        }
        for code, row in TABLE.items()
    }


def _problem(code: str) -> ProblemDocument:
    return ProblemDocument(
        type=f"urn:punchcard:problem:{code}",
        title=TABLE[code].title,
        status=TABLE[code].status,
        code=code,
        detail=TABLE[code].title,
        instance="/v1/accounts/ext:anna@points/redeem",
        request_id="0197d1c2f1e47a3b9d5e6f708192a3b4",
        errors=[_ERRORS[code]] if code in _ERRORS else [],
        details=dict(_DETAILS.get(code, {})),
    )


def _of_branches(
    branches: list[dict[str, Any]], components: Mapping[str, Any], *, asked: bool
) -> Any:
    said = next((branch for branch in branches if branch.get("examples")), None)
    if said is None and any(branch.get("type") == "null" for branch in branches):
        return None
    return example_of(said or branches[0], components, asked=asked)


def _object(
    schema: Mapping[str, Any], components: Mapping[str, Any], *, asked: bool
) -> dict[str, Any]:
    required = schema.get("required", [])
    return {
        name: example_of(field, components, asked=asked)
        for name, field in schema.get("properties", {}).items()
        if name in required or field.get("examples") or not asked
    }


def _array(
    schema: Mapping[str, Any], components: Mapping[str, Any], *, asked: bool
) -> list[Any]:
    """Show one item, or of items of several kinds the first ones."""
    items = schema.get("items", {})
    kinds = items.get("anyOf") or items.get("oneOf") or [items]
    shown = [kind for kind in kinds if kind.get("type") != "null"][:_BRANCHES_SHOWN]
    return [example_of(kind, components, asked=asked) for kind in shown]


def _scalar(schema: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "integer" | "number":
            return max(schema.get("minimum", 0), 0)
        case "boolean":
            return False
        case "string" if schema.get("format") == "date-time":
            return _INSTANT
        case "string":
            return "text"
    return None
