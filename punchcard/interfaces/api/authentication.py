"""Who calls: an API key in the header `Authorization: Bearer sk_…`."""

from __future__ import annotations

import msgspec
from django.http import HttpRequest

from punchcard.access.queries import authenticate
from punchcard.kernel import clock
from punchcard.kernel.ids import typed
from punchcard.programs.errors import ProgramNotFound
from punchcard.programs.queries import ProgramView, get_program

from .problems import Problem

_REALM = 'Bearer realm="punchcard"'
_SECRET_MAX = 200


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The program that calls, and what its key may do."""

    program: ProgramView
    scopes: frozenset[str]
    actor: str
    """As written on entries: the key's id, never its secret."""


def authenticate_request(request: HttpRequest) -> Caller:
    """Return who calls.

    Raises:
        Problem: `unauthenticated`; of a wrong, an expired and a revoked key alike.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        detail = "Send the header `Authorization: Bearer sk_…`."
        raise Problem("unauthenticated", detail, headers={"WWW-Authenticate": _REALM})
    scheme, _, secret = header.partition(" ")
    secret = secret.strip()
    # What is no key of ours costs no look into the database.
    if scheme.lower() != "bearer" or not _looks_like_a_key(secret):
        raise _invalid()
    credential = authenticate(secret=secret, now=clock.read())
    if credential is None:
        raise _invalid()
    try:
        program = get_program(program=credential.program)
    except ProgramNotFound:
        raise _invalid() from None
    return Caller(
        program=program,
        scopes=credential.scopes,
        actor=typed("key", credential.id),
    )


def _looks_like_a_key(secret: str) -> bool:
    return secret.startswith("sk_") and len(secret) <= _SECRET_MAX and secret.isascii()


def _invalid() -> Problem:
    challenge = {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}
    return Problem("unauthenticated", "The API key is not valid.", headers=challenge)
