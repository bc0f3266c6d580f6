"""How people come in: invitation, registration, password, and what is shut for whom."""

from __future__ import annotations

import secrets
import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from punchcard.access.models import Attempts, Link, User
from punchcard.journeys.people.accept_invitation import make_admin_link
from punchcard.journeys.people.disable_user import disable_user, enable_user
from punchcard.kernel import clock
from punchcard.programs.models import Program
from punchcard.project import env
from punchcard.project import settings as product
from tests.builders import rows
from tests.interfaces.conftest import Api, make_api
from tests.interfaces.people import (
    PASSWORD,
    a_person,
    an_address,
    an_admin_with_password,
    audit_of,
    invite,
    last_token,
    letters_to,
    sign_in,
    token,
    user_id,
    visitor,
)

OTHER = "quite another long phrase"


@pytest.fixture(autouse=True)
def nothing_is_shut() -> Iterator[None]:
    """All tests come from one address."""
    Attempts.objects.all().delete()
    yield
    Attempts.objects.all().delete()


def slug(api: Api) -> str:
    return Program.objects.get(pk=api.program).slug


def an_open_program(**options: Any) -> Api:
    """A program in which people may register themselves."""
    api = make_api(**options)
    Program.objects.filter(pk=api.program).update(self_registration=True)
    return api


def register(api: Api, email: str, **body: Any) -> Any:
    said = {"email": email, "password": PASSWORD, "program": slug(api), **body}
    return visitor(api).post("/v1/auth/register", said)


def verify(api: Api, token: str) -> Any:
    return visitor(api).post("/v1/auth/verify", {"token": token})


def forgot(api: Api, email: str) -> Any:
    return visitor(api).post("/v1/auth/forgot-password", {"email": email})


def reset(api: Api, token: str, password: str = OTHER) -> Any:
    said = {"token": token, "password": password}
    return visitor(api).post("/v1/auth/reset", said)


def accept(api: Api, token: str, **body: Any) -> Any:
    return visitor(api).post("/v1/auth/accept", {"token": token, **body})


def a_user(api: Api) -> str:
    """Return the address of somebody who has a password and is an admin."""
    return an_admin_with_password(api)[1]


# --------------------------------------------------------------------- signing in


def test_somebody_who_was_invited_chooses_a_password_and_signs_in(api: Api) -> None:
    email = an_address("Nora")
    invited = invite(api, email, role="admin", name="Nora")
    assert (invited["status"], invited["membership"]["accepted_at"]) == (
        "invited",
        None,
    )
    assert token(api, email).code == "invalid_credentials"
    assert accept(api, last_token(email), password=PASSWORD).status == 204
    nora = sign_in(api, email.upper())
    me = nora.get("/v1/auth/me").body
    assert me["email"] == email.lower()
    assert me["membership"]["role"] == "admin"
    assert me["membership"]["status"] == "active"
    assert nora.get("/v1/users").status == 200
    expected = [
        "user.invited",
        "membership.created",
        "user.email_verified",
        "membership.accepted",
    ]
    assert [action for _, action, _ in audit_of(api, expected)] == expected


def test_a_link_is_good_once_and_for_its_own_purpose(api: Api) -> None:
    email = an_address()
    invite(api, email, role="analyst")
    link = last_token(email)
    for answer in (verify(api, link), reset(api, link), verify(api, "x" * 43)):
        assert (answer.status, answer.code) == (410, "link_invalid")
    assert accept(api, link, password=PASSWORD).status == 204
    again = accept(api, link, password=OTHER)
    assert (again.status, again.code) == (410, "link_invalid")
    assert token(api, email, OTHER).status == 401
    assert token(api, email).status == 200


