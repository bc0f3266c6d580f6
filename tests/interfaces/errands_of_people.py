"""How each refusal about people, keys, members and places is met.

Code -> the call that meets it. Passwords, letters and links are tried from a network
of the scene's own, so that nothing is shut for the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from punchcard.journeys.open_registration import open_registration
from punchcard.journeys.people.accept_invitation import make_admin_link
from punchcard.kernel import clock
from punchcard.kernel.audit import CONSOLE, Author
from tests.interfaces.conftest import Answer, make_api
from tests.interfaces.errands import Errand
from tests.interfaces.people import (
    PASSWORD,
    a_person,
    a_place,
    an_address,
    an_admin_with_password,
)
from tests.interfaces.scene import Scene

WRONG = "nobody's long enough phrase"
Body = dict[str, Any]


def _verb(path: str) -> str:
    return path.rpartition("/")[2]


def nobodys(scene: Scene, method: str, path: str) -> Answer:
    """Ask for what a scene has none of."""
    return scene.send(method, path)


# --------------------------------------------------------------------- signing in


def _an_admin_comes(scene: Scene, password: str) -> Body:
    """Let somebody who is an admin already come by a link for a first one."""
    address = an_admin_with_password(scene.api)[1]
    link = make_admin_link(program=scene.api.program, now=clock.read())
    return {"token": link, "email": address, "password": password}


def _signs_in(scene: Scene, password: str) -> Body:
    address = an_admin_with_password(scene.api)[1]
    return {"email": address, "password": password}


_GUESSES: dict[str, Callable[[Scene], Body]] = {
    "accept": lambda scene: _an_admin_comes(scene, WRONG),
    "token": lambda scene: _signs_in(scene, WRONG),
    "change-password": lambda _: {"current_password": WRONG, "new_password": PASSWORD},
}


def invalid_credentials(scene: Scene, method: str, path: str) -> Answer:
    """Say a password that is not the person's."""
    return scene.send(method, path, body=_GUESSES[_verb(path)](scene))


def _registers(scene: Scene) -> Body:
    author = Author(actor=CONSOLE, program=scene.api.program)
    opened = open_registration(
        program=scene.api.program, allowed=True, author=author, now=clock.read()
    )
    return {"email": an_address(), "password": PASSWORD, "program": opened.slug}


_TRIES: dict[str, tuple[int, int, Callable[[Scene], Body] | None]] = {
    "accept": (20, 410, None),
    "verify": (20, 410, None),
    "reset": (20, 410, None),
    "register": (3, 202, _registers),
    "forgot-password": (3, 202, lambda _: {"email": an_address()}),
    "token": (5, 401, _GUESSES["token"]),
    "change-password": (5, 401, _GUESSES["change-password"]),
}
"""Verb -> how many are looked at, what each is answered, what is said each time."""


def too_many_attempts(scene: Scene, method: str, path: str) -> Answer:
    """Try once more than may be tried."""
    most, status, make = _TRIES[_verb(path)]
    body = scene.body(method, path) if make is None else make(scene)
    tried = [scene.send(method, path, body=body).status for _ in range(most)]
    assert tried == [status] * most
    return scene.send(method, path, body=body)


def program_required(scene: Scene, method: str, path: str) -> Answer:
    body = _signs_in(scene, PASSWORD)
    a_person(make_api(), "analyst", email=body["email"])
    return scene.send(method, path, body=body)


def program_not_found(scene: Scene, method: str, path: str) -> Answer:
    """Register with a program that lets nobody register."""
    slug = scene.api.get("/v1/program").body["slug"]
    body = scene.body(method, path) | {"program": slug}
    return scene.send(method, path, body=body)


# --------------------------------------------------------------------- who works here


def membership_exists(scene: Scene, method: str, path: str) -> Answer:
    """Make somebody belong to the program who does."""
    if path.endswith("/accept"):
        return scene.send(method, path, body=_an_admin_comes(scene, PASSWORD))
    if path.endswith("/users"):
        a_place(scene.api)
        assert scene.send(method, path, key="before").status == 201
        return scene.send(method, path)
    somebody = a_person(scene.api, "analyst").get("/v1/auth/me").body["id"]
    return scene.send(method, path, body={"user": somebody, "role": "analyst"})


def last_admin(scene: Scene, method: str, path: str) -> Answer:
    """Take the only admin away."""
    me = scene.person.get("/v1/auth/me").body
    only = {"user": me["id"], "membership": me["membership"]["id"]}
    body = {"role": "analyst"} if method == "PATCH" else None
    answer = scene.send(method, path, named=only, body=body)
    assert scene.person.get("/v1/auth/me").body == me
    return answer


def api_key_ended(scene: Scene, method: str, path: str) -> Answer:
    said = {"name": "till", "scopes": ["members:read"]}
    key = scene.api.post("/v1/api-keys", said).body["api_key"]["id"]
    assert scene.api.post(f"/v1/api-keys/{key}/revoke").status == 200
    return scene.send(method, path, named={"key": key})


# --------------------------------------------------------------------- members, places


def member_not_found(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, named={"member": "ext:nobody"})


def member_erased(scene: Scene, method: str, path: str) -> Answer:
    erased = scene.api.post("/v1/members/ext:anna/erase").body["id"]
    return scene.send(method, path, named={"member": erased})


def precondition_failed(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, headers={"If-Match": '"999"'})


def configuration_not_found(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, query="?version=999")


def configuration_malformed(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, body={"colour": "red"})


def precondition_required(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, headers={})


def code_taken(scene: Scene, method: str, path: str) -> Answer:
    """Make a second one with the code of the first."""
    assert scene.send(method, path, key="before").status == 201
    return scene.send(method, path, body=scene.body(method, path) | {"name": "Other"})


PEOPLE: dict[str, Errand] = {
    "invalid_credentials": invalid_credentials,
    "too_many_attempts": too_many_attempts,
    "program_required": program_required,
    "program_not_found": program_not_found,
    "link_invalid": nobodys,
    "membership_exists": membership_exists,
    "last_admin": last_admin,
    "api_key_ended": api_key_ended,
    "member_not_found": member_not_found,
    "member_erased": member_erased,
    "configuration_not_found": configuration_not_found,
    "configuration_malformed": configuration_malformed,
    "precondition_failed": precondition_failed,
    "precondition_required": precondition_required,
    "wallet_code_taken": code_taken,
    "place_code_taken": code_taken,
    **dict.fromkeys(
        (
            "api_key_not_found",
            "audit_row_not_found",
            "membership_not_found",
            "place_not_found",
            "user_not_found",
        ),
        nobodys,
    ),
}
