"""The configuration over HTTP: read, changed from what was read, applied, refused."""

from __future__ import annotations

from typing import Any

import msgspec

from punchcard.interfaces.api.v1 import configuration
from punchcard.interfaces.api.v1.configuration import EXAMPLE
from punchcard.journeys.configuration.texts import read_text
from tests.interfaces.conftest import Answer, Api, another_key, make_api
from tests.interfaces.snapshots import changed, take_snapshot

CONFIG = "/v1/program/config"
MILES = {"code": "miles", "name": "Miles", "scale": 2}


def tag(answer: Answer) -> str | None:
    return answer.response.headers.get("ETag")


def put(api: Api, document: Any, query: str = "", match: str | None = "*") -> Answer:
    headers = {} if match is None else {"If-Match": match}
    return api.call("PUT", f"{CONFIG}{query}", document, headers=headers)


def shortfall(policy: str) -> dict[str, Any]:
    return {"returns": {"shortfall": policy}}


def codes(answer: Answer) -> list[str]:
    return [wallet["code"] for wallet in answer.body["document"]["wallets"]]


def test_without_one_there_are_the_wallets_and_no_rules(api: Api) -> None:
    found = api.get(CONFIG)
    assert (found.status, tag(found)) == (200, '"0"')
    assert (found.body["version"], found.body["effective_from"]) == (None, None)
    assert codes(found) == ["points"]
    assert found.body["document"]["earning"]["rules"] == []


def test_what_was_read_is_changed_and_put_back(api: Api) -> None:
    api.enrol("anna")
    read = api.get(CONFIG)
    document = read.body["document"]
    document["wallets"].append(MILES)
    document["earning"] = EXAMPLE["earning"]
    made = put(api, document, match=tag(read))
    assert (made.status, tag(made)) == (200, '"1"')
    assert (made.body["version"], made.body["created"]) == (1, True)
    assert [(d["kind"], d["pointer"]) for d in made.body["differences"]] == [
        ("added", "/wallets/1"),
        ("added", "/earning/rules/0"),
    ]
    assert made.body["differences"][0]["after"] == MILES
    assert (made.body["wallets_created"], made.body["accounts_opened"]) == (
        ["miles"],
        1,
    )
    again = api.get(CONFIG)
    assert (again.body["version"], tag(again)) == (1, '"1"')
    assert again.body["document"] == made.body["document"]
    assert again.body["effective_from"] == made.body["effective_from"]
    balance = api.get("/v1/accounts/ext:anna@miles/balance")
    assert balance.status == 200
    (row,) = api.get("/v1/audit?action=configuration.applied").body["data"]
    assert row["fields"]["version"] == 1
    assert row["actor"].startswith("key_")


def test_put_back_as_it_was_read_nothing_happens(api: Api) -> None:
    for document in (None, EXAMPLE):
        if document is not None:
            put(api, document)
        read = api.get(CONFIG)
        before = take_snapshot(api.program)
        same = put(api, read.body["document"], match=tag(read))
        assert (same.status, tag(same)) == (200, tag(read))
        assert (same.body["created"], same.body["differences"]) == (False, [])
        assert changed(before, take_snapshot(api.program)) == []


def test_as_yaml_it_is_the_document_alone(api: Api) -> None:
    put(api, EXAMPLE)
    found = api.get(CONFIG, headers={"Accept": "application/yaml"})
    assert found.response.headers["Content-Type"] == "application/yaml"
    assert tag(found) == '"1"'
    text = found.response.getvalue().decode()
    assert read_text(text) == EXAMPLE
    assert put(api, read_text(text)).body["created"] is False


def test_who_has_not_seen_the_last_version_is_told_so(api: Api) -> None:
    put(api, shortfall("cap"), match='"0"')
    before = take_snapshot(api.program)
    for match, status, code in (
        (None, 428, "precondition_required"),
        ('"0"', 412, "precondition_failed"),
        ('W/"1"', 412, "precondition_failed"),
        ("1", 400, "malformed"),
    ):
        for query in ("", "?dry_run=true"):
            refused = put(api, shortfall("refuse"), query, match=match)
            assert (refused.status, refused.code) == (status, code)
    assert changed(before, take_snapshot(api.program)) == []
    assert put(api, shortfall("refuse"), match='"7", "1"').body["version"] == 2


def test_what_waits_must_have_been_seen_too(api: Api) -> None:
    put(api, shortfall("cap"))
    put(api, shortfall("refuse"), "?effective_from=2090-01-01T00:00:00Z")
    read = api.get(CONFIG)
    assert (read.body["version"], tag(read)) == (1, '"1"')
    assert put(api, shortfall("debt"), match=tag(read)).status == 412
    later = api.get(f"{CONFIG}?at=2090-01-01T00:00:00Z")
    assert (later.body["version"], tag(later)) == (2, '"2"')
    done = put(api, shortfall("debt"), match=tag(later))
    assert (done.body["version"], done.body["supersedes"]) == (3, [2])


