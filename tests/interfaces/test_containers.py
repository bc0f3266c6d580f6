"""The Dockerfile and compose.yaml, as far as no container engine is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
import yaml

from punchcard.interfaces.console.parser import build_parser
from punchcard.project.servers.postgres import PostgresServer
from tests.interfaces.containers import OF_THE_MACHINE, ROOT, Image, stages
from tests.interfaces.test_console import await_health, free_port, outside
from tests.interfaces.test_console import console as console  # noqa: PLC0414

SCHEMA = json.loads((ROOT / "tests/compose/compose_spec.json").read_text())
PATIENCE_SECONDS = 60


def composed() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text()))


def ours() -> dict[str, Any]:
    """Return the services that run the Dockerfile's image."""
    return {name: s for name, s in composed()["services"].items() if "build" in s}


# ------------------------------------------------------------------------- compose


def test_compose_yaml_is_of_the_published_form() -> None:
    checking = jsonschema.Draft201909Validator(SCHEMA)
    assert not list(checking.iter_errors(composed()))
    for harm in ({"comand": ["web"]}, {"ports": 8000}, {"healthcheck": {"test": 1}}):
        harmed = composed()
        harmed["services"]["web"] |= harm
        assert list(checking.iter_errors(harmed)), harm


@pytest.mark.parametrize("service", ours())
def test_a_service_runs_a_command_that_there_is(service: str) -> None:
    build_parser().parse_args(ours()[service]["command"])


@pytest.mark.parametrize("service", ours())
def test_a_service_can_change_nothing_but_its_home(service: str) -> None:
    said = ours()[service]
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert said["volumes"] == ["home:/var/lib/punchcard"]
    assert "user" not in said
    assert "privileged" not in said


def test_only_this_machine_is_let_in() -> None:
    ports = [p for s in composed()["services"].values() for p in s.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_nothing_works_before_the_tables_are_there() -> None:
    for name, said in ours().items():
        awaited = said["depends_on"]
        assert awaited["postgres"] == {"condition": "service_healthy"}
        if name != "migrate":
            done = {"condition": "service_completed_successfully"}
            assert awaited["migrate"] == done


# ------------------------------------------------------------------------- Dockerfile


def test_the_image_runs_as_nobody_in_particular() -> None:
    build, final = stages()
    assert final.last("USER") not in {"root", "0"}
    assert not any("--from" not in rest for rest in final.all("COPY"))
    assert {stage.image for stage in (build, final)} == {"python:3.11-slim-bookworm"}
    build_parser().parse_args(final.words("CMD"))


def test_what_is_copied_is_let_in_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {word for rest in stages()[0].all("COPY") for word in rest.split()[:-1]}
    assert "*" in lines
    assert copied == let_in


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The Dockerfile's steps, taken."""
    with tempfile.TemporaryDirectory(prefix="punchcard-image-") as folder:
        made = Image(Path(folder))
        build, final = stages()
        assert not made.build(build)
        left_out = made.build(final)
        assert len(left_out) == len(OF_THE_MACHINE)
        yield made


def written(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_the_image_migrates_serves_says_so_and_stops(
    image: Image, console: Any
) -> None:
    final = stages()[-1]
    address = PostgresServer(console.home).dsn()
    with psycopg.connect(**address, autocommit=True) as session:
        session.execute("CREATE DATABASE contained")
    url = f"postgresql://{address['user']}@/contained?host={address['host']}"
    env = image.env | outside(url)
    home = Path(image.env["PUNCHCARD_HOME"])
    assert home.is_dir()
    before = written(image.folder / "opt")
    port = str(free_port())

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        started = image.command([*final.words("ENTRYPOINT"), *words])
        return subprocess.run(
            started, env=env, cwd=home, capture_output=True, text=True, check=False
        )

    def health() -> subprocess.CompletedProcess[str]:
        watching = [*final.words("HEALTHCHECK"), "--port", port]
        return subprocess.run(
            image.command(watching), env=env, capture_output=True, text=True
        )

    assert "Nobody answers" in health().stderr
    done = run("migrate")
    assert done.returncode == 0, done.stderr
    serving = subprocess.Popen(
        image.command(
            [*final.words("ENTRYPOINT"), *final.words("CMD"), "--port", port]
        ),
        env=env,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        await_health(int(port))
        told = health()
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout.splitlines()[:2] == ["database: up", "migrations: up"]
        with psycopg.connect(**address | {"dbname": "contained"}) as session:
            session.execute("DELETE FROM django_migrations WHERE app = 'members'")
        told = health()
        assert (told.returncode, told.stderr) == (1, "")
        assert told.stdout.splitlines()[:2] == ["database: up", "migrations: down"]
        serving.send_signal(signal.SIGTERM)
        out, err = serving.communicate(timeout=PATIENCE_SECONDS)
        assert serving.returncode == 0, err
    finally:
        with suppress(ProcessLookupError):
            os.killpg(serving.pid, signal.SIGKILL)
        serving.communicate()
    assert "Stopped." in out
    assert "Nobody answers" in health().stderr
    # What stands in the image is as it was: it may as well be read-only.
    assert written(image.folder / "opt") == before
