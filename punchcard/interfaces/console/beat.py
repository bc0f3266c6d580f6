"""`punchcard beat`: send the tasks whose time has come, until it is stopped."""

from __future__ import annotations

import signal
import sys
import time
from argparse import Namespace
from types import FrameType

from celery import current_app
from django.db import connections

from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.worker.schedules import SCHEDULES
from punchcard.journeys.keep_schedules import keep_schedules
from punchcard.kernel.locks import holding

SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
LOOK_SECONDS = 2
"""How often it looks whether a schedule was changed, or the other beat has gone."""


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Send tasks until SIGINT or SIGTERM; beside another beat, wait for its end."""
    signal.signal(signal.SIGTERM, _end)
    keep_schedules(schedules=SCHEDULES)
    waiting = False
    while True:
        with holding("beat") as held:
            if held:
                sys.stdout.write("Beat sends the tasks whose time has come.\n")
                sys.stdout.flush()
                _beat()
                return 0
        if not waiting:
            sys.stdout.write("Another beat is at work; this one waits for its end.\n")
            sys.stdout.flush()
            waiting = True
        connections.close_all()
        time.sleep(LOOK_SECONDS)


def _beat() -> None:
    """Send tasks until SIGINT or SIGTERM; where each stands is written down."""
    current_app.Beat(
        scheduler=SCHEDULER, max_interval=LOOK_SECONDS, loglevel="INFO", quiet=True
    ).run()


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise SystemExit(0)
