"""Memberships: roles, places and limits, and who may come back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connections

from punchcard.access.models import Attempts, Membership, User
from punchcard.kernel import clock
from punchcard.kernel.ids import new_id
from tests.interfaces.conftest import Api, make_api
from tests.interfaces.people import (
    a_person,
    a_place,
    an_address,
    audit_of,
    invite,
    letters_to,
    user_id,
)


@pytest.fixture(autouse=True)
def nothing_is_shut() -> None:
    """All tests come from one address."""
    Attempts.objects.all().delete()


def membership_of(person: Api) -> str:
    return f"/v1/memberships/{person.get('/v1/auth/me').body['membership']['id']}"


@pytest.mark.parametrize(
    ("role", "given", "kept"),
    [
        ("analyst", {"name": "Ann"}, {"role": "analyst"}),
        ("analyst", {"role": "admin"}, {"role": "admin"}),
        ("analyst", {"role": "support"}, {"role": "support", "adjust_limit": 1000}),
        ("support", {"adjust_limit": 50}, {"role": "support", "adjust_limit": 50}),
        ("support", {"role": "analyst"}, {"role": "analyst", "adjust_limit": None}),
        (
            "analyst",
            {"role": "cashier", "places": ["ext:old-town"]},
            {"role": "cashier"},
        ),
        ("cashier", {"role": "analyst"}, {"role": "analyst", "places": []}),
        ("member", {"role": "analyst"}, {"role": "analyst", "member": None}),
        ("analyst", {}, {"role": "analyst"}),
    ],
)
def test_what_somebody_is_changes_with_what_the_role_has_a_use_for(
    api: Api, role: str, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    a_place(api)
    path = membership_of(a_person(api, role))
    changed = api.call("PATCH", path, given)
    assert changed.status == 200, changed.body
    assert {name: changed.body[name] for name in kept} == kept
    assert api.get(path).body == changed.body
    assert bool(audit_of(api, ["membership.changed"])) == bool(given)


@pytest.mark.parametrize(
    ("role", "given", "place"),
    [
        ("analyst", {"role": "cashier"}, "/places"),
        ("analyst", {"places": ["ext:old-town"]}, "/places"),
        ("cashier", {"places": []}, "/places"),
        ("cashier", {"places": ["ext:nowhere"]}, "/places/0"),
        ("analyst", {"role": "member"}, "/member"),
        ("member", {"member": None}, "/member"),
        ("member", {"member": "ext:nobody"}, "/member"),
        ("admin", {"adjust_limit": 1}, "/adjust_limit"),
        ("analyst", {"role": "owner"}, "/role"),
        ("analyst", {"user": "usr_x"}, "/user"),
    ],
)
def test_what_does_not_fit_the_role_is_refused(
    api: Api, role: str, given: dict[str, Any], place: str
) -> None:
    a_place(api)
    path = membership_of(a_person(api, role))
    before = api.get(path).body
    answer = api.call("PATCH", path, given)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == place
    assert api.get(path).body == before


def test_a_cashier_works_at_places_of_the_program(api: Api) -> None:
    a_place(api, "old-town")
    a_place(api, "harbour")
    cashier = a_person(api, "cashier")
    path = membership_of(cashier)
    both = {"places": ["ext:harbour", "ext:old-town", "ext:harbour"]}
    changed = api.call("PATCH", path, both).body
    codes = {place["id"]: place["code"] for place in places(api)}
    assert sorted(codes[place] for place in changed["places"]) == [
        "harbour",
        "old-town",
    ]
    one = {"places": changed["places"][:1]}
    assert api.call("PATCH", path, one).body["places"] == changed["places"][:1]


def places(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/v1/places").body["data"]
    return found


def test_who_is_removed_is_out_at_once_and_may_be_let_in_again(api: Api) -> None:
    email = an_address()
    person = a_person(api, "analyst", email=email)
    user = person.get("/v1/auth/me").body["id"]
    path = membership_of(person)
    assert api.call("DELETE", path).status == 204
    assert person.get("/v1/auth/me").status == 401
    for method in ("GET", "DELETE"):
        assert api.call(method, path).code == "membership_not_found"
    assert api.call("PATCH", path, {"name": "x"}).code == "membership_not_found"
    assert api.get(f"/v1/users/{user}").code == "user_not_found"
    assert api.get("/v1/users").body["data"] == []
    assert api.get("/v1/memberships").body["data"] == []
    back = api.post("/v1/memberships", {"user": user, "role": "support"})
    assert (back.status, back.body["status"]) == (201, "active")
    assert back.response["Location"] == f"/v1/memberships/{back.body['id']}"
    assert "You are back" in letters_to(email)[-1].subject
    again = api.post("/v1/memberships", {"user": user, "role": "support"})
    assert (again.status, again.code) == (409, "membership_exists")
    # The tokens from before stay worth nothing.
    assert person.get("/v1/auth/me").status == 401
    actions = [action for _, action, _ in audit_of(api)]
    assert actions[-2:] == ["membership.removed", "membership.created"]


def test_who_never_came_or_is_unknown_is_not_let_in_again(api: Api) -> None:
    other = make_api()
    theirs = a_person(other, "analyst").get("/v1/auth/me").body["id"]
    invited = invite(api, an_address(), role="analyst")
    membership = invited["membership"]["id"]
    assert api.call("DELETE", f"/v1/memberships/{membership}").status == 204
    for user in (theirs, invited["id"], "usr_01h455vb4pex5vsknk084sn02q"):
        answer = api.post("/v1/memberships", {"user": user, "role": "analyst"})
        assert (answer.status, answer.code) == (404, "user_not_found")


def test_who_was_removed_may_be_invited_again(api: Api) -> None:
    email = an_address()
    invited = invite(api, email, role="analyst")
    path = f"/v1/memberships/{invited['membership']['id']}"
    assert api.call("DELETE", path).status == 204
    again = invite(api, email, role="support")
    assert again["id"] == invited["id"]
    assert (again["status"], again["membership"]["role"]) == ("invited", "support")


def test_another_program_s_membership_is_nobody_s(api: Api) -> None:
    other = make_api()
    theirs = membership_of(a_person(other, "analyst"))
    unknown = "/v1/memberships/mbr_01h455vb4pex5vsknk084sn02q"
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"name": "x"})):
        answers = [api.call(method, path, body) for path in (theirs, unknown)]
        hidden = {"request_id": "", "instance": ""}
        bodies = [answer.body | hidden for answer in answers]
        assert bodies[0] == bodies[1]
        assert {answer.code for answer in answers} == {"membership_not_found"}
    assert other.get(theirs).status == 200


def test_memberships_are_listed_by_role_and_status(api: Api) -> None:
    for role in ("analyst", "support", "support"):
        a_person(api, role)
    invite(api, an_address(), role="admin")
    found = api.get("/v1/memberships?role=support&limit=1").body
    assert (len(found["data"]), found["has_more"]) == (1, True)
    rest = api.get(
        f"/v1/memberships?role=support&limit=1&cursor={found['next_cursor']}"
    ).body
    assert len(rest["data"]) == 1
    assert rest["data"] != found["data"]
    (invited,) = api.get("/v1/memberships?status=invited").body["data"]
    assert invited["role"] == "admin"
    assert api.get("/v1/memberships?role=owner").status == 400


def test_two_admins_who_remove_each_other_leave_one(api: Api) -> None:
    one, two = a_person(api, "admin"), a_person(api, "admin")
    paths = {one.secret: membership_of(two), two.secret: membership_of(one)}

    def remove(caller: Api) -> int:
        try:
            return caller.call("DELETE", paths[caller.secret]).status
        finally:
            connections.close_all()

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(pool.map(remove, (one, two)))
        # The second one finds itself the last, or shut out already.
        assert statuses[0] == 204
        assert statuses[1] in {401, 409}
        left = Membership.objects.filter(program_id=api.program, removed_at=None)
        assert left.count() == 1
        Membership.objects.filter(program_id=api.program).update(removed_at=None)
        one, two = a_person(api, "admin"), a_person(api, "admin")
        others = Membership.objects.filter(program_id=api.program)
        others.exclude(user_id__in=[user_id(one), user_id(two)]).update(
            removed_at=clock.read()
        )
        paths = {one.secret: membership_of(two), two.secret: membership_of(one)}


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"role": "owner"}, "membership_role_is_known"),
        ({"role": "admin", "member": new_id()}, "membership_member_only_of_members"),
        ({"role": "admin", "adjust_limit": 1}, "membership_adjust_limit_of_support"),
        ({"role": "support"}, "membership_adjust_limit_of_support"),
        (
            {"role": "support", "adjust_limit": -1},
            "membership_adjust_limit_of_support",
        ),
    ],
)
def test_the_database_keeps_what_a_role_is(
    api: Api, columns: dict[str, Any], constraint: str
) -> None:
    user = user_id(a_person(make_api(), "analyst"))
    with pytest.raises(IntegrityError, match=constraint):
        Membership.objects.create(
            program_id=api.program, user_id=user, created_at=clock.read(), **columns
        )


def test_the_database_keeps_one_user_for_an_address_and_one_membership(
    api: Api,
) -> None:
    email = an_address()
    person = a_person(api, "analyst", email=email)
    now = clock.read()
    with pytest.raises(IntegrityError, match="user_email_is_unique"):
        User.objects.create(email=email, created_at=now)
    with pytest.raises(IntegrityError, match="user_email_is_in_small_letters"):
        User.objects.create(email=email.upper(), created_at=now)
    with pytest.raises(IntegrityError, match="membership_user_is_unique"):
        Membership.objects.create(
            program_id=api.program,
            user_id=user_id(person),
            role="admin",
            created_at=now,
        )
