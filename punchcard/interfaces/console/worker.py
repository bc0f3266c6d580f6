"""`punchcard worker`: do the background work until it is stopped."""

from __future__ import annotations

import os
import signal
import sys
import threading
from argparse import Namespace
from typing import Any

from celery import current_app
from celery.signals import worker_shutting_down
from celery.utils.nodenames import host_format
from django.db import connections

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.worker.queues import QUEUES

PATIENCE_SECONDS = 20
"""What tasks may take to end when the worker is stopped; then they are given back."""


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Work until SIGINT or SIGTERM; tasks under way are ended, or given back.

    Raises:
        Stop: there is no such queue.
    """
    queues = arguments.queues.split(",")
    unknown = sorted(set(queues) - set(QUEUES))
    if unknown:
        known = ", ".join(QUEUES)
        raise Stop(f"There is no queue `{unknown[0]}`; there is: {known}.")
    # The children are processes of their own: no connection is shared with them.
    connections.close_all()
    sys.stdout.flush()
    worker_shutting_down.connect(_stop_in_time, weak=False)
    worker = current_app.Worker(
        hostname=host_format(f"{arguments.name}@%h"),
        concurrency=arguments.processes,
        queues=[queue for queue in QUEUES if queue in queues],
        loglevel="INFO",
        without_gossip=True,
        without_mingle=True,
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _stop_in_time(**_: Any) -> None:
    """Let tasks end for a while, and no longer: another worker takes them up."""
    timer = threading.Timer(
        PATIENCE_SECONDS, os.kill, args=(os.getpid(), signal.SIGQUIT)
    )
    timer.daemon = True
    timer.start()
