"""Who is let in, and what they may do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from punchcard.access import errors
from punchcard.access.models import ApiKey
from punchcard.access.operations import revoke_api_key
from punchcard.access.queries import SCOPES
from punchcard.interfaces.api import permissions
from punchcard.interfaces.api.endpoint import Endpoint
from punchcard.interfaces.api.urls import urlpatterns
from punchcard.journeys.create_api_key import create_api_key
from punchcard.kernel import clock
from punchcard.kernel.transactions import transaction
from tests.interfaces.conftest import Api, another_key, make_api

OPERATIONS = [
    (f"/{pattern.pattern}", method, operation)
    for pattern in urlpatterns
    if issubclass(getattr(pattern.callback, "cls", object), Endpoint)
    for method, operation in pattern.callback.cls.operations.items()
]

OPEN_TO_ANYONE = {"/health/live", "/health/ready"}


def _path(pattern: str) -> str:
    path = pattern.replace("<ref:account>", "ext:anna@points")
    return path.replace("<ref:member>", "ext:anna").replace("<seq:sequence>", "1")


@pytest.mark.parametrize(("pattern", "method", "operation"), OPERATIONS)
def test_without_a_key_nothing_but_health_answers(
    api: Api, pattern: str, method: str, operation: object
) -> None:
    stranger = Api(program=api.program, secret="")
    answer = stranger.call(method, _path(pattern), {})
    if pattern in OPEN_TO_ANYONE:
        assert answer.status == 200
        return
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("pattern", "method", "operation"), OPERATIONS)
def test_a_key_may_do_what_its_scopes_say_and_no_more(
    api: Api, pattern: str, method: str, operation: object
) -> None:
    scope = operation.scope  # type: ignore[attr-defined]
    if scope in {permissions.ANYONE, permissions.ANY_KEY}:
        assert pattern in OPEN_TO_ANYONE | {"/v1/ping"}
        return
    lacking = another_key(api, scopes=[s for s in SCOPES if s != scope])
    answer = lacking.call(method, _path(pattern), {})
    assert (answer.status, answer.code) == (403, "forbidden")
    assert answer.body["details"] == {"scope": scope}
    having = another_key(api, scopes=[scope])
    assert having.call(method, _path(pattern), {}).status not in {401, 403}


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
    documents = {"/v1/openapi.json", "/docs", "/redoc"}
    for pattern in urlpatterns:
        if f"/{pattern.pattern}" not in documents:
            assert issubclass(pattern.callback.cls, Endpoint)
            assert pattern.callback.cls.operations
