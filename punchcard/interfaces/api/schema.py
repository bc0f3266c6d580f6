"""OpenAPI 3.1 from what the operations declare: the structs that parse, describe."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from . import texts
from .examples import PROBLEM_REFERENCE, example_of, merged
from .files import ANY, Csv
from .headers import answer_headers, header_parameters, refusal_headers
from .parameters import path_parameters, query_parameters
from .permissions import ANY_KEY, ANY_USER, ANYONE
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
_OF_EVERY_FILE = (
    "unreadable",
    "length_required",
    "too_large",
    "unsupported_media_type",
)
_OF_EVERY_CALLER = (
    "malformed",
    "unauthenticated",
    "address_not_allowed",
    "database_unavailable",
)
_OF_EVERY_KEPT_ANSWER = (
    "in_flight",
    "answer_withheld",
    "key_reused",
)

_FILE = {"type": "string", "format": "binary", "maxLength": 2**40}
_TEXT = {"type": "string", "pattern": texts.ANY, "maxLength": 2**40}
_SECURITY: list[dict[str, list[str]]] = [{"apiKey": []}, {"accessToken": []}]


class TwoOfOneName(Exception):
    """One name in the document would mean two things."""


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
                *path_parameters(path_regex),
                *query_parameters(declared.query),
                *header_parameters(declared),
            ],
            "security": _security(declared),
            "responses": self._responses(declared, method),
        }
        description = declared.description
        if declared.scope not in {ANYONE, ANY_KEY, ANY_USER}:
            description += f"\n\nScope: `{declared.scope}`."
        if description:
            described["description"] = description.strip()
        if declared.has_body:
            described["requestBody"] = {
                "required": _is_required(declared.body),
                "content": {"application/json": self._body(declared)},
            }
        if declared.takes_file:
            described["requestBody"] = {
                "required": True,
                "content": {ANY: {"schema": _FILE}},
            }
        return described

    def _responses(self, declared: Operation, method: str) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for status, kind in declared.answers.items():
            answers[str(status)] = {
                "description": _MEANINGS.get(status, "Done."),
                "headers": answer_headers(declared, status),
            }
            if kind is Csv:
                answers[str(status)]["content"] = {Csv.MEDIA_TYPE: {"schema": _TEXT}}
            elif kind is not None:
                content = {"application/json": self._answer(declared, kind)}
                answers[str(status)]["content"] = content
        codes = list(declared.refusals)
        if declared.scope != ANYONE:
            codes += _OF_EVERY_CALLER
            codes += () if declared.scope == ANY_KEY else ("forbidden",)
        elif declared.has_body:
            codes += ("database_unavailable",)
        codes += _OF_EVERY_BODY if declared.has_body else ()
        codes += _OF_EVERY_FILE if declared.takes_file else ()
        codes += ("too_many_requests",) if declared.limited else ()
        codes += _OF_EVERY_KEPT_ANSWER if declared.key == "optional" else ()
        # Whatever commits can lose its COMMIT, whether a key makes it safe or not.
        codes += () if method.upper() == "GET" else ("outcome_unknown",)
        grouped: dict[int, list[str]] = defaultdict(list)
        for code in dict.fromkeys([*codes, "unexpected"]):
            grouped[TABLE[code].status].append(code)
        for status in sorted(grouped):
            answers[str(status)] = self._refusal(declared, status, grouped[status])
        return answers

    def _refusal(
        self, declared: Operation, status: int, codes: list[str]
    ) -> dict[str, Any]:
        lines = [f"- `{code}`: {TABLE[code].title}" for code in codes]
        schema, _ = self._registered(ProblemDocument)
        examples = {
            code: {"$ref": PROBLEM_REFERENCE.format(code=code)} for code in codes
        }
        return {
            "description": "\n".join(lines),
            "headers": refusal_headers(declared, status, codes),
            "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
        }

    def _body(self, declared: Operation) -> dict[str, Any]:
        schema, components = self._registered(declared.body)
        example = declared.example or example_of(schema, components, asked=True)
        return {"schema": schema, "example": example}

    def _answer(self, declared: Operation, kind: type[Any]) -> dict[str, Any]:
        schema, components = self._registered(kind)
        example = example_of(schema, components, asked=False)
        return {"schema": schema, "example": merged(example, declared.shows)}

    def _registered(self, kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the schema of a struct, and the components that it refers to."""
        (schema,), components = msgspec.json.schema_components(
            [kind], ref_template=_REFERENCE
        )
        for name, component in components.items():
            described = ResolvedComponent(  # type: ignore[no-untyped-call]
                name=name,
                type=ResolvedComponent.SCHEMA,
                schema=component,
                object=name,
            )
            if described not in self.registry:
                self.registry.register(described)
            elif self.registry[described].schema != component:
                raise TwoOfOneName(f"Two structs of the API are called {name}.")
        return schema, components


_MEANINGS = {
    200: "Done, or so it stands.",
    201: "Done: something new was written.",
    202: "Taken: it will be done.",
    204: "Done; there is nothing to say.",
    304: "It stands as you know it.",
}


def _security(declared: Operation) -> list[dict[str, list[str]]]:
    """Return who may call: nobody's credential, a person's, or a key's too."""
    if declared.scope == ANYONE:
        return []
    return _SECURITY[1:] if declared.scope == ANY_USER else _SECURITY


def _is_required(kind: Any) -> bool:
    if not isinstance(kind, type):
        # Of several: each of them says at least which it is.
        return True
    return any(field.required for field in msgspec.structs.fields(kind))
