"""An admin link proves no address: whoever has it takes nobody's place elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from punchcard.access.models import Attempts
from punchcard.journeys.people.accept_invitation import make_admin_link
from punchcard.kernel import clock
from punchcard.programs.models import Program
from tests.builders import rows
from tests.interfaces.conftest import Api, make_api
from tests.interfaces.people import (
    PASSWORD,
    an_address,
    audit_of,
    invite,
    last_token,
    letters_to,
    token,
    visitor,
)

THEIRS = "what the intruder thought up"


@pytest.fixture(autouse=True)
def nothing_is_shut() -> Iterator[None]:
    """All tests come from one address."""
    Attempts.objects.all().delete()
    yield
    Attempts.objects.all().delete()


def slug(api: Api) -> str:
    return Program.objects.get(pk=api.program).slug


def accept(api: Api, token: str, **body: Any) -> Any:
    return visitor(api).post("/v1/auth/accept", {"token": token, **body})


def come_by_admin_link(api: Api, email: str, password: str = THEIRS) -> Any:
    link = make_admin_link(program=api.program, now=clock.read())
    return accept(api, link, email=email, password=password)


def is_verified(email: str) -> bool:
    ((at,),) = rows(
        "SELECT email_verified_at FROM access_user WHERE email = %s", (email,)
    )
    return at is not None


def test_who_takes_an_address_in_advance_is_nobody_where_its_owner_comes() -> None:
    here, there = make_api(), make_api()
    email = an_address("victim")
    assert come_by_admin_link(here, email).status == 204
    intruder = token(here, email, THEIRS).body
    invite(there, email, role="admin")
    link = last_token(email)
    # The owner is asked for a password of their own: they have none yet.
    asked = accept(there, link)
    assert (asked.status, asked.body["errors"][0]["pointer"]) == (400, "/password")
    assert accept(there, link, password=PASSWORD).status == 204
    assert token(there, email, program=slug(there)).status == 200
    for program in (here, there):
        refused = token(program, email, THEIRS, program=slug(program))
        assert (refused.status, refused.code) == (401, "invalid_credentials")
    over = Api(program=here.program, secret=intruder["access"])
    assert over.get("/v1/auth/me").status == 401
    refresh = visitor(here).post("/v1/auth/refresh", {"refresh": intruder["refresh"]})
    assert refresh.status == 401
    assert is_verified(email)


def test_who_registers_is_not_who_took_the_address_in_advance() -> None:
    here, there = make_api(), make_api()
    Program.objects.filter(pk=there.program).update(self_registration=True)
    email = an_address("victim")
    assert come_by_admin_link(here, email).status == 204
    said = {"email": email, "password": PASSWORD, "program": slug(there)}
    assert visitor(there).post("/v1/auth/register", said).status == 202
    confirmed = {"token": last_token(email)}
    assert visitor(there).post("/v1/auth/verify", confirmed).status == 204
    assert token(there, email, THEIRS, program=slug(there)).status == 401
    assert token(there, email, program=slug(there)).status == 200


def test_who_was_invited_is_not_who_took_the_address_since(api: Api) -> None:
    there = make_api()
    email = an_address("victim")
    invite(there, email, role="admin")
    link = last_token(email)
    assert come_by_admin_link(api, email).status == 204
    # Invited there and not come: the password opens this program alone.
    assert token(there, email, THEIRS, program=slug(there)).status == 401
    assert token(api, email, THEIRS).status == 200
    assert accept(there, link, password=PASSWORD).status == 204
    assert token(there, email, THEIRS, program=slug(there)).status == 401
    assert token(there, email, program=slug(there)).status == 200


def test_a_first_admin_is_nobody_s_to_take_over(api: Api) -> None:
    other, email = make_api(), an_address("owner")
    assert come_by_admin_link(api, email, PASSWORD).status == 204
    taken = come_by_admin_link(other, email)
    assert (taken.status, taken.code) == (401, "invalid_credentials")
    assert token(api, email).status == 200
    assert come_by_admin_link(other, email, PASSWORD).status == 204
    assert token(other, email, program=slug(other)).status == 200


def test_a_first_admin_is_unproven_until_a_letter_has_reached_them(api: Api) -> None:
    email = an_address("owner")
    assert come_by_admin_link(api, email, PASSWORD).status == 204
    admin = Api(program=api.program, secret=token(api, email).body["access"])
    said = {"current_password": PASSWORD, "new_password": THEIRS}
    assert admin.post("/v1/auth/change-password", said).status == 200
    assert not is_verified(email)
    assert not audit_of(api, ["user.email_verified"])
    # A forgotten password is chosen anew by a letter, which shows whose it is.
    asked = visitor(api).post("/v1/auth/forgot-password", {"email": email})
    assert asked.status == 202
    assert letters_to(email)[-1].subject == "Choose another password"
    said = {"token": last_token(email), "password": PASSWORD}
    assert visitor(api).post("/v1/auth/reset", said).status == 204
    assert token(api, email).status == 200
    assert is_verified(email)
