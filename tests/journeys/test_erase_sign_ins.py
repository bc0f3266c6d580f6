"""Erasing who could sign in as a member, wherever something of them lies."""

from __future__ import annotations

import pytest

from punchcard.access.models import Link, Session
from punchcard.journeys.forget_expired import forget_expired
from punchcard.journeys.people import change_membership
from punchcard.kernel import clock
from punchcard.kernel.ids import untyped
from punchcard.programs.models import Program
from tests.builders import DAY, rows
from tests.interfaces.conftest import Api, make_api
from tests.interfaces.people import an_address, invite, visitor
from tests.journeys.test_erase_member import World, dump, where


def register(api: Api, email: str) -> None:
    program = Program.objects.filter(pk=api.program)
    program.update(self_registration=True)
    said = {
        "email": email,
        "name": "Somebody who waits",
        "password": "a long enough phrase",
        "program": program.get().slug,
    }
    assert visitor(api).post("/v1/auth/register", said).status == 202


def membership_of(api: Api, user: str) -> str:
    found: str = api.get(f"/v1/users/{user}").body["membership"]["id"]
    return found


def test_of_a_user_who_is_gone_nothing_lies_where_they_were_removed_before() -> None:
    world, abroad = World(), make_api()
    said = {"email": world.person.sign_in, "role": "analyst", "name": "Called so"}
    invited = abroad.post("/v1/users", said, key="invite")
    assert invited.status == 201
    kept = abroad.post("/v1/members", {"external_id": "other"}, key="other")
    membership = invited.body["membership"]["id"]
    assert abroad.call("DELETE", f"/v1/memberships/{membership}").status == 204
    assert world.erase().status == 200
    assert where(world.person.sign_in, dump()) == []
    late = abroad.post("/v1/users", said, key="invite")
    assert (late.status, late.code) == (410, "answer_withheld")
    # What is about others there is still answered.
    again = abroad.post("/v1/members", {"external_id": "other"}, key="other")
    assert (again.body, again.replayed) == (kept.body, True)


def test_answers_stay_where_the_user_stays() -> None:
    world, abroad = World(), make_api()
    said = {"email": world.person.sign_in, "role": "analyst"}
    invited = abroad.post("/v1/users", said, key="invite")
    assert world.erase().status == 200
    again = abroad.post("/v1/users", said, key="invite")
    assert (again.status, again.body, again.replayed) == (201, invited.body, True)


def test_what_waits_to_be_confirmed_here_goes_too() -> None:
    world, abroad = World(), make_api()
    # Of the address that the member has, and of one with which they sign in.
    email = an_address("Waiting").upper()
    assert world.patch({"email": email}, key="email").status == 200
    register(world.api, email)
    invite(abroad, world.person.sign_in, role="analyst")
    (link,) = rows(
        "SELECT id FROM access_link WHERE purpose = 'registration' AND email = %s",
        (email.lower(),),
    )
    rows(
        "INSERT INTO access_link (id, purpose, hash, program_id, email, name,"
        " language, password, created_at, expires_at)"
        " SELECT gen_random_uuid(), purpose, sha256(%s), program_id, %s, name,"
        " language, password, created_at, expires_at FROM access_link WHERE id = %s"
        " RETURNING id",
        (world.person.sign_in.encode(), world.person.sign_in, link[0]),
    )
    register(abroad, email)
    assert world.erase().status == 200
    left = rows(
        "SELECT program_id FROM access_link WHERE email = ANY(%s)",
        ([email.lower(), world.person.sign_in],),
    )
    # Another program asked for nothing to be forgotten.
    assert left == [(abroad.program,)]


def test_nobody_signs_in_as_somebody_erased() -> None:
    world = World()
    other = invite(world.api, an_address(), role="analyst")
    removed = invite(world.api, an_address(), role="analyst")
    path = f"/v1/memberships/{membership_of(world.api, removed['id'])}"
    rows(
        "UPDATE access_membership SET accepted_at = created_at, removed_at = created_at"
        " WHERE user_id = %s RETURNING id",
        (untyped("usr", removed["id"]),),
    )
    assert world.api.get(path).status == 404
    assert world.erase().status == 200
    as_member = {"role": "member", "member": world.id}
    tries = [
        world.api.post("/v1/users", {"email": an_address(), **as_member}),
        world.api.call(
            "PATCH",
            f"/v1/memberships/{membership_of(world.api, other['id'])}",
            as_member,
        ),
        world.api.post("/v1/memberships", {"user": removed["id"], **as_member}),
    ]
    for answer in tries:
        assert (answer.status, answer.code) == (400, "malformed")
        assert answer.body["errors"][0]["pointer"] == "/member"
    assert not rows("SELECT FROM access_membership WHERE member = %s", (world.member,))


