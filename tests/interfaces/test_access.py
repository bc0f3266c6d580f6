"""Who is let in, and what they may do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from punchcard.access import errors
from punchcard.access.models import ApiKey
from punchcard.access.operations.api_keys import revoke_api_key
from punchcard.access.queries import SCOPES
from punchcard.interfaces.api import permissions
from punchcard.interfaces.api.endpoint import Endpoint
from punchcard.interfaces.api.urls import urlpatterns
from punchcard.journeys.create_api_key import create_api_key
from punchcard.kernel import clock
from punchcard.kernel.transactions import transaction
from tests.interfaces.conftest import Api, another_key, make_api
from tests.interfaces.operations import OPERATIONS, Declared, fill

COMMANDS = {
    f"ledger:{verb}" for verb in "earn spend correct adjust transfer manage".split()
}
FOR_ANYONE = [d for d in OPERATIONS if d.operation.scope == permissions.ANYONE]
PUBLIC = {
    "/health/live",
    "/health/ready",
    "/v1/auth/token",
    "/v1/auth/refresh",
    "/v1/auth/revoke",
    "/v1/auth/register",
    "/v1/auth/verify",
    "/v1/auth/accept",
    "/v1/auth/forgot-password",
    "/v1/auth/reset",
}
OF_NO_SCOPE = {
    ("/v1/ping", permissions.ANY_KEY),
    ("/v1/auth/me", permissions.ANY_USER),
    ("/v1/auth/change-password", permissions.ANY_USER),
    ("/v1/entries:batch", permissions.ANY_COMMAND),
}


def test_what_is_open_to_anyone_is_named_here() -> None:
    assert {declared.path for declared in FOR_ANYONE} == PUBLIC


@pytest.mark.parametrize("declared", OPERATIONS)
def test_without_a_credential_nothing_else_answers(
    api: Api, declared: Declared
) -> None:
    stranger = Api(program=api.program, secret="")
    answer = stranger.call(declared.method, fill(declared.path), {})
    if declared.path in PUBLIC:
        assert answer.status != 401 or answer.code == "invalid_credentials"
        return
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("declared", OPERATIONS)
def test_a_key_may_do_what_its_scopes_say_and_no_more(
    api: Api, declared: Declared
) -> None:
    scope, path = declared.operation.scope, fill(declared.path)
    if scope not in SCOPES:
        named = {(declared.path, scope)}
        assert declared.path in PUBLIC or named <= OF_NO_SCOPE
        return
    enough = {scope, "ledger:write"} if scope in COMMANDS else {scope}
    lacking = another_key(api, scopes=[s for s in SCOPES if s not in enough])
    answer = lacking.call(declared.method, path, {})
    assert (answer.status, answer.code) == (403, "forbidden")
    assert answer.body["details"] == {"scope": scope}
    for one in enough:
        having = another_key(api, scopes=[one])
        answer = having.call(declared.method, path, {})
        assert answer.status not in {401, 403}, answer.body


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer sk_test_nonsense",
        "Bearer sk_test_é",
        "Bearer sk_test_" + "x" * 10_000,
        "Basic YWxhZGRpbjpvcGVuc2VzYW1l",
        "sk_test_nonsense",
    ],
)
def test_a_wrong_key_is_refused(api: Api, header: str) -> None:
    stranger = Api(program=api.program, secret="")
    answer = stranger.get("/v1/ping", headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert 'error="invalid_token"' in answer.response["WWW-Authenticate"]


def test_an_expired_and_a_revoked_key_are_wrong_keys(api: Api) -> None:
    assert api.get("/v1/ping").status == 204
    long_ago = clock.read() - timedelta(days=2)
    expired = another_key(
        api, scopes=SCOPES, now=long_ago, expires_at=long_ago + timedelta(days=1)
    )
    assert expired.get("/v1/ping").status == 401
    made = create_api_key(
        program=api.program, name="x", scopes=SCOPES, now=clock.read()
    )
    revoked = Api(program=api.program, secret=made.secret)
    assert revoked.get("/v1/ping").status == 204
    for _ in range(2):
        with transaction():
            revoke_api_key(program=api.program, key=made.id, now=clock.read())
    assert revoked.get("/v1/ping").status == 401
    other = make_api().program
    with pytest.raises(errors.ApiKeyNotFound), transaction():
        revoke_api_key(program=other, key=made.id, now=clock.read())


def test_a_secret_is_stored_as_its_hash_alone(api: Api) -> None:
    assert api.secret.startswith("sk_test_")
    assert make_api(mode="live").secret.startswith("sk_live_")
    row = ApiKey.objects.filter(program_id=api.program).values().get()
    assert api.secret not in str(row)
    assert row["last4"] == api.secret[-4:]
    assert len(bytes(row["hash"])) == 32


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a\0"},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"expires_at": clock.read() - timedelta(days=1)},
    ],
)
def test_a_malformed_key_is_not_made(api: Api, wrong: dict[str, object]) -> None:
    good = {"name": "x", "scopes": SCOPES, "now": clock.read(), "program": api.program}
    with pytest.raises(errors.AccessMalformed):
        create_api_key(**(good | wrong))


def test_every_address_is_an_endpoint_with_declared_operations() -> None:
    documents = {"/v1/openapi.json", "/docs", "/redoc", "/metrics"}
    for pattern in urlpatterns:
        if f"/{pattern.pattern}" not in documents:
            assert issubclass(pattern.callback.cls, Endpoint)
            assert pattern.callback.cls.operations
