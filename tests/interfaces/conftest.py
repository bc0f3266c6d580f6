"""A program with a wallet, a key for everything, and a client that uses it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.http import HttpResponse
from django.test import Client, override_settings

from punchcard.access.queries import SCOPES
from punchcard.journeys.create_api_key import create_api_key
from punchcard.journeys.create_program import create_program
from punchcard.kernel import clock

START = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Answer:
    """A response, read."""

    response: HttpResponse

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def body(self) -> Any:
        return msgspec.json.decode(self.response.content)

    @property
    def code(self) -> str:
        assert self.response["Content-Type"] == "application/problem+json", self.body
        return str(self.body["code"])

    @property
    def replayed(self) -> bool:
        return self.response.headers.get("Idempotent-Replayed") == "true"


@dataclass
class Api:
    """A caller: a program and the secret of one of its keys."""

    program: UUID
    secret: str
    client: Client = field(
        default_factory=lambda: Client(raise_request_exception=False)
    )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        if key is not None:
            sent["Idempotency-Key"] = key
        data = body if isinstance(body, bytes) else b""
        if body is not None and not isinstance(body, bytes):
            data = msgspec.json.encode(body)
        response = self.client.generic(
            method,
            path,
            data,
            content_type=content_type if body is not None else "",
            headers=sent | (headers or {}),
            # Every real client says the length of a body, of an empty one too.
            **({} if body is None else {"CONTENT_LENGTH": str(len(data))}),
        )
        return Answer(response)

    def get(self, path: str, **options: Any) -> Answer:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("POST", path, body, **options)

    def enrol(self, external_id: str = "anna") -> str:
        """Enrol a member; return the text that names its points account."""
        assert self.post("/v1/members", {"external_id": external_id}).status in {
            200,
            201,
        }
        return f"/v1/accounts/ext:{external_id}@points"

    def earn(self, account: str, points: int, **body: Any) -> dict[str, Any]:
        answer = self.post(
            f"{account}/earn", {"points": points, **body}, key=secrets.token_hex(8)
        )
        assert answer.status == 201, answer.body
        entry: dict[str, Any] = answer.body["entry"]
        return entry


def make_api(
    *, mode: str = "test", scopes: tuple[str, ...] = SCOPES, **policy: Any
) -> Api:
    """Create a program of its own, with a key."""
    now = clock.read()
    created = create_program(
        slug=f"p{secrets.token_hex(6)}",
        name="Café Lune",
        mode=mode,
        currency="EUR",
        time_zone="Europe/Paris",
        now=now,
        **policy,
    )
    key = create_api_key(
        program=created.program.id, name="till", scopes=scopes, now=now
    )
    return Api(program=created.program.id, secret=key.secret)


def another_key(api: Api, **options: Any) -> Api:
    """Make one more key of the same program."""
    options.setdefault("now", clock.read())
    key = create_api_key(program=api.program, name="other", **options)
    return Api(program=api.program, secret=key.secret)


@pytest.fixture
def api() -> Api:
    """A test program whose points are available at once and never expire."""
    return make_api()


class CheapArgon2(Argon2PasswordHasher):
    """The same hash, a hundred times sooner."""

    time_cost = 1
    memory_cost = 64
    parallelism = 1


@pytest.fixture(autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords as cheaply as can be, where the price is not what is tested."""
    hasher = f"{CheapArgon2.__module__}.{CheapArgon2.__qualname__}"
    with override_settings(PASSWORD_HASHERS=[hasher]):
        yield


@pytest.fixture
def nothing_is_sent() -> Iterator[list[str]]:
    """Keep asking workers; nobody is there in these tests."""
    sent: list[str] = []
    with patch(
        "punchcard.interfaces.worker.sending.current_app.send_task",
        lambda name, **_: sent.append(name),
    ):
        yield sent