def test_a_dry_run_says_the_same_and_does_nothing(api: Api) -> None:
    api.enrol("anna")
    document = {"wallets": [MILES], **shortfall("cap")}
    before = take_snapshot(api.program)
    dry = put(api, document, "?dry_run=true")
    assert changed(before, take_snapshot(api.program)) == []
    assert (dry.status, tag(dry), dry.body["version"]) == (200, None, None)
    real = put(api, document)
    for field in ("created", "document", "differences", "wallets_created"):
        assert dry.body[field] == real.body[field]


def test_all_mistakes_stand_in_errors_and_nothing_is_done(api: Api) -> None:
    api.enrol("anna")
    rule = {"id": "r", "earn": {"kind": "fixed", "points": 1.5}, "when": "order.nope"}
    wrong = {
        "wallets": [MILES, MILES],
        "colour": "red",
        "earning": {"rules": [rule, {**EXAMPLE["earning"]["rules"][0], "when": "1"}]},
    }
    before = take_snapshot(api.program)
    refused = put(api, wrong)
    assert (refused.status, refused.code) == (422, "configuration_malformed")
    assert [(e["pointer"], e["code"]) for e in refused.body["errors"]] == [
        ("/wallets/1/code", "id_twice"),
        ("/colour", "unknown_field"),
        ("/earning/rules/0/earn/points", "wrong_type"),
        ("/earning/rules/1/when", "condition_malformed"),
    ]
    assert refused.body["detail"].startswith("`/wallets/1/code`: ")
    assert refused.body["detail"].endswith(" And 3 more.")
    assert changed(before, take_snapshot(api.program)) == []


def test_what_is_no_object_is_malformed(api: Api) -> None:
    for body in ([], "text", None, 5):
        refused = put(api, msgspec.json.encode(body))
        assert (refused.status, refused.code) == (400, "malformed")


def test_the_strangest_texts_are_mistakes_and_no_trouble(api: Api) -> None:
    for name in ("\0", "\ud7ff\x00", "x" * 100_000, "a/b~c"):
        for document in ({name: 1}, {"earning": {"segments": {name: name}}}):
            refused = put(api, document)
            assert (refused.status, refused.code) == (422, "configuration_malformed")
            assert len(refused.response.content) < 2_000
    deep: Any = {}
    for _ in range(500):
        deep = {"earning": deep}
    assert put(api, deep).code == "configuration_malformed"


def test_versions_are_listed_the_newest_first_and_looked_up(api: Api) -> None:
    for policy in ("cap", "refuse", "debt"):
        put(api, shortfall(policy), f"?note=now+{policy}")
    pages, cursor = [], ""
    while cursor is not None:
        page = api.get(f"{CONFIG}/versions?limit=2{cursor}").body
        pages.append(page["data"])
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    listed = [version for page in pages for version in page]
    assert [len(page) for page in pages] == [2, 1]
    assert [(one["version"], one["note"]) for one in listed] == [
        (3, "now debt"),
        (2, "now refuse"),
        (1, "now cap"),
    ]
    assert all(one["actor"].startswith("key_") for one in listed)
    second = api.get(f"{CONFIG}?version=2").body
    assert (second["version"], second["note"]) == (2, "now refuse")
    assert second["document"]["returns"]["shortfall"] == "refuse"
    both = api.get(f"{CONFIG}?version=2&at=2030-01-01T00:00:00Z")
    assert (both.status, both.code) == (400, "malformed")
    missing = api.get(f"{CONFIG}?version=4")
    assert (missing.status, missing.code) == (404, "configuration_not_found")


def test_a_long_walk_over_members_goes_on_with_the_same_document(
    api: Api, monkeypatch: Any
) -> None:
    monkeypatch.setattr(configuration, "MEMBERS_PER_CALL", 1)
    monkeypatch.setattr("punchcard.journeys.create_wallet.MEMBERS_AT_ONCE", 1)
    for name in ("anna", "bo"):
        api.enrol(name)
    some = put(api, {"wallets": [MILES]}).body
    assert (some["created"], some["accounts_opened"], some["complete"]) == (
        True,
        1,
        False,
    )
    rest = put(api, {"wallets": [MILES]}).body
    assert (rest["created"], rest["accounts_opened"]) == (False, 1)
    assert api.get("/v1/accounts/ext:bo@miles/balance").status == 200


def test_it_takes_the_scope_and_stays_in_the_program(api: Api) -> None:
    put(api, shortfall("cap"))
    reader = another_key(api, scopes=("config:read",))
    assert reader.get(CONFIG).status == 200
    assert put(reader, shortfall("debt")).code == "forbidden"
    writer = another_key(api, scopes=("config:write",))
    assert writer.get(CONFIG).code == "forbidden"
    other = make_api()
    assert other.get(CONFIG).body["version"] is None
    assert other.get(f"{CONFIG}?version=1").code == "configuration_not_found"
    assert other.get(f"{CONFIG}/versions").body["data"] == []
