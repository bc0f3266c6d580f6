"""Celery's application: who sends tasks or does them imports this first."""

import os
from typing import Any

from celery import Celery
from celery.signals import (
    before_task_publish,
    setup_logging,
    task_postrun,
    task_prerun,
)
from django.conf import settings

from punchcard.interfaces.worker.carrying import begin_task, carry, end_task
from punchcard.interfaces.worker.terms import celery_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "punchcard.project.settings")


def leave_logging_alone(**_: Any) -> None:
    """Let Django's settings have the log, in workers too."""


setup_logging.connect(leave_logging_alone)
before_task_publish.connect(carry)
task_prerun.connect(begin_task)
task_postrun.connect(end_task)
app = Celery("punchcard")
app.conf.update(
    celery_settings(broker=settings.BROKER.celery, seconds=settings.TASK_SECONDS)
)
# For every thread, not only for the one that comes here first.
app.set_default()
