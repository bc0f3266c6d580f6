"""`punchcard relay`: put what happened into the event log, until it is stopped."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace

from django.db import connection

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.console.stopping import Stopping
from punchcard.journeys.relay_events import Relayed, relay_events
from punchcard.journeys.retrying import LOST, REFUSED

PAUSE_SECONDS = 0.5
"""Between two looks, when nothing waited."""

LONGEST_PAUSE_SECONDS = 8.0
"""While the database is away the pauses double, up to this."""

logger = logging.getLogger(__name__)


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Relay; SIGINT and SIGTERM end it after the batch that is under way.

    Raises:
        Stop: the database was lost, and nobody asked to go on.
    """
    stopping = Stopping()
    if arguments.once:
        events = _relay_once(stopping)
    else:
        sys.stdout.write("The relay tells the event log what happens.\n")
        sys.stdout.flush()
        events = _relay_on(stopping)
    sys.stdout.write(f"{events:,} events relayed.\n")
    return 0


def _relay_once(stopping: Stopping) -> int:
    """Relay until nothing waits; return how many events that were."""
    events = 0
    while not stopping.asked:
        try:
            done = relay_events()
        except LOST as error:
            raise Stop(f"The database cannot be reached: {error}") from None
        events += done.events
        if not done.taken:
            break
    return events


def _relay_on(stopping: Stopping) -> int:
    """Relay until stopped, whatever happens to the database; return how many events.

    What waits is in the database, so there is nothing to give up for: what would end
    us would come again, and whoever watches sees the age of what waits.
    """
    events = failures = 0
    while not stopping.asked:
        done = _try(failures)
        if done is None:
            pause = min(PAUSE_SECONDS * 2**failures, LONGEST_PAUSE_SECONDS)
            failures = min(failures + 1, 10)
            stopping.wait(pause)
            continue
        if failures:
            logger.info("the relay goes on")
        failures = 0
        events += done.events
        if not done.taken:
            stopping.wait(PAUSE_SECONDS)
    return events


def _try(failures: int) -> Relayed | None:
    """Relay a batch; None where that failed, of which the first in a row is told."""
    try:
        return relay_events()
    except LOST as error:
        if not failures:
            logger.warning("the relay waits for the database: %s", error)
    except REFUSED:
        if not failures:
            logger.exception("the database refused what was to be relayed")
    # It may be a server that may not write any more, since another does.
    connection.close()
    return None
