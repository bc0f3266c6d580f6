"""Ask workers for something now, which they would do later anyway."""

from __future__ import annotations

import logging

from celery import current_app
from kombu.exceptions import OperationalError

from punchcard.interfaces.worker.queues import SLOW

_BRIEFLY = {
    # Somebody waits for an answer: one attempt, and not for long.
    "max_retries": 0,
    "socket_connect_timeout": 0.5,
    "socket_timeout": 1.0,
}

logger = logging.getLogger(__name__)


def send_for_jobs() -> None:
    """Let a worker look for jobs at once; without a broker the schedule does, soon."""
    options = {**current_app.conf.broker_transport_options, **_BRIEFLY}
    try:
        with current_app.connection_for_write(transport_options=options) as connection:
            current_app.send_task(
                "punchcard.work_on_jobs", queue=SLOW, retry=False, connection=connection
            )
    except OperationalError as error:
        logger.warning("nobody was told of a job, the schedule will: %s", error)
