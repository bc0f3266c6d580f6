"""`punchcard up`: everything under one command, told apart, stopped together."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.worker.place import COMMAND, PATIENCE, Place, Running, until

NAMES = {"web", "worker", "relay", "beat", "flower"}


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        for found in (one, two):
            found.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]), int(two.getsockname()[1])


def start(place: Place, web: int, flower: int) -> Any:
    words = ("--port", web, "--flower-port", flower, "--workers", 1)
    return place.running("up", *words, ready="Ctrl-C stops it")


def all_run(up: Running, web: int) -> None:
    for said in (
        r"worker +\| .* ready",
        r"relay +\| The relay tells",
        r"beat +\| Beat sends",
        r"flower +\| Flower",
    ):
        up.says(said)

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{web}/health/ready").is_success
        except httpx.TransportError:
            return False

    until(answers, lambda: up.said)


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_all_parts_run_are_told_apart_and_stop_together(place: Place) -> None:
    web, flower = free_ports()
    with start(place, web, flower) as up:
        all_run(up, web)
        parts = up.children()
        assert len(parts) == 5
        password = (place.home / "flower_password").read_text().strip()
        task = place.send("settle_due_points", queue="normal")
        up.says(rf"worker +\| .*\[{task}\] succeeded")
        shown = httpx.get(
            f"http://127.0.0.1:{flower}/api/tasks", auth=("punchcard", password)
        )
        assert shown.status_code == 200
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(timeout=PATIENCE) == 0
        assert not any(map(lives, parts))
        heads = {line.partition("|")[0].strip() for line in up.said.split("\n")}
        assert heads >= NAMES
        assert "Traceback" not in up.said
        assert "started again" not in up.said
        assert up.said.endswith("Stopped. `punchcard down` stops the servers too.\n")
    # The servers go on, as for any other command.
    assert place.broker.is_running()
    assert place.database.is_running()


def test_what_happens_is_told_without_anybody_asking(place: Place) -> None:
    web, flower = free_ports()
    with start(place, web, flower) as up:
        all_run(up, web)
        secret = place.run("key", "create", "--program", "default").split()[0]
        with httpx.Client(
            base_url=f"http://127.0.0.1:{web}/v1",
            headers={"Authorization": f"Bearer {secret}"},
        ) as client:
            member = {"external_id": "told"}
            assert client.post("/members", json=member).status_code == 201

            def told() -> list[str]:
                events = client.get("/events").json()["data"]
                return [event["type"] for event in events]

            until(lambda: told() == ["member.enrolled"], told)
            earned = client.post(
                "/accounts/ext:told@points/earn",
                json={"points": 5},
                headers={"Idempotency-Key": "told"},
            )
            assert earned.status_code == 201
            until(lambda: told() == ["member.enrolled", "points.earned"], told)
        assert up.stop() == 0
        assert "Traceback" not in up.said


def test_a_part_that_ends_by_itself_is_told_and_started_again(place: Place) -> None:
    web, flower = free_ports()
    with start(place, web, flower) as up:
        all_run(up, web)
        before = up.children()
        worker = next(
            pid
            for pid in before
            if "\0worker\0" in Path(f"/proc/{pid}/cmdline").read_text()
        )
        os.killpg(worker, signal.SIGKILL)
        up.says(r"worker +\| ended by signal 9; it is started again in 1 s")
        up.says(r"worker +\| .* ready", times=2)
        after = up.children()
        assert worker not in after
        assert len(after) == 5
        assert len({*before} & {*after}) == 4
        task = place.send("settle_due_points", queue="normal")
        up.says(rf"worker +\| .*\[{task}\] succeeded")
        assert up.stop() == 0


def test_the_parts_end_when_their_supervisor_is_killed(place: Place) -> None:
    web, flower = free_ports()
    with start(place, web, flower) as up:
        all_run(up, web)
        parts = up.children()
        up.process.kill()
        until(lambda: not any(map(lives, parts)))
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", web))


def test_what_never_starts_stops_all_and_is_no_success(place: Place) -> None:
    code = f"""
import sys
from punchcard.interfaces.console import supervising
from punchcard.interfaces.console.supervising import Part, Supervisor
sys.argv[0] = {str(COMMAND)!r}
supervising.TRIES = 1
raise SystemExit(Supervisor([Part("beat", ["beat"]), Part("bad", ["nonsense"])]).run())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=place.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(
        r"^bad  \| .*invalid choice: 'nonsense'", done.stdout, re.MULTILINE
    )
    assert "bad  | ended with code 2; it is started again in 1 s." in done.stdout
    assert "bad  | ended with code 2 again and again: all is stopped." in done.stdout


def test_up_refuses_a_port_that_is_taken_before_it_starts_anything(
    place: Place,
) -> None:
    web, _ = free_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        flower = taken.getsockname()[1]
        said = place.run("up", "--port", web, "--flower-port", flower, code=1)
    assert f"127.0.0.1 port {flower} cannot be listened on" in said
    assert "Punchcard answers" not in said
