"""Users of a program: invited, found, called something, shut out."""

from __future__ import annotations

from typing import Any

import pytest

from punchcard.access.models import Attempts, Membership, User
from tests.interfaces.conftest import Api, another_key, make_api
from tests.interfaces.people import (
    a_person,
    a_place,
    an_address,
    an_admin_with_password,
    audit_of,
    invite,
    last_token,
    letters_to,
    visitor,
)


@pytest.fixture(autouse=True)
def nothing_is_shut() -> None:
    """All tests come from one address."""
    Attempts.objects.all().delete()


def test_who_is_invited_is_a_user_with_a_membership_and_gets_a_letter(api: Api) -> None:
    api.enrol("anna")
    a_place(api)
    email = an_address("Carla")
    invited = invite(api, email, role="cashier", name="Carla", places=["ext:old-town"])
    assert invited["email"] == email.lower()
    assert (invited["name"], invited["status"]) == ("Carla", "invited")
    assert invited["membership"]["role"] == "cashier"
    assert len(invited["membership"]["places"]) == 1
    assert api.get(f"/v1/users/{invited['id']}").body == invited
    (letter,) = letters_to(email)
    assert "Café Lune" in letter.subject
    assert last_token(email) in letter.body
    assert Membership.objects.filter(program_id=api.program).count() == 1


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/email"),
        ({"email": "x"}, "/email"),
        ({"email": "a@example.com"}, "/role"),
        ({"email": "a@example.com", "role": "owner"}, "/role"),
        ({"email": "a@example.com", "role": "cashier"}, "/places"),
        (
            {"email": "a@example.com", "role": "analyst", "places": ["ext:x"]},
            "/places/0",
        ),
        (
            {"email": "a@example.com", "role": "analyst", "places": ["ext:old-town"]},
            "/places",
        ),
        (
            {"email": "a@example.com", "role": "cashier", "places": ["plc_x", "\x01"]},
            "/places/0",
        ),
        ({"email": "a@example.com", "role": "member"}, "/member"),
        (
            {"email": "a@example.com", "role": "member", "member": "ext:nobody"},
            "/member",
        ),
        (
            {"email": "a@example.com", "role": "analyst", "member": "ext:anna"},
            "/member",
        ),
        (
            {"email": "a@example.com", "role": "analyst", "adjust_limit": 5},
            "/adjust_limit",
        ),
        (
            {"email": "a@example.com", "role": "support", "adjust_limit": -1},
            "/adjust_limit",
        ),
        ({"email": "a@example.com", "role": "admin", "name": "a\0"}, "/name"),
        ({"email": "a@example.com", "role": "admin", "password": "x"}, "/password"),
    ],
)
def test_an_invitation_that_does_not_fit_is_refused_by_its_place(
    api: Api, body: dict[str, Any], place: str
) -> None:
    api.enrol("anna")
    a_place(api)
    answer = api.post("/v1/users", body)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == place
    assert not Membership.objects.filter(program_id=api.program).exists()


def test_another_program_s_member_and_place_are_nobody_s(api: Api) -> None:
    other = make_api()
    other.enrol("theirs")
    a_place(other, "their-town")
    theirs = other.get("/v1/members/ext:theirs").body["id"]
    place = other.get("/v1/places/ext:their-town").body["id"]
    email = {"email": an_address()}
    for body in (
        {"role": "member", "member": theirs},
        {"role": "member", "member": "ext:theirs"},
        {"role": "cashier", "places": [place]},
        {"role": "cashier", "places": ["ext:their-town"]},
    ):
        assert api.post("/v1/users", email | body).code == "malformed"


def test_nobody_is_invited_twice(api: Api) -> None:
    email = an_address()
    invite(api, email, role="analyst")
    answer = api.post("/v1/users", {"email": email.upper(), "role": "admin"})
    assert (answer.status, answer.code) == (409, "membership_exists")
    assert len(letters_to(email)) == 1


def test_of_who_has_not_come_yet_a_program_learns_nothing(api: Api) -> None:
    other = make_api()
    caller, email = an_admin_with_password(other)
    caller.call("PATCH", "/v1/auth/me", {"name": "Dora"})
    invited = invite(api, email, role="analyst")
    stranger = invite(api, an_address(), role="analyst")
    assert invited["name"] == ""
    assert invited.keys() == stranger.keys()
    link = {"token": last_token(email)}
    assert visitor(api).post("/v1/auth/accept", link).status == 204
    assert api.get(f"/v1/users/{invited['id']}").body["name"] == "Dora"


def test_users_are_listed_found_and_paged(api: Api) -> None:
    people = [invite(api, an_address(), role="analyst") for _ in range(3)]
    admin = a_person(api, "admin", email="the-admin-x@example.com")
    newest_first = [person["id"] for person in people][::-1]
    first = api.get("/v1/users?limit=2").body
    assert [user["id"] for user in first["data"]][1:] == newest_first[:1]
    rest = api.get(f"/v1/users?limit=2&cursor={first['next_cursor']}").body
    assert [user["id"] for user in rest["data"]] == newest_first[1:]
    assert rest["has_more"] is False
    invited = api.get("/v1/users?status=invited&sort=created_at").body["data"]
    assert [user["id"] for user in invited] == newest_first[::-1]
    assert len(api.get("/v1/users?role=admin").body["data"]) == 1
    (found,) = api.get("/v1/users?email=THE-ADMIN-X@example.com").body["data"]
    assert found["status"] == "active"
    assert admin.get("/v1/users").status == 200
    wrong = api.get(f"/v1/memberships?cursor={first['next_cursor']}")
    assert (wrong.status, wrong.code) == (400, "invalid_cursor")
    User.objects.filter(email="the-admin-x@example.com").delete()


