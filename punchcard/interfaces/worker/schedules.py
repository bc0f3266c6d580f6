"""Which task is sent when, unless an operator has said otherwise."""

from __future__ import annotations

from punchcard.interfaces.worker.queues import NORMAL, SLOW
from punchcard.journeys.keep_schedules import Schedule

_HOUR, _DAY = 3600, 24 * 3600

SCHEDULES = (
    Schedule(
        name="settle due points",
        task="punchcard.settle_due_points",
        queue=NORMAL,
        every_seconds=60,
        good_for_seconds=60,
    ),
    Schedule(
        name="work on jobs",
        task="punchcard.work_on_jobs",
        queue=SLOW,
        every_seconds=60,
        good_for_seconds=60,
    ),
    Schedule(
        name="forget what expired",
        task="punchcard.forget_expired",
        queue=NORMAL,
        minute="20",
        good_for_seconds=_HOUR,
    ),
    Schedule(
        name="verify recent entries",
        task="punchcard.verify_recent_entries",
        queue=SLOW,
        minute="40",
        good_for_seconds=_HOUR,
    ),
    Schedule(
        name="verify the ledger",
        task="punchcard.verify_ledger",
        queue=SLOW,
        hour="2",
        minute="55",
        good_for_seconds=_DAY,
    ),
    Schedule(
        name="seal the ledger",
        task="punchcard.seal_ledger",
        queue=SLOW,
        hour="0",
        minute="10",
        good_for_seconds=_DAY,
    ),
)
