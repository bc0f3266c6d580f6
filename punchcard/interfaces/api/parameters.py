"""What stands in the address and in the query, as OpenAPI says it."""

from __future__ import annotations

from typing import Any

import msgspec

from . import texts
from .bounds import WHOLE_MAX

_REFERENCE = "#/components/schemas/{name}"


def _id(prefix: str) -> dict[str, Any]:
    return {
        "description": f"`{prefix}_…`.",
        "schema": {
            "type": "string",
            "maxLength": len(prefix) + 1 + len(texts.SAMPLE),
            "pattern": f"^{texts.id_pattern(prefix)}$",
        },
        "example": f"{prefix}_{texts.SAMPLE}",
    }


def _named(prefix: str, example: str) -> dict[str, Any]:
    return {
        "description": f"`{prefix}_…`, or `ext:<external id>`.",
        "schema": {
            "type": "string",
            "maxLength": texts.NAMED_MAX,
            "pattern": texts.named(prefix),
        },
        "example": f"ext:{example}",
    }


_PATH: dict[str, dict[str, Any]] = {
    "member": _named("mem", "anna"),
    "account": {
        "description": "`acc_…`, or `ext:<external id of the member>@<wallet>`.",
        "schema": {
            "type": "string",
            "maxLength": texts.ACCOUNT_MAX,
            "pattern": texts.ACCOUNT,
        },
        "example": "ext:anna@points",
    },
    "sequence": {
        "description": "Number of the entry in its account: 1, 2, 3 …",
        "schema": {"type": "integer", "minimum": 0, "maximum": WHOLE_MAX},
        "example": 1,
    },
    "hold": {
        "description": "Number of the entry that opened the hold.",
        "schema": {"type": "integer", "minimum": 0, "maximum": WHOLE_MAX},
        "example": 1,
    },
    "lot": {
        "description": "The lot's id: its entry's number, a dot, and which of it.",
        "schema": {
            "type": "string",
            "maxLength": texts.LOT_MAX,
            "pattern": texts.LOT,
        },
        "example": "1.1",
    },
    "user": _id("usr"),
    "membership": _id("mbr"),
    "key": _id("key"),
    "place": {
        "description": "`plc_…`, or `ext:<code>`.",
        "schema": {
            "type": "string",
            "maxLength": texts.PLACE_MAX,
            "pattern": texts.PLACE,
        },
        "example": "ext:old-town",
    },
    "row": _id("aud"),
    "job": _id("job"),
    "order": _named("ord", "1017"),
    "return": _named("ret", "R-1"),
    "activity": _named("act", "review-1"),
}


def path_parameters(path_regex: str) -> list[dict[str, Any]]:
    """Return the parameters of an address, in the order of the table above."""
    return [
        {"name": name, "in": "path", "required": True, **described}
        for name, described in _PATH.items()
        if f":{name}>" in path_regex or f"<{name}>" in path_regex
    ]


def query_parameters(shape: type[Any]) -> list[dict[str, Any]]:
    """Return the parameters of a query, by the struct that parses it."""
    (_,), components = msgspec.json.schema_components([shape], ref_template=_REFERENCE)
    properties: dict[str, dict[str, Any]] = components[shape.__name__]["properties"]
    required = components[shape.__name__].get("required", [])
    parameters = []
    for name, described in properties.items():
        schema = dict(described)
        # A query has no null: leaving the parameter out says it.
        branches = schema.pop("anyOf", [])
        schema |= next((b for b in branches if b.get("type") != "null"), {})
        if schema.get("default", "") is None:
            del schema["default"]
        parameter: dict[str, Any] = {"name": name, "in": "query"}
        if "description" in schema:
            parameter["description"] = schema.pop("description")
        if name in required:
            parameter["required"] = True
        parameters.append({**parameter, "schema": schema})
    return parameters
