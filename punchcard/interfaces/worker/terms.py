"""How long work may take, and what Celery is told."""

from __future__ import annotations

from typing import Any

from kombu import Queue

from punchcard.interfaces.worker.queues import NORMAL, QUEUES

SLOW_SECONDS = 6 * 3600
"""What slow work may take. It goes on beyond the time after which a message is given to
another worker: so each has a lock, and the other finds it taken."""

RETRIES = 5
"""How often a task is tried again when the database or the broker was away."""


def celery_settings(*, broker: str, seconds: int) -> dict[str, Any]:
    """Return Celery's settings; after `seconds` a dead worker's task is another's.

    What is not slow must end before that, or two would be at it.
    """
    return {
        "broker_url": broker,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": seconds,
            # Left out, Celery looks for the tasks of the dead every 100 seconds.
            "unacked_restore_interval": max(1, min(5, seconds // 3)),
            "unacked_restore_throttle": 1,
            "queue_order_strategy": "priority",
            # Whoever sends a task shall hear soon that nobody is there.
            "socket_connect_timeout": 5,
            "retry_policy": {"timeout": 5.0},
        },
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_acks_on_failure_or_timeout": True,
        "worker_prefetch_multiplier": 1,
        # Each task may be done twice and is the same: let it end.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_soft_time_limit": seconds * 0.8,
        "task_time_limit": seconds * 0.9,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_queues": [Queue(name) for name in QUEUES],
        "task_default_queue": NORMAL,
        "task_create_missing_queues": False,
        "imports": ["punchcard.interfaces.worker.tasks"],
        # For Flower: what is sent, received, done.
        "task_send_sent_event": True,
        "task_track_started": True,
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "timezone": "UTC",
        "enable_utc": True,
    }
