"""API keys: what they may do, from where, until when; rotation, and what is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from punchcard.access.models import ApiKey
from punchcard.kernel import clock
from punchcard.kernel.ids import untyped
from punchcard.programs.models import Program
from tests.builders import rows
from tests.interfaces.conftest import Api, another_key, make_api
from tests.interfaces.people import a_person, audit_of

PATH = "/v1/api-keys"


def create(api: Api, **body: Any) -> Any:
    said = {"name": "shop", "scopes": ["members:read"], **body}
    answer = api.post(PATH, said)
    assert answer.status == 201, answer.body
    return answer.body


def with_secret(api: Api, secret: str) -> Api:
    return Api(program=api.program, secret=secret)


def test_a_new_key_is_seen_once_and_does_what_its_scopes_say(api: Api) -> None:
    made = create(api, scopes=["members:read", "members:read", "ledger:read"])
    secret, key = made["secret"], made["api_key"]
    assert secret.startswith("sk_test_")
    assert (key["kind"], key["status"], key["key"]) == ("secret", "active", None)
    assert key["scopes"] == ["ledger:read", "members:read"]
    assert secret.endswith(key["last4"])
    caller = with_secret(api, secret)
    assert caller.get("/v1/members").status == 200
    assert caller.post("/v1/members", {"external_id": "x"}).status == 403
    shown = api.get(f"{PATH}/{key['id']}").body
    assert secret not in str(shown)
    assert secret not in str(api.get(PATH).body)
    assert secret not in str(rows("SELECT * FROM access_api_key"))
    kept = rows("SELECT fields::text FROM kernel_audit")
    assert secret not in str(kept)


def test_of_a_live_program_only_live_keys_and_of_a_test_program_only_test_keys() -> (
    None
):
    for mode in ("live", "test"):
        api = make_api(mode=mode)
        assert create(api)["secret"].startswith(f"sk_{mode}_")
        public = create(api, kind="publishable", scopes=["program:read"])
        assert public["secret"].startswith(f"pk_{mode}_")
        assert public["api_key"]["prefix"] == f"pk_{mode}_"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\0"}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["everything"]}, "/scopes/0"),
        ({"kind": "public"}, "/kind"),
        ({"kind": "publishable"}, "/scopes"),
        ({"kind": "publishable", "scopes": ["program:read", "ledger:read"]}, "/scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"networks": ["somewhere"]}, "/networks/0"),
        ({"networks": ["10.0.0.1/8"]}, "/networks"),
        ({"networks": ["999.0.0.1"]}, "/networks"),
        ({"program": "x"}, "/program"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_by_its_place(
    api: Api, body: dict[str, Any], place: str
) -> None:
    said = {"name": "shop", "scopes": ["members:read"], **body}
    answer = api.post(PATH, said)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == place
    assert ApiKey.objects.filter(program_id=api.program).count() == 1


def test_a_publishable_key_is_no_secret_and_reads_the_program_alone(api: Api) -> None:
    made = create(api, kind="publishable", scopes=["program:read"])
    page = with_secret(api, made["secret"])
    shown = api.get(f"{PATH}/{made['api_key']['id']}").body
    assert shown["key"] == made["secret"]
    program = page.get("/v1/program")
    assert program.status == 200
    assert [wallet["code"] for wallet in program.body["wallets"]] == ["points"]
    assert (program.body["mode"], program.body["currency"]) == ("test", "EUR")
    for path in ("/v1/members", "/v1/users", PATH, "/v1/accounts/ext:anna@points"):
        assert page.get(path).status == 403


def test_nobody_gives_a_key_more_than_they_have(api: Api) -> None:
    limited = another_key(api, scopes=["keys:write", "keys:read", "ledger:earn"])
    more = limited.post(PATH, {"name": "x", "scopes": ["ledger:earn", "members:read"]})
    assert (more.status, more.code) == (403, "forbidden")
    assert more.body["details"] == {"lacking": ["members:read"]}
    # The umbrella is more than one of what it stands for.
    umbrella = limited.post(PATH, {"name": "x", "scopes": ["ledger:write"]})
    assert "ledger:spend" in umbrella.body["details"]["lacking"]
    assert create(limited, scopes=["ledger:earn"])["secret"]
    full = another_key(api, scopes=["keys:write", "ledger:write"])
    assert create(full, scopes=["ledger:spend", "ledger:transfer"])["secret"]
    # Neither by rotating one that may do more.
    mightier = create(api, scopes=["members:read"])["api_key"]["id"]
    rotated = limited.post(f"{PATH}/{mightier}/rotate", {})
    assert rotated.body["details"] == {"lacking": ["members:read"]}


def test_with_the_umbrella_every_command_is_allowed_and_nothing_else(api: Api) -> None:
    account = api.enrol("anna")
    old = another_key(api, scopes=["ledger:write"])
    assert old.post(f"{account}/earn", {"points": 5}, key="e").status == 201
    assert old.post(f"{account}/redeem", {"points": 5}, key="r").status == 201
    assert old.get(account).status == 403
    earner = another_key(api, scopes=["ledger:earn"])
    assert earner.post(f"{account}/earn", {"points": 5}, key="e2").status == 201
    spent = earner.post(f"{account}/redeem", {"points": 5}, key="r2")
    assert spent.body["details"] == {"scope": "ledger:spend"}


def test_after_a_rotation_both_secrets_are_good_for_a_while(api: Api) -> None:
    made = create(api)
    key, first = made["api_key"]["id"], made["secret"]
    rotated = api.post(f"{PATH}/{key}/rotate", {"overlap": "P7D"})
    assert rotated.status == 200
    second = rotated.body["secret"]
    assert rotated.body["api_key"]["id"] == key
    assert rotated.body["api_key"]["previous_until"] is not None
    for secret in (first, second):
        assert with_secret(api, secret).get("/v1/members").status == 200
    # One key, whichever secret: in the list, and where it says who did it.
    ids = [one["id"] for one in api.get(PATH).body["data"]]
    assert ids.count(key) == 1
    # A third secret ends the first.
    third = api.post(f"{PATH}/{key}/rotate", {"overlap": "PT1H"}).body["secret"]
    assert with_secret(api, first).get("/v1/members").status == 401
    for secret in (second, third):
        assert with_secret(api, secret).get("/v1/members").status == 200
    ApiKey.objects.filter(pk=untyped("key", key)).update(previous_until=clock.read())
    assert with_secret(api, second).get("/v1/members").status == 401
    assert with_secret(api, third).get("/v1/members").status == 200
    assert api.get(f"{PATH}/{key}").body["previous_until"] is None


def test_without_an_overlap_the_old_secret_ends_at_once(api: Api) -> None:
    made = create(api)
    path = f"{PATH}/{made['api_key']['id']}"
    rotated = api.post(f"{path}/rotate", {"overlap": "PT0S"}).body
    assert with_secret(api, made["secret"]).get("/v1/members").status == 401
    assert with_secret(api, rotated["secret"]).get("/v1/members").status == 200


@pytest.mark.parametrize("overlap", ["P8D", "-P1D", "soon", "P1000000000D", "P1Y", 7])
def test_an_overlap_is_at_most_seven_days(api: Api, overlap: object) -> None:
    made = create(api)
    path = f"{PATH}/{made['api_key']['id']}"
    answer = api.post(f"{path}/rotate", {"overlap": overlap})
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == "/overlap"
    assert with_secret(api, made["secret"]).get("/v1/members").status == 200


def test_a_revoked_key_and_an_expired_one_are_over(api: Api) -> None:
    made = create(api)
    key = made["api_key"]["id"]
    rotated = api.post(f"{PATH}/{key}/rotate", {}).body["secret"]
    for _ in range(2):
        answer = api.post(f"{PATH}/{key}/revoke", None)
        assert (answer.status, answer.body["status"]) == (200, "revoked")
    for secret in (made["secret"], rotated):
        assert with_secret(api, secret).get("/v1/members").status == 401
    ended = api.post(f"{PATH}/{key}/rotate", {})
    assert (ended.status, ended.code) == (409, "api_key_ended")
    soon = (clock.read() + timedelta(hours=1)).isoformat()
    expiring = create(api, expires_at=soon)
    caller = with_secret(api, expiring["secret"])
    assert caller.get("/v1/members").status == 200
    one = ApiKey.objects.filter(pk=untyped("key", expiring["api_key"]["id"]))
    one.update(expires_at=clock.read())
    assert caller.get("/v1/members").status == 401
    path = f"{PATH}/{expiring['api_key']['id']}"
    assert api.get(path).body["status"] == "expired"
    assert api.post(f"{path}/rotate", {}).code == "api_key_ended"
    actions = [action for _, action, _ in audit_of(api)]
    assert actions.count("api_key.revoked") == 1
    assert actions.count("api_key.rotated") == 1


@pytest.mark.parametrize(
    ("networks", "address", "good"),
    [
        ([], "203.0.113.9", True),
        (["203.0.113.0/24"], "203.0.113.9", True),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", True),
        (["203.0.113.9"], "203.0.113.9", True),
        (["203.0.113.0/24"], "198.51.100.1", False),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8::1", True),
        (["203.0.113.0/24"], "2001:db8::1", False),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["203.0.113.0/24"], "", False),
    ],
)
def test_a_key_may_be_kept_to_some_networks(
    api: Api, networks: list[str], address: str, good: bool
) -> None:
    made = create(api, networks=networks)
    caller = with_secret(api, made["secret"])
    caller.client.defaults["REMOTE_ADDR"] = address
    answer = caller.get("/v1/members", headers={"X-Forwarded-For": "203.0.113.9"})
    if good:
        assert answer.status == 200
    else:
        assert (answer.status, answer.code) == (403, "address_not_allowed")


def test_behind_a_trusted_proxy_its_word_counts(api: Api, settings: Any) -> None:
    from ipaddress import ip_network

    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    made = create(api, networks=["203.0.113.0/24"])
    caller = with_secret(api, made["secret"])
    caller.client.defaults["REMOTE_ADDR"] = "10.1.2.3"
    for forwarded, status in (
        ("203.0.113.9", 200),
        ("198.51.100.1", 403),
        ("203.0.113.9, 198.51.100.1", 403),
        ("198.51.100.1, 203.0.113.9", 200),
        ("198.51.100.1, 203.0.113.9, 10.9.9.9", 200),
        ("nonsense", 403),
        ("", 403),
    ):
        answer = caller.get("/v1/members", headers={"X-Forwarded-For": forwarded})
        assert answer.status == status, forwarded


def test_the_last_use_is_known_to_the_minute_by_one_write_a_minute(api: Api) -> None:
    made = create(api)
    path = f"{PATH}/{made['api_key']['id']}"
    assert api.get(path).body["last_used_at"] is None
    caller = with_secret(api, made["secret"])
    written = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            assert caller.get("/v1/ping").status == 204
        written.append(len(captured))
    assert written == [1, 0, 0]
    first = api.get(path).body["last_used_at"]
    assert first is not None
    long_ago = clock.read() - timedelta(minutes=2)
    one = ApiKey.objects.filter(pk=untyped("key", made["api_key"]["id"]))
    one.update(last_used_at=long_ago)
    caller.get("/v1/ping")
    assert api.get(path).body["last_used_at"] > first


def test_keys_are_listed_with_those_that_are_over(api: Api) -> None:
    made = [create(api, name=f"key {n}")["api_key"]["id"] for n in range(3)]
    api.post(f"{PATH}/{made[0]}/revoke", None)
    first = api.get(f"{PATH}?limit=2").body
    assert [one["id"] for one in first["data"]] == [made[2], made[1]]
    rest = api.get(f"{PATH}?limit=2&cursor={first['next_cursor']}").body
    assert rest["data"][0]["id"] == made[0]
    assert rest["data"][0]["status"] == "revoked"
    oldest = api.get(f"{PATH}?sort=created_at&limit=1").body["data"]
    assert oldest[0]["name"] == "till"


def test_another_program_s_key_is_nobody_s(api: Api) -> None:
    other = make_api()
    theirs = create(other)["api_key"]["id"]
    unknown = "key_01h455vb4pex5vsknk084sn02q"
    for method, tail, body in (
        ("GET", "", None),
        ("POST", "/rotate", {}),
        ("POST", "/revoke", None),
    ):
        answers = [
            api.call(method, f"{PATH}/{key}{tail}", body)
            for key in (theirs, unknown, "key_x", "mem_x")
        ]
        hidden = {"request_id": "", "instance": ""}
        bodies = [answer.body | hidden for answer in answers]
        assert all(one == bodies[0] for one in bodies)
        assert answers[0].code == "api_key_not_found"
    assert other.get(f"{PATH}/{theirs}").body["status"] == "active"


def test_who_made_a_key_is_in_the_audit(api: Api) -> None:
    admin = a_person(api, "admin")
    me = admin.get("/v1/auth/me").body["id"]
    made = create(admin)["api_key"]["id"]
    assert (me, "api_key.created", made) in audit_of(api)


def test_an_answer_with_a_secret_is_not_kept(api: Api) -> None:
    said = {"name": "shop", "scopes": ["members:read"]}
    first = api.post(PATH, said, key="make-1")
    again = api.post(PATH, said, key="make-1")
    assert first.status == again.status == 201
    assert first.body["secret"] != again.body["secret"]
    kept = rows("SELECT body FROM kernel_kept_answer")
    assert first.body["secret"] not in str(kept)


def test_places_are_made_once_and_called_something(api: Api) -> None:
    made = api.post("/v1/places", {"code": "old-town", "name": "Old town"})
    assert made.status == 201
    path = made.response["Location"]
    taken = api.post("/v1/places", {"code": "old-town", "name": "x"})
    assert (taken.status, taken.code) == (409, "place_code_taken")
    renamed = api.call("PATCH", path, {"name": "Altstadt"}).body
    assert renamed == made.body | {"name": "Altstadt"}
    assert api.get("/v1/places/ext:old-town").body == renamed
    api.post("/v1/places", {"code": "harbour", "name": "Harbour"})
    first = api.get("/v1/places?limit=1").body
    assert first["data"][0]["code"] == "harbour"
    rest = api.get(f"/v1/places?limit=1&cursor={first['next_cursor']}").body
    assert (rest["data"], rest["has_more"]) == ([renamed], False)
    other = make_api()
    for where in (path, "/v1/places/ext:old-town", "/v1/places/plc_x"):
        assert other.get(where).code == "place_not_found"
        assert other.call("PATCH", where, {"name": "x"}).code == "place_not_found"
    for wrong in ({"code": "Old Town"}, {"code": ""}, {"name": ""}, {"name": "\0"}):
        body = {"code": "new", "name": "New"} | wrong
        assert api.post("/v1/places", body).code == "malformed"
    assert Program.objects.filter(pk=api.program).exists()
    actions = [action for _, action, _ in audit_of(api)]
    assert actions.count("place.created") == 2
    assert actions.count("place.renamed") == 1