def test_an_expired_link_and_one_that_was_taken_back_are_invalid(api: Api) -> None:
    email = an_address()
    invited = invite(api, email, role="analyst")
    first = last_token(email)
    assert api.post(f"/v1/users/{invited['id']}/invite", None).status == 202
    second = last_token(email)
    assert first != second
    assert accept(api, first, password=PASSWORD).code == "link_invalid"
    Link.objects.filter(used_at=None, user_id=user_of(email)).update(
        expires_at=clock.read()
    )
    assert accept(api, second, password=PASSWORD).code == "link_invalid"
    assert api.post(f"/v1/users/{invited['id']}/invite", None).status == 202
    third = last_token(email)
    membership = invited["membership"]["id"]
    assert api.call("DELETE", f"/v1/memberships/{membership}").status == 204
    assert accept(api, third, password=PASSWORD).code == "link_invalid"
    assert token(api, email).status == 401


def user_of(email: str) -> Any:
    return User.objects.values_list("id", flat=True).get(email=email)


def test_who_has_a_password_keeps_it_when_invited_elsewhere(api: Api) -> None:
    email = a_user(api)
    other = make_api()
    invited = invite(other, email, role="analyst")
    assert invited["name"] == ""
    link = last_token(email)
    refused = accept(other, link, password=OTHER)
    assert (refused.code, refused.body["errors"][0]["pointer"]) == (
        "malformed",
        "/password",
    )
    assert accept(other, link).status == 204
    assert token(other, email, OTHER, program=slug(other)).status == 401
    both = token(other, email)
    assert (both.status, both.code) == (422, "program_required")
    assert both.body["details"] == {"programs": sorted([slug(api), slug(other)])}
    here = sign_in(api, email, program=slug(api))
    there = sign_in(other, email, program=slug(other))
    assert here.get("/v1/users").status == 200
    assert there.get("/v1/users").status == 403
    nowhere = token(api, email, program=slug(make_api()))
    assert (nowhere.status, nowhere.code) == (401, "invalid_credentials")


@pytest.mark.parametrize(
    "password", ["short", "1234567890123", "password123", "administrator", "x" * 1001]
)
def test_a_weak_password_is_refused_and_the_link_stays_good(
    api: Api, password: str
) -> None:
    email = an_address("administrator")
    invite(api, email, role="analyst")
    answer = accept(api, last_token(email), password=password)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == "/password"
    assert accept(api, last_token(email), password=PASSWORD).status == 204


def test_whoever_is_disabled_or_removed_does_not_sign_in(api: Api) -> None:
    email = a_user(api)
    a_user(api)
    stays = an_admin_with_password(api)[0]
    invited = invited_id(stays, email)
    assert stays.post(f"/v1/users/{invited}/disable", None).body["status"] == "disabled"
    assert token(api, email).code == "invalid_credentials"
    assert stays.post(f"/v1/users/{invited}/enable", None).body["status"] == "active"
    assert token(api, email).status == 200
    assert disable_user(email=email, now=clock.read())
    assert not disable_user(email=email, now=clock.read())
    assert token(api, email).code == "invalid_credentials"
    assert enable_user(email=email, now=clock.read())
    assert token(api, email).status == 200


def invited_id(api: Api, email: str) -> str:
    (found,) = api.get(f"/v1/users?email={email}").body["data"]
    return str(found["id"])


# --------------------------------------------------------------------- registration


def test_somebody_registers_confirms_and_sees_their_own_points() -> None:
    api = an_open_program()
    email = an_address("Berta")
    answer = register(api, email, name="Berta", language="fr-CH")
    assert (answer.status, answer.body) == (202, {"status": "letter_sent"})
    assert not User.objects.filter(email=email.lower()).exists()
    assert token(api, email).code == "invalid_credentials"
    assert verify(api, last_token(email)).status == 204
    berta = sign_in(api, email)
    me = berta.get("/v1/auth/me").body
    assert (me["name"], me["language"]) == ("Berta", "fr-CH")
    member = me["membership"]["member"]
    accounts = berta.get(f"/v1/members/{member}/accounts").body["data"]
    assert [account["wallet"] for account in accounts] == ["points"]
    assert berta.get("/v1/members").status == 403
    actions = ["user.email_verified", "user.registered", "membership.created"]
    assert [action for _, action, _ in audit_of(api, actions)] == actions
    assert verify(api, last_token(email)).code == "link_invalid"


