"""What is asked to stop hears of it, whatever it does just then."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.worker.place import PATIENCE, Place, a_free_port

BEGINNING = """
import os, signal, sys, threading, time
from punchcard.interfaces.console.stopping import Stopping
def ask(): signal.raise_signal(signal.SIGTERM)
class Dropping:
    def __init__(self, work): self.work = work
    def __del__(self): self.work()
"""
MOMENTS = {
    "before it waits": "s = Stopping(); ask(); s.wait(600)",
    "while it waits": """
s = Stopping()
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
s.wait(600)
""",
    "where what a handler raises is dropped": """
s = Stopping(); Dropping(ask); s.wait(600)
""",
    "so often that nothing more can be noted": """
s = Stopping(); [ask() for _ in range(70_000)]; s.wait(600)
""",
}


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stop_is_heard(moment: str) -> None:
    done = python(f"{MOMENTS[moment]}\nprint(s.asked)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_nobody_is_stopped_who_was_not_asked() -> None:
    done = python("s = Stopping(patience=0); s.wait(0.2); s.wait(-1); print(s.asked)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_what_does_not_look_is_interrupted_until_it_ends() -> None:
    """The first time is dropped: it comes in a finalizer."""
    done = python("""
s = Stopping(patience=0.1)
def sleep():
    print("sleeps", flush=True)
    time.sleep(600)
Dropping(lambda: (ask(), sleep()))
sleep()
print("never")
""")
    assert (done.returncode, done.stdout) == (0, "sleeps\nsleeps\n")
    assert "Exception ignored" in done.stderr


def test_an_end_that_takes_longer_than_the_patience_is_no_failure() -> None:
    """What is at work until the very end would be killed by an alarm."""
    done = python("""
class Slow:
    def __init__(self): self.sleep = time.sleep
    def __del__(self): self.sleep(0.5)
sys.slow = Slow()
s = Stopping(patience=0.1); ask()
""")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("word", "ready"),
    [
        ("relay", "The relay tells"),
        ("beat", "Beat sends"),
        ("flower", "Flower answers at"),
    ],
)
def test_a_part_asked_to_stop_at_the_worst_moment_ends(
    place: Place, word: str, ready: str
) -> None:
    port = ("--port", a_free_port()) if word == "flower" else ()
    with place.beside("tests.worker.interrupted", word, *port) as part:
        part.says(ready)
        part.process.send_signal(signal.SIGUSR1)
        assert part.process.wait(timeout=PATIENCE) == 0
        assert "Traceback" not in part.said


def test_a_beat_that_waits_for_its_broker_ends_when_asked(place: Place) -> None:
    with place.running("beat", ready="Beat sends") as beat:
        place.broker.stop()
        place.hurry()
        beat.says("beat: Connection error")
        assert beat.stop() == 0
    place.broker.ensure()
