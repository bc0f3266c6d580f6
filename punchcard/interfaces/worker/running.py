"""How a task is done: by one worker at a time, and again when something was away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.conf import settings

from punchcard.interfaces.worker.queues import NORMAL, SLOW
from punchcard.interfaces.worker.terms import RETRIES, SLOW_SECONDS
from punchcard.journeys.retrying import LOST
from punchcard.kernel.locks import holding

logger = logging.getLogger(__name__)


def scheduled(*, queue: str = NORMAL, places: int = 1) -> Callable[..., Any]:
    """Make a task of a function that a schedule calls; it says what it did.

    At most `places` of it are done at once; who comes while all are taken goes away
    again, since the next one comes with the schedule. Where the database is away it is
    tried again, later each time, a bounded number of times.
    """

    def make(work: Callable[[], str]) -> Any:
        name = f"punchcard.{work.__name__}"

        def task() -> None:
            with holding(f"task {name}", places=places) as held:
                if held:
                    logger.info("%s: %s", name, work())
                else:
                    logger.info("%s: under way elsewhere", name)

        task.__doc__, task.__name__ = work.__doc__, work.__name__
        limits = {} if queue != SLOW else {"soft_time_limit": SLOW_SECONDS - 60}
        return shared_task(
            name=name,
            queue=queue,
            autoretry_for=LOST,
            max_retries=RETRIES,
            retry_backoff=1,
            # What waits for its time is unacknowledged as well.
            retry_backoff_max=max(1, settings.TASK_SECONDS // 4),
            retry_jitter=True,
            **limits,
            **({"time_limit": SLOW_SECONDS} if limits else {}),
        )(task)

    return make
