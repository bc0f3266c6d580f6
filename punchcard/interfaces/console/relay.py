"""`punchcard relay`: put what happened into the event log, until it is stopped."""

from __future__ import annotations

import signal
import sys
from argparse import Namespace
from threading import Event

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.relay_events import relay_events
from punchcard.journeys.retrying import LOST

PAUSE_SECONDS = 0.5
"""Between two looks, when nothing waited."""

PATIENCE = 60
"""How often in a row the database may be lost; a pause is made each time."""


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Relay; SIGINT and SIGTERM end it after the batch that is under way.

    Raises:
        Stop: the database was lost for too long.
    """
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    events = 0
    lost = 0
    while not stopped.is_set():
        try:
            done = relay_events()
        except LOST as error:
            lost += 1
            if arguments.once or lost == PATIENCE:
                raise Stop(f"The database cannot be reached: {error}") from None
            stopped.wait(PAUSE_SECONDS)
            continue
        lost = 0
        events += done.events
        if done.taken:
            continue
        if arguments.once:
            break
        stopped.wait(PAUSE_SECONDS)
    sys.stdout.write(f"{events:,} events relayed.\n")
    return 0
