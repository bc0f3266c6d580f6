"""Tokens of people: every way in which one can be wrong, and what ends one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from punchcard.access.models import Attempts, Membership, Session, User
from punchcard.access.operations.sessions import open_session
from punchcard.access.queries import SCOPES, get_user
from punchcard.journeys.people.disable_user import disable_user
from punchcard.kernel import clock
from punchcard.kernel.ids import typed, untyped
from punchcard.kernel.transactions import transaction
from punchcard.programs.models import Program
from tests.interfaces.conftest import Answer, Api, make_api
from tests.interfaces.forgeries import WRONG, claims_of, signed
from tests.interfaces.people import (
    PASSWORD,
    a_person,
    an_admin_with_password,
    audit_of,
    last_token,
    token,
    user_id,
    visitor,
)

THE_ONE_ANSWER = {
    "type": "urn:punchcard:problem:unauthenticated",
    "title": "An API key or an access token is needed.",
    "status": 401,
    "code": "unauthenticated",
}
SHAPELESS = {"not ASCII", "absurdly long"}
"""What cannot be a token at all; in a body that is malformed, in a header wrong."""


def a_pair(api: Api) -> tuple[str, str]:
    """Return access and refresh token of an admin."""
    person = claims_of(a_person(api, "admin").secret)
    user = untyped("usr", person["sub"])
    with transaction():
        pair = open_session(
            user=user,
            program=api.program,
            membership=untyped("mbr", person["membership"]),
            version=get_user(user=user).token_version,
            now=clock.read(),
        )
    return pair.access, pair.refresh


def show(api: Api, text: str) -> Answer:
    return Api(program=api.program, secret=text).get("/v1/users")


def assert_refused(answer: Answer) -> None:
    """Fail unless this is the one answer to whatever is wrong with a token."""
    assert (answer.status, answer.code) == (401, "unauthenticated"), answer.body
    assert 'error="invalid_token"' in answer.response["WWW-Authenticate"]
    own = {"request_id", "instance"}
    said = {name: text for name, text in answer.body.items() if name not in own}
    assert said == THE_ONE_ANSWER | {"detail": said["detail"]}
    assert said["detail"] in {
        "The credential is not valid.",
        "The token is forged, expired, used up or revoked.",
    }


def refresh(api: Api, text: str) -> Answer:
    return visitor(api).post("/v1/auth/refresh", {"refresh": text})


def revoke(api: Api, text: str) -> Answer:
    return visitor(api).post("/v1/auth/revoke", {"refresh": text})


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_access_token_lets_nobody_in(api: Api, name: str) -> None:
    good, _ = a_pair(api)
    assert show(api, good).status == 200
    # A copy that says the same is as good: what is wrong below is what is named.
    assert show(api, signed(claims_of(good))).status == 200
    assert_refused(show(api, WRONG[name](good, claims_of(good))))


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_refresh_token_gives_nothing_and_ends_nothing(
    api: Api, name: str
) -> None:
    _, good = a_pair(api)
    wrong = WRONG[name](good, claims_of(good))
    if name in SHAPELESS:
        assert refresh(api, wrong).code == revoke(api, wrong).code == "malformed"
    else:
        assert_refused(refresh(api, wrong))
        assert revoke(api, wrong).status == 204
    assert refresh(api, good).status == 200


def test_access_and_refresh_do_not_stand_for_each_other(api: Api) -> None:
    access, good = a_pair(api)
    assert_refused(show(api, good))
    assert_refused(refresh(api, access))
    assert revoke(api, access).status == 204
    assert show(api, access).status == 200
    assert refresh(api, good).status == 200


def test_a_token_says_who_for_whom_and_how_long(api: Api) -> None:
    access, good = (claims_of(text) for text in a_pair(api))
    for said, kind, lifetime in (
        (access, "access", timedelta(minutes=15)),
        (good, "refresh", timedelta(days=30)),
    ):
        assert said["token_type"] == kind
        assert (said["iss"], said["aud"]) == ("punchcard", "punchcard-api")
        assert said["exp"] - said["iat"] == lifetime.total_seconds()
        assert said["program"] == typed("prg", api.program)
        assert said["sub"].startswith("usr_")
        assert "@" not in str(said)


def test_a_refresh_token_is_good_once(api: Api) -> None:
    access, first = a_pair(api)
    second = refresh(api, first).body
    assert second["expires_in"] == 900
    assert show(api, second["access"]).status == 200
    third = refresh(api, second["refresh"]).body
    assert show(api, third["access"]).status == 200
    assert show(api, access).status == 200


def test_one_that_was_used_before_ends_all_sessions_of_the_person_here(
    api: Api,
) -> None:
    admin, email = an_admin_with_password(api)
    here = token(api, email).body
    phone = token(api, email).body
    stolen = here["refresh"]
    fresh = refresh(api, stolen).body
    assert_refused(refresh(api, stolen))
    for access in (admin.secret, here["access"], fresh["access"], phone["access"]):
        assert_refused(show(api, access))
    for text in (fresh["refresh"], phone["refresh"]):
        assert_refused(refresh(api, text))
    said = claims_of(stolen)
    membership = said["membership"]
    assert audit_of(api, ["session.reused"]) == [
        ("system", "session.reused", membership)
    ]
    # The person themselves can come in again.
    assert token(api, email).status == 200


def test_of_the_sessions_of_others_nothing_ends(api: Api) -> None:
    _, mine = a_pair(api)
    theirs = a_person(api, "admin")
    refresh(api, mine)
    assert refresh(api, mine).status == 401
    assert show(api, theirs.secret).status == 200


def test_of_many_at_once_one_gets_the_next_token(api: Api) -> None:
    _, good = a_pair(api)

    def ask(_: int) -> int:
        try:
            return refresh(api, good).status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(ask, range(8)))
    assert statuses == [200] + [401] * 7


def test_signing_out_ends_the_session_and_no_other(api: Api) -> None:
    access, good = a_pair(api)
    elsewhere, _ = a_pair(api)
    assert revoke(api, good).status == 204
    assert show(api, access).status == 401
    assert refresh(api, good).status == 401
    assert show(api, elsewhere).status == 200
    assert revoke(api, good).status == 204
    assert audit_of(api, ["session.reused"]) == []


ENDS: dict[str, Callable[[dict[str, Any]], object]] = {
    "user disabled": lambda said: User.objects.filter(
        pk=untyped("usr", said["sub"])
    ).update(disabled_at=clock.read()),
    "membership disabled": lambda said: Membership.objects.filter(
        pk=untyped("mbr", said["membership"])
    ).update(disabled_at=clock.read()),
    "membership removed": lambda said: Membership.objects.filter(
        pk=untyped("mbr", said["membership"])
    ).update(removed_at=clock.read()),
    "membership not accepted": lambda said: Membership.objects.filter(
        pk=untyped("mbr", said["membership"])
    ).update(accepted_at=None),
    "user deleted": lambda said: User.objects.filter(
        pk=untyped("usr", said["sub"])
    ).delete(),
    "all tokens taken away": lambda said: User.objects.filter(
        pk=untyped("usr", said["sub"])
    ).update(token_version=99),
    "session expired": lambda said: Session.objects.filter(
        pk=uuid.UUID(said["session"])
    ).update(expires_at=clock.read() + timedelta(microseconds=1)),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_a_token_acts_at_once(api: Api, name: str) -> None:
    access, good = a_pair(api)
    assert show(api, access).status == 200
    ENDS[name](claims_of(access))
    assert_refused(show(api, access))
    assert_refused(refresh(api, good))


DOORS: dict[str, Callable[[Api, str, dict[str, Any]], object]] = {
    "changes the password": lambda api, _email, pair: Api(
        program=api.program, secret=pair["access"]
    ).post(
        "/v1/auth/change-password",
        {"current_password": PASSWORD, "new_password": "quite another long phrase"},
    ),
    "resets the password": lambda api, email, _pair: reset(api, email),
    "is shut out of the program": lambda api, email, _pair: api.post(
        f"/v1/users/{user_of(api, email)['id']}/disable"
    ),
    "is shut out and let in again": lambda api, email, _pair: [
        api.post(f"/v1/users/{user_of(api, email)['id']}/{verb}")
        for verb in ("disable", "enable")
    ],
    "is shut out of every program": lambda _api, email, _pair: disable_user(
        email=email, now=clock.read()
    ),
    "is taken out of the program": lambda api, email, _pair: api.call(
        "DELETE", f"/v1/memberships/{user_of(api, email)['membership']['id']}"
    ),
    "shows a token a second time": lambda api, _email, pair: [
        refresh(api, pair["refresh"]) for _ in range(2)
    ],
}


def user_of(api: Api, email: str) -> dict[str, Any]:
    (found,) = api.get(f"/v1/users?email={email}").body["data"]
    user: dict[str, Any] = found
    return user


def reset(api: Api, email: str) -> Answer:
    visitor(api).post("/v1/auth/forgot-password", {"email": email})
    said = {"token": last_token(email), "password": "quite another long phrase"}
    return visitor(api).post("/v1/auth/reset", said)


@pytest.mark.parametrize("name", DOORS)
def test_every_token_is_over_when_somebody(api: Api, name: str) -> None:
    _, email = an_admin_with_password(api)
    # Somebody else stays, so that nobody is the last admin.
    stays = a_person(api, "admin")
    here, phone = token(api, email).body, token(api, email).body
    assert show(api, here["access"]).status == show(api, phone["access"]).status == 200
    DOORS[name](api, email, here)
    for pair in (here, phone):
        assert_refused(show(api, pair["access"]))
        assert_refused(refresh(api, pair["refresh"]))
    assert show(api, stays.secret).status == 200


def test_what_a_token_says_of_its_bearer_s_rights_is_not_read(api: Api) -> None:
    said = claims_of(a_person(api, "analyst").secret)
    better = {"role": "admin", "scopes": list(SCOPES), "scope": "users:read"}
    for claims in (said, said | better):
        answer = show(api, signed(claims))
        assert (answer.status, answer.code) == (403, "forbidden")


def test_another_role_acts_at_once(api: Api) -> None:
    person = a_person(api, "admin")
    assert person.get("/v1/users").status == 200
    other = a_person(api, "admin")
    membership = person.get("/v1/auth/me").body["membership"]["id"]
    path = f"/v1/memberships/{membership}"
    assert other.call("PATCH", path, {"role": "analyst"}).status == 200
    assert person.get("/v1/users").status == 403


def test_a_call_of_a_person_reads_who_it_is_in_one_statement(api: Api) -> None:
    person, key = a_person(api, "admin"), api
    key.get("/v1/ping")
    for caller in (person, key):
        with CaptureQueriesContext(connection) as captured:
            assert caller.get("/v1/ping").status == 204
        # Plain cursors are not captured, so this counts what goes beside them.
        assert len(captured) == 0
    assert user_id(person)


def test_a_token_of_one_program_says_nothing_in_another(api: Api) -> None:
    other = make_api()
    other.enrol("theirs")
    person = a_person(api, "admin")
    for path in ("/v1/members/ext:theirs", "/v1/accounts/ext:theirs@points"):
        assert other.get(path).status == 200
        assert person.get(path).status == 404
    slug = Program.objects.get(pk=api.program).slug
    assert person.get("/v1/program").body["slug"] == slug


def test_expired_sessions_do_not_pile_up(api: Api) -> None:
    access, _ = a_pair(api)
    said = claims_of(access)
    membership = untyped("mbr", said["membership"])
    sessions = Session.objects.filter(membership_id=membership)
    sessions.update(expires_at=clock.read())
    with transaction():
        open_session(
            user=untyped("usr", said["sub"]),
            program=api.program,
            membership=membership,
            version=0,
            now=clock.read(),
        )
    assert sessions.count() == 1


@pytest.fixture(autouse=True)
def nothing_is_shut() -> None:
    """All tests come from one address."""
    Attempts.objects.all().delete()
