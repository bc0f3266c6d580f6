"""Whatever is sent: a problem document, and nothing half done."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from punchcard.interfaces.api.documents import openapi_document
from tests.interfaces.conftest import Answer, Api
from tests.interfaces.scene import PATHS, Scene

DOCUMENT = json.loads(openapi_document())

GOOD = b'{"points": 5}'

# ruff: noqa: E501 - one line per case
BODIES = [
    # body, status, code, pointer
    (b"", 400, "malformed", "/points"),
    (b"{", 400, "invalid_json", None),
    (b"nonsense", 400, "invalid_json", None),
    (b'{"points": 5} trailing', 400, "invalid_json", None),
    (b'{"points": NaN}', 400, "invalid_json", None),
    (b'{"points": 5, "description": "\xff"}', 400, "invalid_json", None),
    (b'{"points": 5, "description": "\\ud800"}', 400, "invalid_json", None),
    (b"[]", 400, "malformed", ""),
    (b"null", 400, "malformed", ""),
    (b'"points"', 400, "malformed", ""),
    (b"{}", 400, "malformed", "/points"),
    (b'{"points": null}', 400, "malformed", "/points"),
    (b'{"points": 1.5}', 400, "malformed", "/points"),
    (b'{"points": 1.0}', 400, "malformed", "/points"),
    (b'{"points": 1e3}', 400, "malformed", "/points"),
    (b'{"points": "5"}', 400, "malformed", "/points"),
    (b'{"points": true}', 400, "malformed", "/points"),
    (b'{"points": [5]}', 400, "malformed", "/points"),
    (b'{"points": 0}', 400, "malformed", "/points"),
    (b'{"points": -5}', 400, "malformed", "/points"),
    (b'{"points": 1000000000000001}', 400, "malformed", "/points"),
    (b'{"points": ' + b"9" * 40 + b"}", 400, "malformed", "/points"),
    (b'{"points": ' + b"9" * 5000 + b"}", 400, "malformed", "/points"),
    (b'{"points": 5, "currency": "USD"}', 400, "malformed", "/currency"),
    (b'{"points": 5, "a/b~c": 1}', 400, "malformed", "/a~1b~0c"),
    (b'{"points": 5, "at": "2026-01-01T00:00:00"}', 400, "malformed", "/at"),
    (b'{"points": 5, "at": "2026-02-30T00:00:00Z"}', 400, "malformed", "/at"),
    (b'{"points": 5, "at": "2026-01-01"}', 400, "malformed", "/at"),
    (b'{"points": 5, "at": "yesterday"}', 400, "malformed", "/at"),
    (b'{"points": 5, "at": 1767225600}', 400, "malformed", "/at"),
    (b'{"points": 5, "at": "0001-01-01T00:00:00+14:00"}', 400, "malformed", "/at"),
    (b'{"points": 5, "at": "9999-12-31T23:59:59-14:00"}', 400, "malformed", "/at"),
    (b'{"points": 5, "expires_at": "1999-01-01T00:00:00Z"}', 400, "malformed", "/expires_at"),
    (b'{"points": 5, "validity": "a year"}', 400, "malformed", "/validity"),
    (b'{"points": 5, "validity": "-P1D"}', 400, "malformed", "/validity"),
    (b'{"points": 5, "validity": "P99999Y"}', 400, "malformed", "/validity"),
    (b'{"points": 5, "validity": "P\\u0000D"}', 400, "malformed", "/validity"),
    (b'{"points": 5, "pending": "P1.5M"}', 400, "malformed", "/pending"),
    (b'{"points": 5, "source": "heaven"}', 400, "malformed", "/source"),
    (b'{"points": 5, "source": 7}', 400, "malformed", "/source"),
    (b'{"points": 5, "description": "a\\u0000b"}', 400, "malformed", "/description"),
    (b'{"points": 5, "reference": {"type": "x"}}', 400, "malformed", "/reference/id"),
    (b'{"points": 5, "reference": {"type": "x", "id": 7}}', 400, "malformed", "/reference/id"),
    (b'{"points": 5, "reference": {"type": "x", "id": "\\u0000"}}', 400, "malformed", "/reference/id"),
    (b'{"points": 5, "metadata": []}', 400, "malformed", "/metadata"),
    (b'{"points": 5, "metadata": {"a": "\\u0000"}}', 400, "malformed", "/metadata"),
    (b'{"points": 5, "metadata": {"a": 1e999}}', 400, "malformed", "/metadata"),
    (b'{"points": 5, "metadata": {"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}", 400, "malformed", None),
    (b'{"points": 5, "metadata": {"a": ' + b"[" * 100 + b"]" * 100 + b"}}", 400, "malformed", "/metadata"),
    (b'{"points": 5, "metadata": {"a": ' + b"[" * 600 + b"]" * 600 + b"}}", 400, "malformed", "/metadata"),
    (b'{"points": 5, "metadata": {"a": "' + b"x" * 20_000 + b'"}}', 400, "malformed", "/metadata"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code", "pointer"), BODIES)
def test_a_bad_body_is_refused_by_its_place(
    api: Api, body: bytes, status: int, code: str, pointer: str | None
) -> None:
    account = api.enrol()
    answer = api.post(f"{account}/earn", body, key="k")
    assert (answer.status, answer.code) == (status, code), answer.body
    if pointer is not None:
        assert answer.body["errors"][0].get("pointer") == pointer
    assert b"Traceback" not in answer.response.content
    assert api.get(account).body["last_sequence"] == 0
    # Nothing was half done: the key is still free.
    assert api.post(f"{account}/earn", GOOD, key="k").status == 201


@pytest.mark.parametrize(
    "key", ["", "x" * 201, "ä", "a\tb", "\x7f", "\u2603".encode().decode("latin-1")]
)
def test_a_bad_key_is_refused(api: Api, key: str) -> None:
    account = api.enrol()
    answer = api.post(f"{account}/earn", GOOD, key=key)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["parameter"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("entries?limit=0", "limit"),
        ("entries?limit=101", "limit"),
        ("entries?limit=x", "limit"),
        ("entries?limit=1e1", "limit"),
        ("entries?limit=5&limit=6", "limit"),
        ("entries?limit=", "limit"),
        ("entries?colour=red", "colour"),
        ("entries?type=theft", "type"),
        ("entries?sort=amount", "sort"),
        ("entries?effective_at.gte=yesterday", "effective_at.gte"),
        ("entries?effective_at.gte=123", "effective_at.gte"),
        ("entries?effective_at.gte=2026-01-01T00:00:00", "effective_at.gte"),
        ("balance?as_of=2026-13-01T00:00:00Z", "as_of"),
        ("balance?as_of=0001-01-01T00:00:00Z", "as_of"),
        ("balance?as_of=9999-12-31T23:59:59Z", "as_of"),
        ("balance?as_of=", "as_of"),
        ("balance?dry_run=true", "dry_run"),
        ("lots?limit=-1", "limit"),
        ("entries?limit=5%0A", "limit"),
        ("entries?sort=null", "sort"),
        ("entries?type=null", "type"),
        ("holds?open=null", "open"),
        ("holds?open=1", "open"),
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(
    api: Api, path: str, parameter: str
) -> None:
    account = api.enrol()
    answer = api.get(f"{account}/{path}")
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["parameter"] == parameter


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("members?email=nobody", "email"),
        ("members?email=a%00b", "email"),
        ("members?email=anna@example.org%0A", "email"),
        ("members?phone=112", "phone"),
        ("members?external_id=", "external_id"),
        ("members?tag=" + "x" * 51, "tag"),
        ("members?status=null", "status"),
        ("memberships?status=NULL", "status"),
        ("memberships?role=null", "role"),
        ("audit?actor=%00", "actor"),
    ],
)
def test_a_filter_that_can_match_nothing_is_not_taken_for_none(
    api: Api, query: str, parameter: str
) -> None:
    api.enrol()
    answer = api.get(f"/v1/{query}")
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["parameter"] == parameter


def test_a_word_like_any_other_is_sought(api: Api) -> None:
    for name in ("null", "anna"):
        api.enrol(name)
    found = api.get("/v1/members?external_id=null").body["data"]
    assert [member["external_id"] for member in found] == ["null"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method.upper(), path)
        for path, item in PATHS.items()
        for method, operation in item.items()
        # Of a batch, each is refused by itself.
        if "application/json" in operation.get("requestBody", {}).get("content", {})
        and not path.endswith(":batch")
    ],
)
def test_a_newline_at_the_end_counts(method: str, path: str) -> None:
    """For Python's `$` it does not, for that of the document's patterns it does."""
    scene = Scene()
    promise = PATHS[path][method.lower()]["requestBody"]["content"]["application/json"]
    schema = {**promise["schema"], "components": DOCUMENT["components"]}
    said = promise["example"]
    for name in [name for name, value in said.items() if isinstance(value, str)]:
        body = said | {name: said[name] + "\n"}
        answer = scene.send(method, path, body=body, key=f"of {name}")
        # A path may lead nowhere here; what does not fit is seen before.
        if not jsonschema_rs.is_valid(schema, body):
            assert (answer.status, answer.code) == (400, "malformed"), body
            assert answer.body["errors"][0]["pointer"] == f"/{name}"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/nothing", "not_found"),
        ("/v1/accounts/", "not_found"),
        ("/v1/accounts/acc_x", "account_not_found"),
        ("/v1/accounts/mem_01h455vb4pex5vsknk084sn02q", "account_not_found"),
        ("/v1/accounts/ext:%00@points", "account_not_found"),
        ("/v1/accounts/ext:anna@%00", "account_not_found"),
        ("/v1/accounts/ext:@", "account_not_found"),
        ("/v1/accounts/ext:anna", "account_not_found"),
        ("/v1/accounts/%ff%fe", "account_not_found"),
        ("/v1/members/mem_x", "member_not_found"),
        ("/v1/members/ext:%00", "member_not_found"),
        ("/v1/members/" + "x" * 5000, "member_not_found"),
        ("/v1/accounts/ext:anna@points/entries/x", "entry_not_found"),
        ("/v1/accounts/ext:anna@points/entries/\u0661", "entry_not_found"),
        ("/v1/accounts/ext:anna@points/lots/x", "entry_not_found"),
        ("/v1/accounts/ext:anna@points/lots/1.", "entry_not_found"),
        ("/v1/accounts/ext:anna@points/lots/1.x", "entry_not_found"),
        ("/v1/accounts/ext:anna@points/holds/x", "entry_not_found"),
        ("/v1/accounts/ext:anna@points/nothing", "not_found"),
        ("/v1/accounts/ext:anna/bo@points", "account_not_found"),
        ("/v1/accounts/ext:anna@points/entries/0", "entry_not_found"),
        ("/v1/accounts/ext:anna@points/entries/" + "9" * 400, "entry_not_found"),
    ],
)
def test_a_bad_address_is_a_404(api: Api, path: str, code: str) -> None:
    api.enrol()
    answer = api.get(path)
    assert (answer.status, answer.code) == (404, code)


@pytest.mark.parametrize(
    "external_id", ["", " ", " a", "a ", "x" * 201, "a\nb", "a\0b", 7, None, ["a"]]
)
def test_a_bad_external_id_makes_no_member(api: Api, external_id: object) -> None:
    answer = api.post("/v1/members", {"external_id": external_id})
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == "/external_id"
    assert api.get("/v1/members").body["data"] == []


def test_a_body_that_is_not_json_by_its_own_word_is_refused(api: Api) -> None:
    account = api.enrol()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        answer = api.post(f"{account}/earn", GOOD, key="k", content_type=kind)
        assert (answer.status, answer.code) == (415, "unsupported_media_type")
    with_charset = "Application/JSON; charset=utf-8"
    answer = api.post(f"{account}/earn", GOOD, key="k", content_type=with_charset)
    assert answer.status == 201


def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    account = api.enrol()
    body = b'{"points": 5, "description": "' + b"x" * (10 * 1024 * 1024) + b'"}'
    answer = api.post(f"{account}/earn", body, key="k")
    assert (answer.status, answer.code) == (413, "too_large")


def test_a_body_in_chunks_is_not_taken_for_an_empty_one(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    api.post(f"{account}/redeem", {"points": 50}, key="s")
    for headers, kind in (
        ({"Transfer-Encoding": "chunked"}, ""),
        ({}, "application/json"),
    ):
        answer = Answer(
            api.client.generic(
                "POST",
                f"{account}/entries/2/refund",
                content_type=kind,
                headers={
                    "Authorization": f"Bearer {api.secret}",
                    "Idempotency-Key": "f",
                    **headers,
                },
                **({"CONTENT_TYPE": kind} if kind else {}),
            )
        )
        assert (answer.status, answer.code) == (411, "length_required")
    assert api.get(account).body["balance"]["available"] == 50


def test_a_method_that_is_not_answered_says_which_are(api: Api) -> None:
    account = api.enrol()
    answer = api.call("DELETE", account)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.response["Allow"] == "GET"
    assert api.call("GET", f"{account}/earn").response["Allow"] == "POST"
    assert api.call("BREW", account).status == 405
    head = api.call("HEAD", account)
    assert head.status == 200


def test_a_request_has_an_id_in_and_out(api: Api) -> None:
    given = api.get("/v1/members/ext:x", headers={"X-Request-Id": "till-7:42"})
    assert given.response["X-Request-Id"] == "till-7:42"
    assert given.body["request_id"] == "till-7:42"
    for odd in ("", "a b", "<script>", "x" * 129, "ä"):
        answer = api.get("/v1/members/ext:x", headers={"X-Request-Id": odd})
        made = answer.response["X-Request-Id"]
        assert made != odd
        assert len(made) == 32
        assert answer.body["request_id"] == made
