"""Spectral: the document keeps its rules and OWASP's, without a warning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.conftest import Workshop


def _lint(workshop: Workshop) -> list[str]:
    done = workshop.node(
        "spectral",
        "lint",
        "--quiet",
        "openapi.json",
        "--ruleset=spectral.yaml",
        "--format=json",
        "--fail-severity=hint",
    )
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert (done.returncode == 1) == bool(found)
    return [
        f"{each['code']} at /{'/'.join(map(str, each['path']))}: {each['message']}"
        for each in found
    ]


def test_the_document_keeps_every_rule(workshop: Workshop) -> None:
    assert _lint(workshop) == []


def _unbounded(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["EarnBody"]["properties"]["points"]["maximum"]


def _unprotected(document: dict[str, Any]) -> None:
    document["paths"]["/v1/accounts/{account}/earn"]["post"]["security"] = []


def _lying(document: dict[str, Any]) -> None:
    answer = document["paths"]["/v1/members/{member}"]["get"]["responses"]["200"]
    answer["content"]["application/json"]["example"]["id"] = 7


def _unexplained(document: dict[str, Any]) -> None:
    del document["paths"]["/health/ready"]["get"]["description"]


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        (_unbounded, "owasp:api4:2023-integer-limit"),
        (_unprotected, "owasp:api2:2023-write-restricted"),
        (_lying, "oas3-valid-media-example"),
        (_unexplained, "operation-description"),
    ],
)
def test_a_document_that_breaks_a_rule_is_found(
    workshop: Workshop, harm: Any, rule: str
) -> None:
    path = workshop.folder / "openapi.json"
    document = json.loads(path.read_text())
    harm(document)
    path.write_text(json.dumps(document))
    found = _lint(workshop)
    assert [line for line in found if line.startswith(f"{rule} at /")], found