def test_another_program_s_user_is_nobody(api: Api) -> None:
    other = make_api()
    theirs = invite(other, an_address(), role="analyst")
    unknown = "usr_01h455vb4pex5vsknk084sn02q"
    for method, tail, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("POST", "/invite", None),
        ("POST", "/disable", None),
        ("POST", "/enable", None),
    ):
        seen = []
        for user in (theirs["id"], unknown, "usr_x", "mem_x", "ext:x"):
            answer = api.call(method, f"/v1/users/{user}{tail}", body)
            assert (answer.status, answer.code) == (404, "user_not_found")
            hidden = {"request_id": "", "instance": ""}
            seen.append(answer.body | hidden)
        assert all(one == seen[0] for one in seen)
    assert other.get(f"/v1/users/{theirs['id']}").body == theirs


def test_who_is_disabled_in_one_program_is_not_in_another(api: Api) -> None:
    other = make_api()
    caller, email = an_admin_with_password(other)
    invited = invite(api, email, role="analyst")
    link = {"token": last_token(email)}
    assert visitor(api).post("/v1/auth/accept", link).status == 204
    path = f"/v1/users/{invited['id']}"
    for _ in range(2):
        assert api.post(f"{path}/disable", None).body["status"] == "disabled"
    assert caller.get("/v1/users").status == 200
    for _ in range(2):
        assert api.post(f"{path}/enable", None).body["status"] == "active"
    # Twice is once: also in the audit.
    actions = [action for _, action, _ in audit_of(api)]
    assert actions.count("user.disabled") == actions.count("user.enabled") == 1


def test_a_program_keeps_its_last_admin(api: Api) -> None:
    last = a_person(api, "admin")
    me = last.get("/v1/auth/me").body
    membership = f"/v1/memberships/{me['membership']['id']}"
    # Who was only invited, is disabled, or is no admin could not come in.
    invite(api, an_address(), role="admin")
    a_person(api, "support")
    shut_out = a_person(api, "admin").get("/v1/auth/me").body["id"]
    assert last.post(f"/v1/users/{shut_out}/disable", None).status == 200
    for caller in (last, api):
        for method, path, body in (
            ("POST", f"/v1/users/{me['id']}/disable", None),
            ("DELETE", membership, None),
            ("PATCH", membership, {"role": "analyst"}),
        ):
            answer = caller.call(method, path, body)
            assert (answer.status, answer.code) == (409, "last_admin")
    assert last.get("/v1/users").status == 200
    assert last.post(f"/v1/users/{shut_out}/enable", None).status == 200
    assert last.call("DELETE", membership).status == 204
    assert last.get("/v1/users").status == 401


def test_nobody_gives_a_role_that_may_do_more_than_they(api: Api) -> None:
    a_place(api)
    limited = another_key(api, scopes=["users:write", "users:read", "program:read"])
    email = {"email": an_address()}
    admin = limited.post("/v1/users", email | {"role": "admin"})
    assert (admin.status, admin.code) == (403, "forbidden")
    assert "keys:write" in admin.body["details"]["lacking"]
    assert limited.post("/v1/users", email | {"role": "analyst"}).status == 403
    enough = ["users:write", "reports:read", "program:read", "config:read"]
    fuller = another_key(api, scopes=enough)
    analyst = fuller.post("/v1/users", email | {"role": "analyst"})
    assert analyst.status == 201
    # Neither is somebody taken down who may do more.
    boss = a_person(api, "admin")
    me = boss.get("/v1/auth/me").body
    membership = f"/v1/memberships/{me['membership']['id']}"
    a_person(api, "admin")
    for method, path, body in (
        ("POST", f"/v1/users/{me['id']}/disable", None),
        ("PATCH", f"/v1/users/{me['id']}", {"name": "x"}),
        ("DELETE", membership, None),
        ("PATCH", membership, {"role": "analyst"}),
    ):
        assert fuller.call(method, path, body).code == "forbidden"
    raise_it = f"/v1/memberships/{analyst.body['membership']['id']}"
    assert fuller.call("PATCH", raise_it, {"role": "admin"}).code == "forbidden"


def test_a_retry_of_an_invitation_sends_one_letter(api: Api) -> None:
    email = an_address()
    body = {"email": email, "role": "analyst"}
    first = api.post("/v1/users", body, key="invite-1")
    again = api.post("/v1/users", body, key="invite-1")
    assert (first.status, again.status) == (201, 201)
    assert again.replayed
    assert first.body == again.body
    assert len(letters_to(email)) == 1


def test_who_has_come_is_not_invited_again(api: Api) -> None:
    person = a_person(api, "analyst").get("/v1/auth/me").body["id"]
    answer = api.post(f"/v1/users/{person}/invite", None)
    assert (answer.status, answer.code) == (404, "user_not_found")


def test_the_audit_says_who_did_it(api: Api) -> None:
    admin = a_person(api, "admin")
    me = admin.get("/v1/auth/me").body["id"]
    invited = invite(admin, an_address(), role="analyst")
    by_hand = audit_of(api, ["user.invited"])
    assert by_hand == [(me, "user.invited", invited["id"])]
    admin.post(f"/v1/users/{invited['id']}/disable", None)
    assert audit_of(api, ["user.disabled"]) == [(me, "user.disabled", invited["id"])]


def test_one_address_is_one_user_in_every_program(api: Api) -> None:
    email = an_address()
    others = [make_api() for _ in range(3)]
    ids = {invite(other, email, role="analyst")["id"] for other in [api, *others]}
    assert len(ids) == 1
    assert User.objects.filter(email=email).count() == 1
