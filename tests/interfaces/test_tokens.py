"""Tokens of people: every way in which one can be wrong, and what ends one."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as configured
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from punchcard.access.models import Attempts, Membership, Session, User
from punchcard.access.operations.sessions import open_session
from punchcard.access.queries import get_user
from punchcard.kernel import clock
from punchcard.kernel.ids import typed, untyped
from punchcard.kernel.transactions import transaction
from punchcard.programs.models import Program
from tests.interfaces.conftest import Answer, Api, make_api
from tests.interfaces.people import (
    a_person,
    an_admin_with_password,
    audit_of,
    token,
    user_id,
    visitor,
)

KEY = configured.SIMPLE_JWT["SIGNING_KEY"]
RSA_HEADER = {"alg": "RS256", "typ": "JWT"}


def claims_of(text: str) -> dict[str, Any]:
    said: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    return said


def signed(claims: dict[str, Any], key: str = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def part(value: dict[str, Any]) -> str:
    text = json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def tampered(text: str) -> str:
    head, _, tail = text.split(".")
    better = claims_of(text) | {"membership": typed("mbr", uuid.uuid4())}
    return f"{head}.{part(better)}.{tail}"


NOW = int(time.time())
OTHER_KEY = "another key, as long as the real one is"
WRONG: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "garbage": lambda _text, _said: "garbage",
    "three parts of garbage": lambda _text, _said: "a.b.c",
    "nothing between the dots": lambda _text, _said: "..",
    "not ASCII": lambda text, _said: text + "é",
    "absurdly long": lambda text, _said: text + "x" * 10_000,
    "cut off": lambda text, _said: text[:-3],
    "tampered with": lambda text, _said: tampered(text),
    "signature of another token": lambda text, said: (
        signed(said | {"x": 1}).rpartition(".")[0] + "." + text.rpartition(".")[2]
    ),
    "no algorithm": lambda _text, said: unsigned(said),
    "no algorithm, oddly written": lambda _text, said: unsigned(said, "nOnE"),
    "no signature": lambda _text, said: unsigned(said, "HS256"),
    "another algorithm": lambda _text, said: signed(said, algorithm="HS512"),
    "wrong key": lambda _text, said: signed(said, OTHER_KEY),
    "Django's own key": lambda _text, said: signed(
        said, configured.SECRET_KEY.ljust(32, "x")
    ),
    "forged for RSA": lambda text, said: (
        f"{part(RSA_HEADER)}.{part(said)}.{text.rpartition('.')[2]}"
    ),
    "expired": lambda _text, said: signed(said | {"exp": NOW - 60}),
    "without an expiry": lambda _text, said: signed(without(said, "exp")),
    "not valid yet": lambda _text, said: signed(said | {"nbf": NOW + 3600}),
    "of the future": lambda _text, said: signed(said | {"iat": NOW + 3600}),
    "wrong audience": lambda _text, said: signed(said | {"aud": "another-api"}),
    "no audience": lambda _text, said: signed(without(said, "aud")),
    "wrong issuer": lambda _text, said: signed(said | {"iss": "somebody"}),
    "no issuer": lambda _text, said: signed(without(said, "iss")),
    "no kind": lambda _text, said: signed(without(said, "token_type")),
    "another kind": lambda _text, said: signed(said | {"token_type": "sliding"}),
    "no subject": lambda _text, said: signed(without(said, "sub")),
    "a subject that is none": lambda _text, said: signed(said | {"sub": "root"}),
    "somebody else": lambda _text, said: signed(
        said | {"sub": typed("usr", uuid.uuid4())}
    ),
    "another program": lambda _text, said: signed(
        said | {"program": typed("prg", make_api().program)}
    ),
    "another membership": lambda _text, said: signed(
        said | {"membership": typed("mbr", uuid.uuid4())}
    ),
    "another session": lambda _text, said: signed(said | {"session": uuid.uuid4().hex}),
    "a session that is none": lambda _text, said: signed(said | {"session": 7}),
    "an older version": lambda _text, said: signed(
        said | {"version": said["version"] - 1}
    ),
    "a version that is none": lambda _text, said: signed(said | {"version": "x"}),
    "no identity": lambda _text, said: signed(without(said, "jti")),
}


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
    answer = show(api, WRONG[name](good, claims_of(good)))
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert 'error="invalid_token"' in answer.response["WWW-Authenticate"]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_refresh_token_gives_nothing_and_ends_nothing(
    api: Api, name: str
) -> None:
    _, good = a_pair(api)
    wrong = WRONG[name](good, claims_of(good))
    answer = refresh(api, wrong)
    assert answer.status in {400, 401}
    assert answer.code in {"malformed", "unauthenticated"}
    assert revoke(api, wrong).status in {204, 400}
    assert refresh(api, good).status == 200


def test_access_and_refresh_do_not_stand_for_each_other(api: Api) -> None:
    access, good = a_pair(api)
    assert show(api, good).status == 401
    assert refresh(api, access).status == 401
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
    assert refresh(api, stolen).status == 401
    for access in (admin.secret, here["access"], fresh["access"], phone["access"]):
        assert show(api, access).status == 401
    for text in (fresh["refresh"], phone["refresh"]):
        assert refresh(api, text).status == 401
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
    assert show(api, access).status == 401
    assert refresh(api, good).status == 401


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