def test_an_address_that_is_known_is_answered_the_same_with_as_much_work() -> None:
    api = an_open_program()
    known, unknown = an_address("known"), an_address("unknown")
    register(api, known)
    verify(api, last_token(known))
    statements, answers, sent = [], [], []
    for email in (known, unknown):
        before = len(mail.outbox)
        with CaptureQueriesContext(connection) as captured:
            answers.append(register(api, email))
        statements.append(len(captured))
        sent.append(len(mail.outbox) - before)
    assert answers[0].body == answers[1].body
    assert [answer.status for answer in answers] == [202, 202]
    assert statements[0] == statements[1]
    assert sent == [1, 1]
    assert "There is\nan account already" in letters_to(known)[-1].body
    assert "There is" not in letters_to(unknown)[-1].body
    # The password that was said a second time is nobody's.
    assert token(api, known).status == 200


def test_who_registers_elsewhere_joins_with_the_password_they_have() -> None:
    api, other = an_open_program(), an_open_program()
    email = an_address()
    register(api, email)
    verify(api, last_token(email))
    register(other, email, password=OTHER, name="Somebody else")
    assert verify(other, last_token(email)).status == 204
    assert token(other, email, OTHER, program=slug(other)).status == 401
    there = sign_in(other, email, program=slug(other))
    assert there.get("/v1/auth/me").body["name"] == ""
    assert there.get("/v1/auth/me").body["membership"]["role"] == "member"


def test_where_nobody_registers_it_is_as_if_there_were_no_program(api: Api) -> None:
    email = an_address()
    closed, unknown = register(api, email), register(api, email, program="nowhere")
    for answer in (closed, unknown):
        assert (answer.status, answer.code) == (404, "program_not_found")
    hide = {"request_id": ""}
    assert closed.body | hide == unknown.body | hide
    assert letters_to(email) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a b@example.com"}, "email"),
        ({"email": "é@example.com"}, "email"),
        ({"email": "a@example.com\0"}, "email"),
        ({"password": "short"}, "password"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\u202e"}, "name"),
        ({"language": "french!"}, "language"),
        ({"admin": True}, "admin"),
    ],
)
def test_what_cannot_be_registered_is_named(body: dict[str, Any], field: str) -> None:
    api = an_open_program()
    answer = register(api, **{"email": an_address(), **body})
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == f"/{field}"


def test_a_registration_that_nobody_confirms_leaves_nothing_of_the_person() -> None:
    api = an_open_program()
    email = an_address("ghost")
    register(api, email, name="Ghost")
    later = clock.read() - timedelta(seconds=1)
    Link.objects.filter(email=email).update(expires_at=later)
    assert verify(api, last_token(email)).code == "link_invalid"
    register(api, an_address())
    assert not Link.objects.filter(email=email).exists()


# --------------------------------------------------------------------- passwords


def test_a_forgotten_password_is_chosen_anew_and_every_token_is_over(api: Api) -> None:
    email = a_user(api)
    pair = token(api, email).body
    before = Api(program=api.program, secret=pair["access"])
    assert forgot(api, email).body == {"status": "letter_sent"}
    assert reset(api, last_token(email)).status == 204
    assert before.get("/v1/auth/me").status == 401
    refreshed = visitor(api).post("/v1/auth/refresh", {"refresh": pair["refresh"]})
    assert refreshed.status == 401
    assert token(api, email).status == 401
    assert token(api, email, OTHER).status == 200
    assert "was changed" in letters_to(email)[-1].body
    assert audit_of(api, ["password.reset"])


