"""`punchcard beat`: send the tasks whose time has come, until it is stopped."""

from __future__ import annotations

import sys
from argparse import Namespace

from celery import current_app
from django.db import connections
from django_celery_beat.schedulers import DatabaseScheduler

from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.console.stopping import Stopping
from punchcard.interfaces.worker.schedules import SCHEDULES
from punchcard.journeys.keep_schedules import keep_schedules
from punchcard.kernel.locks import holding

LOOK_SECONDS = 2
"""How often it looks whether a schedule was changed, or the other beat has gone."""

PATIENCE_SECONDS = 5
"""After so long what was asked to stop and waits for its broker waits no longer."""


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Send tasks until SIGINT or SIGTERM; beside another beat, wait for its end."""
    stopping = Stopping(patience=PATIENCE_SECONDS)
    keep_schedules(schedules=SCHEDULES)
    waiting = False
    while not stopping.asked:
        with holding("beat") as held:
            if held:
                sys.stdout.write("Beat sends the tasks whose time has come.\n")
                sys.stdout.flush()
                _beat(stopping)
                break
        if not waiting:
            sys.stdout.write("Another beat is at work; this one waits for its end.\n")
            sys.stdout.flush()
            waiting = True
        connections.close_all()
        stopping.wait(LOOK_SECONDS)
    return 0


def _beat(stopping: Stopping) -> None:
    """Send tasks until asked to stop; where each schedule stands is written down.

    Not by Celery's own beat: asked to stop it writes in the handler of the signal, in
    the midst of whatever it was at. See Note [A stop is never lost].
    """
    current_app.loader.init_worker()
    current_app.finalize()
    scheduler = DatabaseScheduler(app=current_app, max_interval=LOOK_SECONDS)
    try:
        while not stopping.asked:
            stopping.wait(scheduler.tick())
    finally:
        scheduler.close()
