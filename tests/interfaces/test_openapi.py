"""Schemathesis: what the document promises, under whatever input it allows.

Half of the cases are the document's own examples on objects that exist, so that every
operation also does its work; the rest is sent as generated, valid or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from punchcard.project.wsgi import application
from tests.interfaces.conftest import Api, make_api
from tests.interfaces.seeds import Seeds
from tests.sizes import size

SEED = 20300101
CASES = size(12, 500)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
EACH = ":batch"
"""Each of a batch has its own outcome: a bad one among them is told in a 200."""

NEVER_HERE = {
    # 400 unreadable, 413, 5xx: their own tests; these need other keys or programs.
    "401",
    "403",
    "413",
    "500",
    "503",
}
Seeding = Callable[[Any], str]
"""Takes a case, and returns the secret to call with."""


def test_the_api_keeps_what_its_document_promises() -> None:
    api = make_api()
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", application)
    seeds = Seeds(api)
    reached: dict[str, Counter[str]] = {}
    missing: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        seen = reached[operation.label] = Counter()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _probe(operation, mode, api, seeds.put, seen)
        documented = {str(status) for status in operation.definition.raw["responses"]}
        never = documented - seen.keys() - NEVER_HERE
        if never:
            missing.append(f"{operation.label}: never {', '.join(sorted(never))}")
    # What was never reached, for whoever reads the run (pytest -rP).
    print("\n".join(missing))
    for label, seen in reached.items():
        assert any(status.startswith("2") for status in seen), (label, seen)
        assert not any(status.startswith("5") for status in seen), (label, seen)


def _probe(
    operation: Any,
    mode: GenerationMode,
    api: Api,
    put: Seeding,
    seen: Counter[str],
) -> None:
    strategy = operation.as_strategy(generation_mode=mode)

    @seed(SEED)
    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, seeded=st.booleans())
    def probe(case: Any, seeded: bool) -> None:
        secret = api.secret
        if seeded and mode is GenerationMode.POSITIVE:
            secret = put(case)
        response = case.call(headers={"Authorization": f"Bearer {secret}"})
        seen[str(response.status_code)] += 1
        if response.status_code == 405:
            return
        checks = [*CHECKS]
        if mode is GenerationMode.NEGATIVE and not case.operation.path.endswith(EACH):
            checks.append(negative_data_rejection)
        case.validate_response(response, checks=checks)

    try:
        probe()
    except Unsatisfiable:
        # What takes no input cannot be given a wrong one.
        assert mode is GenerationMode.NEGATIVE
