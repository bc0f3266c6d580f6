"""Schemathesis: what the document promises, under whatever input it allows.

Half of the cases are the document's own examples on objects that exist, so that every
operation also does its work; the rest is sent as generated, valid or not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
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

from punchcard.interfaces.api.documents import openapi_document
from punchcard.project.wsgi import application
from tests.interfaces.conftest import Api
from tests.interfaces.operations import OPERATIONS, Declared
from tests.interfaces.seeds import Seeds
from tests.sizes import size


def _from_anywhere(environ: dict[str, Any], start: Any) -> Any:
    """Serve a call from where no other one comes: attempts are counted by that."""
    environ["REMOTE_ADDR"] = f"2001:db8:{next(_networks):x}::2"
    return application(environ, start)


_networks = count(1)
DOCUMENT = schemathesis.openapi.from_dict(json.loads(openapi_document()))
DOCUMENT.app = _from_anywhere
# Who asks is ours to say: what else is sent as a credential, test_tokens tells.
DOCUMENT.config.generation.update(with_security_parameters=False)
# An empty file has no length to be told, and that is as good a refusal as others.
DOCUMENT.config.checks.negative_data_rejection.expected_statuses.append("411")
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
Seeding = Callable[[Any], str | None]
"""Takes a case, and returns whose secret to call with, where it is somebody's own."""


def _label(declared: Declared) -> str:
    return f"{declared.method} {declared.path}"


@pytest.mark.parametrize(
    "declared", [pytest.param(each, id=_label(each)) for each in OPERATIONS]
)
def test_the_api_keeps_what_its_document_promises(api: Api, declared: Declared) -> None:
    operation = DOCUMENT[declared.path][declared.method]
    seeds = Seeds(api)
    secret = seeds.caller(declared.operation)
    seen: Counter[str] = Counter()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        _probe(operation, mode, secret, seeds.put, seen)
    documented = {str(status) for status in operation.definition.raw["responses"]}
    never = documented - seen.keys() - NEVER_HERE
    # What was never reached, for whoever reads the run (pytest -rP).
    print(f"{_label(declared)}: {dict(sorted(seen.items()))}, never {sorted(never)}")
    assert any(status.startswith("2") for status in seen), seen
    assert not any(status.startswith("5") for status in seen), seen


def test_no_operation_is_missing() -> None:
    promised = {result.ok().label for result in DOCUMENT.get_all_operations()}
    assert promised == {_label(each) for each in OPERATIONS}


def _probe(
    operation: Any,
    mode: GenerationMode,
    secret: str,
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
        whose = secret
        if seeded and mode is GenerationMode.POSITIVE:
            whose = put(case) or secret
        response = case.call(headers={"Authorization": f"Bearer {whose}"})
        seen[str(response.status_code)] += 1
        if response.status_code == 405:
            # An external id with a slash in it made another address of it.
            assert "%2F" in case.formatted_path, case.formatted_path
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
