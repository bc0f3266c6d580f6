"""Flower shows what workers do, to whoever has the password."""

from __future__ import annotations

import socket

import httpx
import pytest

from tests.worker.place import Place, until


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_flower_shows_the_worker_and_the_task_to_who_has_the_password(
    place: Place,
) -> None:
    port = free_port()
    with (
        place.worker("seen") as worker,
        place.running("flower", "--port", port, ready="Flower answers at") as flower,
    ):
        kept = place.home / "flower_password"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert kept.read_text().strip() not in flower.said
        url = f"http://127.0.0.1:{port}"
        for login in (None, ("punchcard", "guessed")):
            for path in ("/", "/api/workers", "/api/tasks"):
                assert httpx.get(url + path, auth=login).status_code == 401
            shut = f"{url}/api/worker/shutdown/seen@{socket.gethostname()}"
            assert httpx.post(shut, auth=login).status_code == 401
        login = ("punchcard", kept.read_text().strip())
        with httpx.Client(base_url=url, auth=login, timeout=60) as client:
            name = f"seen@{socket.gethostname()}"

            def workers() -> object:
                return client.get("/api/workers", params={"refresh": 1}).json()

            until(lambda: name in workers(), workers)  # type: ignore[operator]
            task = place.send("settle_due_points", queue="normal")
            worker.says(rf"\[{task}\] succeeded")

            def seen() -> dict[str, str]:
                return client.get("/api/tasks").json().get(task, {})

            until(lambda: seen().get("state") == "SUCCESS", seen)
            assert seen()["name"] == "punchcard.settle_due_points"
            assert seen()["worker"] == name
            assert client.get("/").status_code == 200
        assert flower.stop() == 0
        assert worker.process.poll() is None


@pytest.mark.parametrize(
    ("host", "login", "said"),
    [
        ("0.0.0.0", None, "Others can reach 0.0.0.0: set PUNCHCARD_FLOWER_AUTH"),
        ("example.com", None, "Others can reach example.com"),
        ("127.0.0.1", "ann", "say name:password"),
        ("127.0.0.1", "ann:short", "say name:password, 10 characters"),
        ("127.0.0.1", ":longer than ten", "say name:password"),
    ],
)
def test_flower_does_not_begin_where_somebody_else_could_come_in(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    login: str | None,
    said: str,
) -> None:
    if login is not None:
        monkeypatch.setenv("PUNCHCARD_FLOWER_AUTH", login)
    told = place.run("flower", "--host", host, "--port", free_port(), code=1)
    assert said in told
    assert "Flower answers" not in told


def test_with_a_password_of_ones_own_others_may_reach_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUNCHCARD_FLOWER_AUTH", "ann:a:long:secret")
    words = ("flower", "--host", "0.0.0.0", "--port", free_port())
    with place.running(*words, ready="Flower answers at") as flower:
        url = f"http://127.0.0.1:{words[4]}/api/workers"
        assert "long" not in flower.said
        assert httpx.get(url, auth=("ann", "a:long:secret")).status_code == 200
        assert httpx.get(url, auth=("ann", "a")).status_code == 401
        assert flower.stop() == 0
