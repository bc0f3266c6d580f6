"""People for tests: signed in without the price of a password."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core import mail

from punchcard.access.operations.memberships import Terms, create_membership
from punchcard.access.operations.sessions import open_session
from punchcard.access.operations.users import ensure_user, set_password
from punchcard.access.queries import get_user
from punchcard.journeys.keep_places import create_place
from punchcard.kernel import clock
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.kernel.ids import untyped
from punchcard.kernel.transactions import transaction
from punchcard.members.queries import find_members
from tests.builders import rows
from tests.interfaces.conftest import Api

PASSWORD = "a long enough phrase"
NEVER = (
    "argon2$argon2id$v=19$m=8,t=1,p=1$"
    "Pt0l+wl9kwq80xTCDTje0A$U1bz6H6IfCEWydYvUKfq4Hm8FIEYRtqSKYxQpHQNXeo"
)
"""The hash of a password that nobody knows."""


def an_address(name: str = "anna") -> str:
    """Return an e-mail address that nobody has yet."""
    return f"{name}-{secrets.token_hex(6)}@example.com"


def a_place(api: Api, code: str = "old-town") -> UUID:
    """Make a place, or find it."""
    found = rows(
        "SELECT id FROM programs_place WHERE program_id = %s AND code = %s",
        (api.program, code),
    )
    if found:
        place: UUID = found[0][0]
        return place
    author = Author(actor=CONSOLE, program=api.program)
    return create_place(
        program=api.program, code=code, name="Place", author=author, now=clock.read()
    ).id


def a_person(
    api: Api, role: str, *, email: str = "", member: str = "anna", **terms: Any
) -> Api:
    """Return a caller: somebody who is signed in with this role.

    `member` is the external id of who somebody with the role `member` is; a cashier
    works at `old-town` unless `places` say otherwise.
    """
    now = clock.read()
    if role == "member":
        api.enrol(member)
        known = find_members(program=api.program, external_ids=[member])
        terms["member"] = known[member]
    if role == "cashier":
        terms.setdefault("places", [a_place(api)])
    with transaction():
        user = ensure_user(email=email or an_address(role), now=now)
        if not user.proven:
            # Hashing one takes as long as ten calls of the API.
            set_password(user=user.id, password=NEVER, now=now)
        membership = create_membership(
            program=api.program,
            user=user.id,
            terms=Terms(role=role, **terms),
            now=now,
            accepted_at=now,
        )
        pair = open_session(
            user=user.id,
            program=api.program,
            membership=membership,
            version=get_user(user=user.id).token_version,
            now=now,
        )
    return Api(program=api.program, secret=pair.access)


def an_admin_with_password(api: Api, email: str = "") -> tuple[Api, str]:
    """Invite an admin who accepts; return them, signed in, and their address."""
    address = email or an_address("admin")
    invite(api, address, role="admin")
    answer = visitor(api).post(
        "/v1/auth/accept", {"token": last_token(address), "password": PASSWORD}
    )
    assert answer.status == 204, answer.body
    return sign_in(api, address), address


def invite(api: Api, email: str, **body: Any) -> Any:
    """Invite somebody; return the answer's body."""
    answer = api.post("/v1/users", {"email": email, **body})
    assert answer.status == 201, answer.body
    return answer.body


def sign_in(api: Api, email: str, password: str = PASSWORD, **body: Any) -> Api:
    """Sign in, and return the caller."""
    answer = token(api, email, password, **body)
    assert answer.status == 200, answer.body
    return Api(program=api.program, secret=answer.body["access"])


def token(api: Api, email: str, password: str = PASSWORD, **body: Any) -> Any:
    """Ask for tokens; return the answer."""
    said = {"email": email, "password": password, **body}
    return visitor(api).post("/v1/auth/token", said)


def visitor(api: Api) -> Api:
    """Return somebody who shows no credential."""
    return Api(program=api.program, secret="")


def letters_to(email: str) -> list[Any]:
    """Return the letters that were sent to an address, the oldest first."""
    return [letter for letter in mail.outbox if letter.to == [email.lower()]]


def last_token(email: str) -> str:
    """Return the token of the last letter to an address."""
    found = re.search(
        r"^([A-Za-z0-9_-]{43})$", letters_to(email)[-1].body, re.MULTILINE
    )
    assert found is not None, letters_to(email)[-1].body
    return found[1]


def user_id(api: Api) -> UUID:
    """Return the id of the person of a signed-in caller."""
    return untyped("usr", api.get("/v1/auth/me").body["id"])


def audit_of(api: Api, actions: Sequence[str] = ()) -> list[tuple[str, str, str]]:
    """Return (actor, action, target) of the program's audit, in order."""
    found = rows(
        "SELECT actor, action, target FROM kernel_audit WHERE program_id = %s"
        " ORDER BY id",
        (api.program,),
    )
    return [row for row in found if not actions or row[1] in actions]
