"""Who calls: in `Authorization: Bearer …` an API key, or the token of a person."""

from __future__ import annotations

from uuid import UUID

import msgspec
from django.http import HttpRequest

from punchcard.access.operations.api_keys import note_use
from punchcard.access.queries import (
    USED_AGAIN,
    Role,
    authenticate,
    authenticate_person,
)
from punchcard.kernel import clock
from punchcard.kernel.ids import typed
from punchcard.programs.errors import ProgramNotFound
from punchcard.programs.queries import ProgramView, get_program

from .addresses import client_address, is_within
from .problems import REALM, Problem

_KEYS = ("sk_", "pk_")
_KEY_MAX = 200


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The program that calls, who it is, and what they may do."""

    program: ProgramView
    scopes: frozenset[str]
    """With those that they imply."""
    actor: str
    """As written on entries: `key_…` or `usr_…`, never a secret or an address."""

    # Of people alone; a key has none of these.
    user: UUID | None = None
    membership: UUID | None = None
    role: Role | None = None
    places: frozenset[UUID] = frozenset()
    """Where a cashier works."""
    member: UUID | None = None
    """Who somebody with the role `member` is: all else is not there for them."""
    adjust_limit: int | None = None
    """The most points of one adjustment, up or down; None: no limit."""


def authenticate_request(request: HttpRequest) -> Caller:
    """Return who calls.

    Raises:
        Problem: `unauthenticated`; of a wrong, an expired and a revoked credential
            alike. `address_not_allowed`; a good key, used from elsewhere.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        detail = "Send the header `Authorization: Bearer …` with a key or a token."
        raise Problem("unauthenticated", detail, headers={"WWW-Authenticate": REALM})
    scheme, _, shown = header.partition(" ")
    shown = shown.strip()
    if scheme.lower() != "bearer":
        raise invalid_credential()
    if shown.startswith(_KEYS):
        return _key(request, shown)
    return _person(shown)


def invalid_credential() -> Problem:
    """Return the one answer to whatever is wrong with a credential."""
    challenge = {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
    return Problem("unauthenticated", "The credential is not valid.", headers=challenge)


def _key(request: HttpRequest, secret: str) -> Caller:
    # What is no key of ours costs no look into the database.
    if len(secret) > _KEY_MAX or not secret.isascii():
        raise invalid_credential()
    now = clock.read()
    credential = authenticate(secret=secret, now=now)
    if credential is None:
        raise invalid_credential()
    if not is_within(client_address(request), credential.networks):
        raise Problem("address_not_allowed")
    last = credential.last_used_at
    if last is None or now - last >= USED_AGAIN:
        note_use(key=credential.id, now=now)
    return Caller(
        program=_program(credential.program),
        scopes=credential.scopes,
        actor=typed("key", credential.id),
    )


def _person(token: str) -> Caller:
    person = authenticate_person(token=token, now=clock.read())
    if person is None:
        raise invalid_credential()
    return Caller(
        program=_program(person.program),
        scopes=person.scopes,
        actor=typed("usr", person.user),
        user=person.user,
        membership=person.membership,
        role=person.role,
        places=person.places,
        member=person.member,
        adjust_limit=person.adjust_limit,
    )


def _program(program: UUID) -> ProgramView:
    try:
        return get_program(program=program)
    except ProgramNotFound:
        raise invalid_credential() from None
