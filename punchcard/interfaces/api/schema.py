"""OpenAPI 3.1 from what the operations declare: the structs that parse, describe."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from .idempotency import HEADER, KEY_MAX
from .permissions import ANY_KEY, ANYONE
from .problems import MEDIA_TYPE, TABLE, ProblemDocument

if TYPE_CHECKING:
    from .endpoint import Operation

_REFERENCE = "#/components/schemas/{name}"
_OF_EVERY_BODY = (
    "invalid_json",
    "malformed",
    "unreadable",
    "length_required",
    "too_large",
    "unsupported_media_type",
)
_OF_EVERY_CALLER = ("malformed", "unauthenticated", "database_unavailable")

_PATH: dict[str, dict[str, Any]] = {
    "member": {
        "description": "`mem_…`, or `ext:<external id>`.",
        "schema": {"type": "string"},
        "example": "ext:anna",
    },
    "account": {
        "description": "`acc_…`, or `ext:<external id of the member>@<wallet>`.",
        "schema": {"type": "string"},
        "example": "ext:anna@points",
    },
    "sequence": {
        "description": "Number of the entry in its account: 1, 2, 3 …",
        "schema": {"type": "integer", "minimum": 0},
        "example": 1,
    },
}


class OperationSchema(AutoSchema):
    """Describes an `Endpoint` by its operations."""

    def get_operation(
        self,
        path: str,  # noqa: ARG002
        path_regex: str,
        path_prefix: str,  # noqa: ARG002
        method: str,
        registry: ComponentRegistry,
    ) -> dict[str, Any] | None:
        """Return the OpenAPI operation of one method of the view."""
        operations: dict[str, Operation] = getattr(self.view, "operations", {})
        declared = operations.get(method.upper())
        if declared is None:
            return None
        self.registry = registry
        described: dict[str, Any] = {
            "operationId": declared.id,
            "summary": declared.summary,
            "tags": [declared.tag],
            "parameters": [
                *_path_parameters(path_regex),
                *_query_parameters(declared.query),
                *_header_parameters(declared),
            ],
            "security": [] if declared.scope == ANYONE else [{"apiKey": []}],
            "responses": self._responses(declared),
        }
        description = declared.description
        if declared.scope not in {ANYONE, ANY_KEY}:
            description += f"\n\nScope: `{declared.scope}`."
        if description:
            described["description"] = description.strip()
        if declared.has_body:
            described["requestBody"] = {
                "required": _is_required(declared.body),
                "content": {"application/json": {"schema": self._ref(declared.body)}},
            }
        return described

    def _responses(self, declared: Operation) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for status, kind in declared.answers.items():
            answers[str(status)] = {"description": _MEANINGS.get(status, "Done.")}
            if kind is not None:
                content = {"application/json": {"schema": self._ref(kind)}}
                answers[str(status)]["content"] = content
            if declared.key == "required":
                answers[str(status)]["headers"] = {
                    "Idempotent-Replayed": {
                        "description": "`true`: this was done before, by this key.",
                        "schema": {"type": "string", "enum": ["true"]},
                    }
                }
        codes = list(declared.refusals)
        if declared.scope != ANYONE:
            codes += _OF_EVERY_CALLER
            codes += () if declared.scope == ANY_KEY else ("forbidden",)
            codes += _OF_EVERY_BODY if declared.has_body else ()
        grouped: dict[int, list[str]] = defaultdict(list)
        for code in dict.fromkeys([*codes, "unexpected"]):
            grouped[TABLE[code].status].append(code)
        for status in sorted(grouped):
            answers[str(status)] = self._refusal(grouped[status])
        return answers

    def _refusal(self, codes: list[str]) -> dict[str, Any]:
        lines = [f"- `{code}`: {TABLE[code].title}" for code in codes]
        return {
            "description": "\n".join(lines),
            "content": {MEDIA_TYPE: {"schema": self._ref(ProblemDocument)}},
        }

    def _ref(self, kind: type[Any]) -> dict[str, Any]:
        (schema,), components = msgspec.json.schema_components(
            [kind], ref_template=_REFERENCE
        )
        for name, component in components.items():
            self.registry.register_on_missing(
                ResolvedComponent(  # type: ignore[no-untyped-call]
                    name=name,
                    type=ResolvedComponent.SCHEMA,
                    schema=component,
                    object=name,
                )
            )
        return schema


_MEANINGS = {
    200: "Done, or so it stands.",
    201: "Done: something new was written.",
    204: "Good.",
}


def _path_parameters(path_regex: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, **described}
        for name, described in _PATH.items()
        if f":{name}>" in path_regex or f"<{name}>" in path_regex
    ]


def _query_parameters(shape: type[Any]) -> list[dict[str, Any]]:
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


def _header_parameters(declared: Operation) -> list[dict[str, Any]]:
    if declared.key == "none":
        return []
    return [
        {
            "name": HEADER,
            "in": "header",
            "required": False,
            "description": (
                "Makes a retry safe: the same key and command give the first answer "
                "again, for ever. Required, unless `dry_run`, or an earn or redeem "
                "with a reference of type `order`."
                if declared.key == "required"
                else "Taken and not needed: this call can be repeated safely anyway."
            ),
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": KEY_MAX,
                "pattern": "^[ -~]+$",
            },
            "example": "order-1017-earn",
        }
    ]


def _is_required(kind: type[Any]) -> bool:
    return any(field.required for field in msgspec.structs.fields(kind))