def test_a_link_to_choose_a_password_is_over_when_another_is_used(api: Api) -> None:
    email = a_user(api)
    forgot(api, email)
    first = last_token(email)
    forgot(api, email)
    assert reset(api, first).code == "link_invalid"
    assert reset(api, last_token(email), "short").code == "malformed"
    assert reset(api, last_token(email)).status == 204
    assert reset(api, last_token_of_reset(email), PASSWORD).code == "link_invalid"


def last_token_of_reset(email: str) -> str:
    """Return the token before the letter that says that the password changed."""
    letters = [letter.body for letter in letters_to(email)]
    (body,) = [body for body in letters if "reset" in body][-1:]
    return next(word for word in body.split() if len(word) == 43)


def test_whether_an_address_is_known_is_not_told_by_a_forgotten_password(
    api: Api,
) -> None:
    known, unknown = a_user(api), an_address()
    statements, sent = [], []
    answers = []
    for email in (known, unknown):
        before = len(mail.outbox)
        with CaptureQueriesContext(connection) as captured:
            answers.append(forgot(api, email))
        statements.append(len(captured))
        sent.append(len(mail.outbox) - before)
    assert answers[0].body == answers[1].body
    assert statements[0] == statements[1]
    assert sent == [1, 1]
    assert "There is none" in letters_to(unknown)[-1].body


def test_a_password_is_changed_by_who_knows_it(api: Api) -> None:
    caller, email = an_admin_with_password(api)
    elsewhere = sign_in(api, email)
    said = {"current_password": OTHER, "new_password": "yet another phrase"}
    wrong = caller.post("/v1/auth/change-password", said)
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    weak = {"current_password": PASSWORD, "new_password": "weak"}
    answer = caller.post("/v1/auth/change-password", weak)
    assert answer.body["errors"][0]["pointer"] == "/new_password"
    good = {"current_password": PASSWORD, "new_password": OTHER}
    pair = caller.post("/v1/auth/change-password", good)
    assert pair.status == 200
    assert caller.get("/v1/auth/me").status == 401
    assert elsewhere.get("/v1/auth/me").status == 401
    fresh = Api(program=api.program, secret=pair.body["access"])
    assert fresh.get("/v1/auth/me").status == 200
    assert token(api, email).status == 401
    actor = fresh.get("/v1/auth/me").body["id"]
    assert audit_of(api, ["password.changed"]) == [(actor, "password.changed", actor)]


def test_a_key_has_no_password_to_change(api: Api) -> None:
    said = {"current_password": PASSWORD, "new_password": OTHER}
    answer = api.post("/v1/auth/change-password", said)
    assert (answer.status, answer.code) == (403, "forbidden")
    assert api.get("/v1/auth/me").status == 403


def test_people_change_their_own_name_and_nobody_else_does(api: Api) -> None:
    caller = a_person(api, "analyst")
    assert caller.call("PATCH", "/v1/auth/me", {"name": "Zoë"}).body["name"] == "Zoë"
    changed = caller.call("PATCH", "/v1/auth/me", {"language": "de"}).body
    assert (changed["name"], changed["language"]) == ("Zoë", "de")
    user = changed["id"]
    assert api.get(f"/v1/users/{user}").body["name"] == "Zoë"
    called = api.call("PATCH", f"/v1/users/{user}", {"name": "Our Zoë"}).body
    assert called["name"] == "Our Zoë"
    assert caller.get("/v1/auth/me").body["name"] == "Zoë"
    (row,) = audit_of(api, ["user.changed"])[-1:]
    assert row == (user, "user.changed", user)


# --------------------------------------------------------------------- the first admin


def test_the_first_admin_says_who_they_are(api: Api) -> None:
    link = make_admin_link(program=api.program, now=clock.read())
    email = an_address("owner")
    nameless = accept(api, link, password=PASSWORD)
    assert nameless.body["errors"][0]["pointer"] == "/email"
    said = {"email": email, "password": PASSWORD, "name": "Owner"}
    assert accept(api, link, **said).status == 204
    owner = sign_in(api, email)
    assert owner.get("/v1/auth/me").body["membership"]["role"] == "admin"
    again = {"email": an_address(), "password": PASSWORD}
    assert accept(api, link, **again).code == "link_invalid"


