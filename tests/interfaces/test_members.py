"""Members over HTTP: what is known of a person, changed by version, in batches."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from punchcard.access.queries import SCOPES
from tests.builders import rows
from tests.interfaces.conftest import Api, another_key, make_api

WHOLE: dict[str, Any] = {
    "external_id": "anna",
    "email": "Anna@Example.org",
    "phone": "+33612345678",
    "given_name": "Anna",
    "family_name": "Lunes",
    "birth_date": "1984-02-29",
    "language": "fr-FR",
    "address": {"line1": "Rue du Port 3", "city": "Brest", "country": "FR"},
    "attributes": {"shoe_size": 38, "cars": {"red": 1}},
    "tags": ["vip", "first"],
    "consents": {"newsletter": {"granted": True, "source": "till 3"}},
}


def enrol(api: Api, **said: Any) -> dict[str, Any]:
    answer = api.post("/v1/members", {"external_id": "anna"} | said)
    assert answer.status == 201, answer.body
    member: dict[str, Any] = answer.body
    return member


def patch(api: Api, body: Any, tag: str | None = "*", **options: Any) -> Any:
    headers = {} if tag is None else {"If-Match": tag}
    return api.call("PATCH", "/v1/members/ext:anna", body, headers=headers, **options)


# --------------------------------------------------------------------- enrolling


def test_everything_that_is_told_of_a_member_is_told_again(api: Api) -> None:
    made = enrol(api, **WHOLE)
    assert made["status"] == "active"
    assert (made["version"], made["erased_at"]) == (1, None)
    for field in WHOLE.keys() - {"address", "consents"}:
        assert made[field] == WHOLE[field]
    assert made["address"] == WHOLE["address"] | dict.fromkeys(
        ("line2", "postal_code", "region")
    )
    consent = made["consents"]["newsletter"]
    assert (consent["granted"], consent["source"]) == (True, "till 3")
    assert api.get("/v1/members/ext:anna").body == made


def test_of_a_member_nothing_need_be_known(api: Api) -> None:
    made = enrol(api)
    unknown = ("email", "phone", "given_name", "family_name", "birth_date", "address")
    assert [made[field] for field in unknown] == [None] * 6
    assert (made["attributes"], made["tags"], made["consents"]) == ({}, [], {})
    assert not rows("SELECT FROM members_person WHERE program_id = %s", (api.program,))


def test_who_is_enrolled_already_stays_as_they_are(api: Api) -> None:
    made = enrol(api, email="anna@example.org")
    again = api.post(
        "/v1/members", {"external_id": "anna", "email": "other@example.org"}
    )
    assert again.status == 200
    assert again.body == made
    assert again.response["ETag"] == '"1"'


WRONG = [
    ("external_id", "", "/external_id"),
    ("external_id", " anna", "/external_id"),
    ("external_id", "x" * 201, "/external_id"),
    ("email", "nobody", "/email"),
    ("email", "a b@c.d", "/email"),
    ("email", "a\x00@c.d", "/email"),
    ("email", f"{'x' * 251}@y.z", "/email"),
    ("phone", "0612345678", "/phone"),
    ("phone", "+33 6 12", "/phone"),
    ("given_name", "", "/given_name"),
    ("family_name", "a\nb", "/family_name"),
    ("birth_date", "1849-12-31", "/birth_date"),
    ("birth_date", "2999-01-01", "/birth_date"),
    ("birth_date", "yesterday", "/birth_date"),
    ("birth_date", 5, "/birth_date"),
    ("language", "français", "/language"),
    ("address", {"country": "fr"}, "/address/country"),
    ("address", {"postal_code": "x" * 21}, "/address/postal_code"),
    ("address", {"planet": "Earth"}, "/address/planet"),
    ("attributes", {"a": "\x00"}, "/attributes"),
    ("attributes", {"\x00": 1}, "/attributes"),
    ("attributes", {"a": "x" * 17_000}, "/attributes"),
    (
        "attributes",
        {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {}}}}}}}}},
        "/attributes",
    ),
    ("attributes", [1], "/attributes"),
    ("tags", ["x"] * 2 + [f"t{n}" for n in range(50)], "/tags"),
    ("tags", ["fine", ""], "/tags/1"),
    ("tags", "vip", "/tags"),
    ("consents", {"Big": {"granted": True}}, "/consents"),
    ("consents", {"mail": {}}, "/consents"),
    ("consents", {"mail": {"granted": 1}}, "/consents"),
    ("consents", {"mail": {"granted": True, "source": ""}}, "/consents/mail/source"),
    (
        "consents",
        {"mail": {"granted": True, "at": "2999-01-01T00:00:00Z"}},
        "/consents/mail/at",
    ),
    ("status", "erased", "/status"),
    ("id", "mem_x", "/id"),
]


@pytest.mark.parametrize(("field", "value", "pointer"), WRONG)
def test_what_cannot_be_said_of_a_person_is_refused_by_its_place(
    api: Api, field: str, value: Any, pointer: str
) -> None:
    answer = api.post("/v1/members", {"external_id": "anna", field: value})
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"].startswith(pointer)
    assert api.get("/v1/members").body["data"] == []


@pytest.mark.parametrize(
    "email", ["Örn@exämple.org", "o'brien+tag@sub.example.org", "x@localhost"]
)
def test_unusual_addresses_are_addresses(api: Api, email: str) -> None:
    assert enrol(api, email=email)["email"] == email


def test_a_lone_surrogate_is_no_text(api: Api) -> None:
    body = rb'{"external_id": "anna", "given_name": "\ud800"}'
    assert api.post("/v1/members", body).status == 400
    body = rb'{"external_id": "anna", "attributes": {"a": "\ud800"}}'
    assert api.post("/v1/members", body).status == 400


def test_large_numbers_stay_what_they_are(api: Api) -> None:
    said = b'{"external_id":"anna","attributes":{"a":123456789012345678901,"b":1e300}}'
    answer = api.post("/v1/members", said)
    assert answer.status == 201, answer.body
    known = api.get("/v1/members/ext:anna").body["attributes"]
    assert known == answer.body["attributes"]
    assert known["b"] == 1e300


# --------------------------------------------------------------------- finding


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("external_id=berta", ["berta"]),
        ("external_id=bert", []),
        ("email=ANNA@example.ORG", ["carla", "anna"]),
        ("email=nobody@example.org", []),
        ("phone=%2B33612345678", ["anna"]),
        ("tag=vip", ["berta", "anna"]),
        ("tag=vip&email=anna@example.org", ["anna"]),
        ("tag=vi", []),
        ("status=active", ["carla", "berta", "anna"]),
        ("status=active&sort=created_at&tag=vip", ["anna", "berta"]),
        ("created_at.gte=2999-01-01T00:00:00Z", []),
    ],
)
def test_members_are_found_by_what_is_known_of_them(
    api: Api, query: str, found: list[str]
) -> None:
    enrol(api, **WHOLE)
    enrol(api, external_id="berta", tags=["vip"])
    enrol(api, external_id="carla", email="anna@EXAMPLE.org")
    other = make_api()
    enrol(other, **WHOLE)
    page = api.get(f"/v1/members?{query}").body
    assert [member["external_id"] for member in page["data"]] == found


@pytest.mark.parametrize("query", ["status=gone", "color=red", "email=a&email=b"])
def test_unknown_filters_are_refused(api: Api, query: str) -> None:
    answer = api.get(f"/v1/members?{query}")
    assert (answer.status, answer.code) == (400, "malformed")


def test_pages_keep_their_filter(api: Api) -> None:
    for n in range(5):
        enrol(api, external_id=f"m{n}", tags=["odd" if n % 2 else "even"])
    first = api.get("/v1/members?tag=even&limit=2").body
    rest = api.get(f"/v1/members?tag=even&limit=2&cursor={first['next_cursor']}").body
    names = [member["external_id"] for member in first["data"] + rest["data"]]
    assert names == ["m4", "m2", "m0"]
    assert (first["has_more"], rest["has_more"]) == (True, False)


# --------------------------------------------------------------------- changing


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ({"email": "new@example.org"}, {"email": "new@example.org"}),
        ({"email": None}, {"email": None}),
        ({"birth_date": None, "given_name": "Ann"}, {"given_name": "Ann"}),
        ({"tags": ["new"]}, {"tags": ["new"]}),
        ({"tags": ["a", "b", "a"]}, {"tags": ["a", "b"]}),
        ({"tags": None}, {"tags": []}),
        (
            {"attributes": {"shoe_size": None, "cars": {"blue": 2}}},
            {"attributes": {"cars": {"red": 1, "blue": 2}}},
        ),
        (
            {"attributes": {"cars": [1]}},
            {"attributes": {"shoe_size": 38, "cars": [1]}},
        ),
        ({"attributes": None}, {"attributes": {}}),
        ({"address": None}, {"address": None}),
        (
            {"address": {"line1": None, "city": None, "country": None}},
            {"address": None},
        ),
    ],
)
def test_a_change_is_merged(
    api: Api, said: dict[str, Any], known: dict[str, Any]
) -> None:
    before = enrol(api, **WHOLE)
    changed = patch(api, said)
    assert changed.status == 200
    after = api.get("/v1/members/ext:anna").body
    assert after == changed.body
    assert {field: after[field] for field in known} == known
    kept = before.keys() - said.keys() - {"version"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["version"] == 2
    assert changed.response["ETag"] == '"2"'


def test_an_address_is_merged_line_by_line(api: Api) -> None:
    enrol(api, **WHOLE)
    after = patch(api, {"address": {"line1": None, "city": "Nantes"}}).body
    assert (after["address"]["line1"], after["address"]["city"]) == (None, "Nantes")
    assert after["address"]["country"] == "FR"


def test_something_can_be_told_of_a_member_of_whom_nothing_was_known(api: Api) -> None:
    enrol(api)
    assert patch(api, {"given_name": "Anna"}).body["given_name"] == "Anna"
    assert patch(api, {"given_name": None}).body["given_name"] is None


def test_every_decision_is_kept_and_the_last_one_counts(api: Api) -> None:
    enrol(api, **WHOLE)
    taken = {"newsletter": {"granted": False, "source": "letter"}}
    after = patch(api, {"consents": taken}).body["consents"]["newsletter"]
    assert (after["granted"], after["source"]) == (False, "letter")
    early = {"granted": True, "source": "old book", "at": "2001-01-01T00:00:00Z"}
    after = patch(api, {"consents": {"newsletter": early}}).body
    assert after["consents"]["newsletter"]["granted"] is False
    kept = rows(
        "SELECT jsonb_array_length(consents) FROM members_person WHERE program_id = %s",
        (api.program,),
    )
    assert kept == [(3,)]


def test_saying_what_is_known_already_is_no_new_version(api: Api) -> None:
    enrol(api, **WHOLE)
    same = {name: value for name, value in WHOLE.items() if name != "external_id"}
    answer = patch(api, same)
    assert (answer.status, answer.body["version"]) == (200, 1)
    assert patch(api, {}).body["version"] == 1


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [row for row in WRONG if row[0] not in {"external_id", "id", "status"}],
)
def test_a_change_to_what_cannot_be_is_refused(
    api: Api, field: str, value: Any, pointer: str
) -> None:
    before = enrol(api, **WHOLE)
    answer = patch(api, {field: value})
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"].startswith(pointer)
    assert api.get("/v1/members/ext:anna").body == before


def test_an_external_id_stays(api: Api) -> None:
    enrol(api)
    assert patch(api, {"external_id": "berta"}).code == "malformed"


# --------------------------------------------------------------------- versions


@pytest.mark.parametrize(
    ("tag", "status", "code"),
    [
        ('"2"', 200, None),
        ("*", 200, None),
        ('"1", "2"', 200, None),
        ('"1"', 412, "precondition_failed"),
        ('"3"', 412, "precondition_failed"),
        ('W/"2"', 412, "precondition_failed"),
        ('"abc"', 412, "precondition_failed"),
        ('"1"' + ', "1"' * 50, 412, "precondition_failed"),
        ("2", 400, "malformed"),
        ('"2', 400, "malformed"),
        ("", 400, "malformed"),
        ('"1",' * 500, 400, "malformed"),
        (None, 428, "precondition_required"),
    ],
)
def test_only_the_version_that_was_read_is_changed(
    api: Api, tag: str | None, status: int, code: str | None
) -> None:
    enrol(api)
    assert patch(api, {"given_name": "Anna"}).response["ETag"] == '"2"'
    answer = patch(api, {"given_name": "Berta"}, tag)
    assert answer.status == status
    if code is not None:
        assert answer.code == code
    known = api.get("/v1/members/ext:anna").body
    assert known["given_name"] == ("Berta" if status == 200 else "Anna")


@pytest.mark.parametrize(
    ("tag", "status"),
    [('"1"', 304), ('W/"1"', 304), ("*", 304), ('"0", "1"', 304), ('"2"', 200)],
)
def test_what_is_known_already_is_not_sent(api: Api, tag: str, status: int) -> None:
    enrol(api)
    answer = api.get("/v1/members/ext:anna", headers={"If-None-Match": tag})
    assert answer.status == status
    assert answer.response["ETag"] == '"1"'
    assert answer.response["Cache-Control"] == "private, no-cache"
    assert bool(answer.response.content) is (status == 200)


def test_nobody_is_told_whether_another_program_s_member_exists(api: Api) -> None:
    other = make_api()
    member = enrol(other, **WHOLE)
    for path in (f"/v1/members/{member['id']}", "/v1/members/ext:anna"):
        for method, headers, below in (
            ("GET", {}, ""),
            ("GET", {"If-None-Match": "*"}, ""),
            ("PATCH", {"If-Match": "*"}, ""),
            ("POST", {}, "/erase"),
            ("GET", {}, "/export"),
        ):
            body = {} if method == "PATCH" else None
            answer = api.call(method, path + below, body, headers=headers)
            assert (answer.status, answer.code) == (404, "member_not_found")
    assert other.get("/v1/members/ext:anna").body == member


# --------------------------------------------------------------------- batches


def test_of_a_batch_each_has_an_outcome_of_its_own(api: Api) -> None:
    enrol(api, external_id="there", email="there@example.org")
    answer = api.post(
        "/v1/members:batch",
        {
            "members": [
                WHOLE,
                {"external_id": "there", "email": "other@example.org"},
                {"external_id": "wrong", "email": "nobody"},
                {"external_id": ""},
                {"external_id": "plain"},
                {"external_id": "anna", "given_name": "Second"},
            ]
        },
    )
    assert answer.status == 200
    assert [(each["code"], each["status"]) for each in answer.body["data"]] == [
        ("created", 201),
        ("existing", 200),
        ("malformed", 400),
        ("malformed", 400),
        ("created", 201),
        ("existing", 200),
    ]
    counted = [answer.body[name] for name in ("created", "existing", "refused")]
    assert counted == [2, 2, 2]
    told = [each["pointer"] for each in answer.body["data"] if "pointer" in each]
    assert told == ["/members/2/email", "/members/3/external_id"]
    assert answer.body["data"][0]["member"] == api.get("/v1/members/ext:anna").body
    assert answer.body["data"][1]["member"]["email"] == "there@example.org"
    assert answer.body["data"][5]["member"]["given_name"] == "Anna"
    assert api.get("/v1/members/ext:wrong").status == 404
    for name in ("anna", "there", "plain"):
        assert api.get(f"/v1/accounts/ext:{name}@points").status == 200


def test_a_batch_sent_again_changes_nothing(api: Api) -> None:
    batch = {"members": [WHOLE | {"external_id": f"m{n}"} for n in range(3)]}
    first = api.post("/v1/members:batch", batch).body
    again = api.post("/v1/members:batch", batch).body
    assert (first["created"], again["created"], again["existing"]) == (3, 0, 3)
    members = [each["member"] for each in first["data"]]
    assert [each["member"] for each in again["data"]] == members


def test_a_batch_costs_the_same_statements_whatever_its_size(api: Api) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for size, name in ((1, "warm"), (1, "a"), (200, "b")):
        members = [WHOLE | {"external_id": f"{name}{n}"} for n in range(size)]
        with CaptureQueriesContext(connection) as captured:
            answer = api.post("/v1/members:batch", {"members": members})
        assert answer.body["created"] == size
        counts.append(len(captured))
    assert counts[1] == counts[2]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"members": []}, "/members"),
        ({}, "/members"),
        ({"members": [{"external_id": 5}]}, "/members/0/external_id"),
        ({"members": [{"external_id": "a", "color": 1}]}, "/members/0/color"),
    ],
)
def test_a_type_error_refuses_the_whole_batch(
    api: Api, body: Any, pointer: str
) -> None:
    answer = api.post("/v1/members:batch", body)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == pointer


def test_ten_thousand_fit_and_no_more(api: Api) -> None:
    members = [{"external_id": f"m{n}"} for n in range(10_001)]
    answer = api.post("/v1/members:batch", {"members": members})
    assert answer.code == "malformed"
    answer = api.post("/v1/members:batch", {"members": members[1:]})
    assert answer.body["created"] == 10_000


# --------------------------------------------------------------------- who may


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/members:batch", "members:write"),
        ("PATCH", "/v1/members/ext:anna", "members:write"),
        ("POST", "/v1/members/ext:anna/erase", "members:erase"),
        ("GET", "/v1/members/ext:anna/export", "members:export"),
        ("GET", "/v1/audit", "audit:read"),
    ],
)
def test_every_scope_but_the_right_one_is_refused(
    api: Api, method: str, path: str, scope: str
) -> None:
    before = enrol(api)
    others = tuple(other for other in SCOPES if other != scope)
    caller = another_key(api, scopes=others)
    body = {} if method in {"PATCH", "POST"} else None
    answer = caller.call(method, path, body, headers={"If-Match": "*"})
    assert (answer.status, answer.code) == (403, "forbidden")
    assert answer.body["details"] == {"scope": scope}
    assert api.get(f"/v1/members/{quote('ext:anna')}").body == before
