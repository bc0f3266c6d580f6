"""Keep the schedules of background work where beat reads them: in the database."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from django.db import connection
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from punchcard.kernel.transactions import transaction

_LOCK = 0x7363686564  # "sched"


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a task is sent: every so many seconds, or at an hour and minute (UTC)."""

    name: str
    task: str
    queue: str
    every_seconds: int | None = None
    hour: str = "*"
    minute: str = "0"
    good_for_seconds: int
    """A message that nobody took for so long is dropped: another one comes."""


def keep_schedules(*, schedules: Sequence[Schedule]) -> int:
    """Write the schedules that are missing; return how many that were.

    What is done, and in which queue, is the program's to say; when, and whether at
    all, is the operator's, and stays as it was changed.
    """
    with transaction():
        with connection.cursor() as cursor:
            # Nothing in those tables keeps two who come at once from writing twice.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        known = {task.name: task for task in PeriodicTask.objects.all()}
        for schedule in schedules:
            kept = known.get(schedule.name)
            if kept is None:
                _write(schedule)
            elif (kept.task, kept.queue) != (schedule.task, schedule.queue):
                kept.task, kept.queue = schedule.task, schedule.queue
                kept.save()
    return sum(schedule.name not in known for schedule in schedules)


def _write(schedule: Schedule) -> None:
    interval = crontab = None
    if schedule.every_seconds is not None:
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=schedule.every_seconds, period=IntervalSchedule.SECONDS
        )
    else:
        crontab, _ = CrontabSchedule.objects.get_or_create(
            hour=schedule.hour, minute=schedule.minute, timezone="UTC"
        )
    PeriodicTask.objects.create(
        name=schedule.name,
        task=schedule.task,
        queue=schedule.queue,
        interval=interval,
        crontab=crontab,
        expire_seconds=schedule.good_for_seconds,
    )