def test_an_admin_link_takes_over_nobody_s_account(api: Api) -> None:
    other = make_api()
    email = a_user(other)
    link = make_admin_link(program=api.program, now=clock.read())
    taken = accept(api, link, email=email, password=OTHER)
    assert (taken.status, taken.code) == (401, "invalid_credentials")
    assert token(other, email).status == 200
    assert accept(api, link, email=email, password=PASSWORD).status == 204
    assert sign_in(api, email, program=slug(api)).get("/v1/users").status == 200
    second = make_admin_link(program=api.program, now=clock.read())
    twice = accept(api, second, email=email, password=PASSWORD)
    assert (twice.status, twice.code) == (409, "membership_exists")


# --------------------------------------------------------------------- what is shut


def test_after_five_wrong_passwords_it_is_shut_for_known_and_unknown_alike(
    api: Api,
) -> None:
    known, unknown = a_user(api), an_address()
    for email in (known, unknown):
        wrong = [token(api, email, "a wrong phrase") for _ in range(6)]
        assert [answer.status for answer in wrong] == [401] * 5 + [429]
        assert wrong[5].code == "too_many_attempts"
        assert 0 < int(wrong[5].response["Retry-After"]) <= 15 * 60
    # Also with the right one, and for that address alone.
    shut = token(api, known)
    assert (shut.status, shut.code) == (429, "too_many_attempts")
    assert token(api, a_user(api)).status == 200
    Attempts.objects.update(ends_at=clock.read())
    assert token(api, known).status == 200


def test_the_same_answer_and_work_for_unknown_addresses(api: Api) -> None:
    known, unknown = a_user(api), an_address()
    seen = []
    for email in (known, unknown):
        with CaptureQueriesContext(connection) as captured:
            answer = token(api, email, "a wrong phrase")
        hidden = answer.body | {"request_id": ""}
        seen.append((answer.status, hidden, len(captured)))
    assert seen[0] == seen[1]


def test_a_success_begins_the_count_anew(api: Api) -> None:
    email = a_user(api)
    for _ in range(3):
        for _ in range(4):
            assert token(api, email, "a wrong phrase").status == 401
        assert token(api, email).status == 200


def test_of_many_guesses_at_once_no_more_are_looked_at(api: Api) -> None:
    email = an_address()

    def guess(_: int) -> int:
        try:
            return int(token(api, email, "a wrong phrase").status)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(guess, range(12)))
    assert statuses == [401] * 5 + [429] * 7


def test_from_one_address_not_everybody_is_guessed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttling = "punchcard.journeys.people.throttling"
    monkeypatch.setattr(f"{throttling}.PASSWORDS_FROM_ONE", 3)
    here = [token(api, an_address()).status for _ in range(4)]
    assert here == [401, 401, 401, 429]
    said = {"email": an_address(), "password": PASSWORD}
    elsewhere = Api(program=api.program, secret="")
    elsewhere.client.defaults["REMOTE_ADDR"] = "198.51.100.7"
    assert elsewhere.post("/v1/auth/token", said).status == 401
    # Of IPv6 a whole subscriber's network is one address.
    for host in ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::ffff"):
        elsewhere.client.defaults["REMOTE_ADDR"] = host
        last = elsewhere.post("/v1/auth/token", {**said, "email": an_address()})
    assert last.status == 429


