"""The API describes itself, and the pages load nothing from anybody else."""

from __future__ import annotations

import re

import jsonschema_rs
import msgspec
import pytest
from django.test import Client

from punchcard.interfaces.api.problems import TABLE
from tests.interfaces.conftest import Api


def _document() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    response = Client().get("/v1/openapi.json")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    return msgspec.json.decode(response.content)


def test_the_document_is_openapi_3_1_and_its_schemas_are_valid() -> None:
    document = _document()
    assert document["openapi"] == "3.1.0"
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_every_operation_has_a_name_of_its_own_and_documents_its_refusals() -> None:
    operations = [
        operation
        for path in _document()["paths"].values()
        for operation in path.values()
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert operation["summary"]
        assert operation["tags"]
        for status, answer in operation["responses"].items():
            for code in re.findall(r"^- `(\w+)`", answer["description"], re.MULTILINE):
                assert TABLE[code].status == int(status)


def test_whatever_changes_something_may_lose_its_commit() -> None:
    told = {
        (method, path): "outcome_unknown" in str(operation["responses"])
        for path, item in _document()["paths"].items()
        for method, operation in item.items()
    }
    assert {method for method, _ in told} == {"get", "post", "put", "patch", "delete"}
    for (method, path), is_told in told.items():
        assert is_told == (method != "get"), (method, path)


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_pages_load_what_we_serve_and_nothing_else(page: str) -> None:
    client = Client()
    response = client.get(page)
    assert response.status_code == 200
    html = response.content.decode()
    assert "/v1/openapi.json" in html
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", html)
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assets = re.findall(r"(?:src|href)=\"(/[^\"]+)\"", html)
    assert assets
    for asset in assets:
        served = client.get(asset)
        assert served.status_code == 200, asset
        served.close()


def test_answers_are_as_documented(api: Api) -> None:
    document = _document()
    account = api.enrol()
    api.earn(account, 100, metadata={"a": 1}, reference={"type": "order", "id": "1"})
    api.post(f"{account}/redeem", {"points": 5}, key="k")
    answers = {
        "AccountAnswer": api.get(account),
        "BalanceAnswer": api.get(f"{account}/balance"),
        "Page_EntryAnswer_": api.get(f"{account}/entries"),
        "EntryDetailAnswer": api.get(f"{account}/entries/2"),
        "Page_LotAnswer_": api.get(f"{account}/lots"),
        "Page_MemberAnswer_": api.get("/v1/members"),
        "MemberAccounts": api.get("/v1/members/ext:anna/accounts"),
        "ProblemDocument": api.get("/v1/members/ext:nobody"),
    }
    for name, answer in answers.items():
        schema = {"$ref": f"#/components/schemas/{name}"} | {
            "components": document["components"]
        }
        jsonschema_rs.validate(schema, answer.body)


def test_the_front_door_leads_to_the_documentation() -> None:
    assert Client().get("/")["Location"] == "/docs"
