"""What the cases of `idempotency.json` are told with: a place, and a table of lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import rows
from tests.interfaces.conftest import Answer, make_api
from tests.interfaces.served import Served

Case = Callable[["Place"], None]
LINES: list[Any] = []
"""Every line of the table; modules that tell cases add to it."""


def line(case: str, kind: str) -> Callable[[Case], Case]:
    """Make a function a line of the table."""

    def add(function: Case) -> Case:
        LINES.append(pytest.param(function, id=f"{case}-{kind}"))
        return function

    return add


class Place:
    """A program with a member who has 100 points, and what the cases ask of it."""

    member = "/v1/members/ext:anna"

    def __init__(self, server: Callable[[], Served] | None = None) -> None:
        self.server = server
        self.api = make_api()
        self.account = self.api.enrol("anna")
        self.api.earn(self.account, 100)

    def earn(self, points: Any = 5, key: str | None = "k", **options: Any) -> Answer:
        return self.api.post(
            f"{self.account}/earn", {"points": points}, key=key, **options
        )

    def redeem(self, points: int = 5, key: str | None = "k", **body: Any) -> Answer:
        return self.api.post(
            f"{self.account}/redeem", {"points": points, **body}, key=key
        )

    def enrol(self, name: str = "berta", key: str | None = "k", **body: Any) -> Answer:
        said = {"external_id": name, **body}
        return self.api.post("/v1/members", said, key=key)

    def rename(self, name: str = "Anna", key: str = "k", tag: str = '"1"') -> Answer:
        headers = {"If-Match": tag}
        body = {"given_name": name}
        return self.api.call("PATCH", self.member, body, key=key, headers=headers)

    @property
    def available(self) -> int:
        balance = self.api.get(f"{self.account}/balance").body["balance"]
        return int(balance["available"])

    @property
    def entries(self) -> int:
        return int(self.api.get(self.account).body["last_sequence"])

    @property
    def version(self) -> int:
        return int(self.api.get(self.member).body["version"])

    @property
    def members(self) -> int:
        return len(self.api.get("/v1/members").body["data"])

    @property
    def kept(self) -> int:
        query = "SELECT count(*) FROM kernel_kept_answer WHERE program_id = %s"
        return int(rows(query, (self.api.program,))[0][0])


def same(first: Answer, again: Answer) -> None:
    """Assert that the second is the first answer again, and says so."""
    assert again.replayed
    assert not first.replayed
    assert again.status == first.status
    assert again.response.content == first.response.content
    for name in ("Content-Type", "Location", "ETag"):
        assert again.response.headers.get(name) == first.response.headers.get(name)