def test_what_the_caller_says_of_its_address_is_not_believed(
    api: Api, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    throttling = "punchcard.journeys.people.throttling"
    monkeypatch.setattr(f"{throttling}.PASSWORDS_FROM_ONE", 2)

    def guess(forwarded: str) -> int:
        said = {"email": an_address(), "password": PASSWORD}
        headers = {"X-Forwarded-For": forwarded}
        stranger = visitor(api)
        return int(stranger.post("/v1/auth/token", said, headers=headers).status)

    assert [guess(f"203.0.113.{n}") for n in range(3)] == [401, 401, 429]
    Attempts.objects.all().delete()
    monkeypatch.setenv("X_PROXIES", "127.0.0.0/8, 10.0.0.1")
    settings.TRUSTED_PROXIES = env.networks("X_PROXIES")
    assert [guess(f"203.0.113.{n}, 10.0.0.1") for n in range(3)] == [401] * 3
    # What stands before the last proxy's word is the caller's invention.
    mine = [guess(f"203.0.113.{n}, 198.51.100.9, 10.0.0.1") for n in range(3)]
    assert mine == [401, 401, 429]


def test_letters_and_links_are_slowed_down_too(api: Api) -> None:
    email = an_address()
    asked = [forgot(api, email).status for _ in range(4)]
    assert asked == [202, 202, 202, 429]
    assert len(letters_to(email)) == 3
    tried = [verify(api, secrets.token_urlsafe(32)).status for _ in range(21)]
    assert tried == [410] * 20 + [429]
    assert reset(api, secrets.token_urlsafe(32)).code == "too_many_attempts"
    assert accept(api, secrets.token_urlsafe(32)).code == "too_many_attempts"


def test_who_chose_another_password_is_let_in_at_once(api: Api) -> None:
    email = a_user(api)
    for _ in range(6):
        token(api, email, "a wrong phrase")
    assert token(api, email).status == 429
    forgot(api, email)
    assert reset(api, last_token(email)).status == 204
    assert token(api, email, OTHER).status == 200


def test_no_address_stands_in_what_is_counted(api: Api) -> None:
    email = an_address("counted")
    token(api, email)
    forgot(api, email)
    kept = str(rows("SELECT subject, taken, ends_at FROM access_attempts"))
    assert "counted" not in kept
    assert "127.0.0.1" not in kept


# --------------------------------------------------------------------- letters


class Broken(BaseEmailBackend):
    """A mail server that does not answer."""

    def send_messages(self, email_messages: Any) -> int:
        raise smtplib.SMTPServerDisconnected("gone")


def test_a_letter_that_cannot_be_sent_changes_nothing(
    api: Api, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    email = an_address("lost")
    works = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    invited = invite(api, email, role="analyst")
    assert "letter not sent: invitation" in caplog.text
    assert email not in caplog.text
    settings.EMAIL_BACKEND = works
    assert letters_to(email) == []
    assert api.post(f"/v1/users/{invited['id']}/invite", None).status == 202
    assert accept(api, last_token(email), password=PASSWORD).status == 204


def test_a_letter_has_a_link_where_a_page_is_named(api: Api, settings: Any) -> None:
    settings.MAIL_LINK = "https://shop.example/{purpose}#{token}"
    email = an_address()
    invite(api, email, role="analyst")
    body = letters_to(email)[-1].body
    link = next(word for word in body.split() if word.startswith("https://"))
    assert link.startswith("https://shop.example/accept#")
    assert accept(api, link.partition("#")[2], password=PASSWORD).status == 204


def test_nothing_secret_or_personal_stands_in_the_audit() -> None:
    api = an_open_program()
    caller, email = an_admin_with_password(api, an_address("private"))
    caller.call("PATCH", "/v1/auth/me", {"name": "Private Person"})
    other = an_address("private")
    register(api, other, name="Private Person")
    verify(api, last_token(other))
    forgot(api, email)
    reset(api, last_token(email))
    kept = str(rows("SELECT * FROM kernel_audit WHERE program_id = %s", (api.program,)))
    for text in ("private", "Private", PASSWORD, OTHER, last_token(other)):
        assert text not in kept
    assert "user.registered" in kept


def test_a_password_is_stored_by_argon2_at_its_full_price(
    api: Api, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = product.PASSWORD_HASHERS
    caller = an_admin_with_password(api)[0]
    stored = User.objects.values_list("password", flat=True).get(pk=user_id(caller))
    assert stored.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