def test_who_was_removed_is_told_and_erased_like_who_signs_in() -> None:
    world = World()
    membership = membership_of(world.api, world.user)
    path = f"/v1/memberships/{membership}"
    assert world.api.call("DELETE", path).status == 204
    told = world.export()
    (sign_in,) = told["sign_ins"]
    assert sign_in["email"] == world.person.sign_in
    assert sign_in["called"] == world.person.called
    assert sign_in["removed_at"] is not None
    actions = {row["action"] for row in told["audit"] if row["target"] == membership}
    assert actions >= {"membership.created", "membership.removed"}
    assert world.erase().status == 200
    assert where(world.person.sign_in, dump()) == []


def test_the_export_tells_when_somebody_signed_in() -> None:
    world = World()
    (sign_in,) = world.export()["sign_ins"]
    assert sign_in["removed_at"] is None
    (session,) = sign_in["sessions"]
    assert session["signed_in_at"] == sign_in["last_signed_in_at"]
    assert session["ended_at"] is None
    assert session["expires_at"] > session["signed_in_at"]


def test_a_member_is_not_erased_while_somebody_becomes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from concurrent.futures import Future, ThreadPoolExecutor

    from django.db import connections

    world = World()
    joined = invite(world.api, an_address(), role="analyst", name="Late comer")
    path = f"/v1/memberships/{membership_of(world.api, joined['id'])}"
    erased: list[Future[int]] = []
    require_member = change_membership.require_member

    def erase() -> int:
        try:
            return world.erase().status
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:

        def begin_to_erase(**named: object) -> None:
            require_member(**named)  # type: ignore[arg-type]
            erased.append(pool.submit(erase))
            wait_for_a_waiter()

        monkeypatch.setattr(change_membership, "require_member", begin_to_erase)
        body = {"role": "member", "member": world.id}
        assert world.api.call("PATCH", path, body).status == 200
        assert erased[0].result(60) == 200
    # The erasure waited, and forgot the late comer too.
    assert where("Late comer", dump()) == []
    assert world.api.get(path).status == 404


def wait_for_a_waiter() -> None:
    import threading

    for _ in range(6_000):
        if rows("SELECT FROM pg_locks WHERE NOT granted"):
            return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waited")


def test_what_has_expired_is_forgotten_and_nothing_else() -> None:
    world = World()
    now = clock.read()
    gone, waiting = an_address("gone"), an_address("waiting")
    for email in (gone, waiting):
        register(world.api, email)
    Link.objects.filter(email=gone).update(expires_at=now)
    sessions = Session.objects.filter(membership__user__email=world.person.sign_in)
    (alive,) = sessions.values_list("id", flat=True)
    row = sessions.get()
    over = Session(
        membership_id=row.membership_id,
        token=row.token,
        created_at=now - 2 * DAY,
        expires_at=now - DAY,
    )
    over.save(force_insert=True)
    assert forget_expired(now=now) >= 2
    assert where(gone, dump()) == []
    assert where(waiting, dump()) == ["access_link"]
    assert list(sessions.values_list("id", flat=True)) == [alive]
    assert world.signed_in.get(world.path).status == 200
    again = world.api.post("/v1/members", world.person.body(), key="enrol")
    assert again.replayed
    assert forget_expired(now=now) == 0


def test_a_refusal_that_said_an_address_of_theirs_is_withheld() -> None:
    world = World()
    for n, name in enumerate((world.person.email, world.person.sign_in)):
        path = f"/v1/accounts/ext:{name}@points/freeze"
        asked = world.api.post(path, {"reason": "lost"}, key=f"frozen-{n}")
        assert (asked.status, asked.code) == (404, "account_not_found")
    assert world.erase().status == 200
    dumped = dump()
    for word in (world.person.email, world.person.sign_in):
        assert where(word, dumped) == []
