"""The API served by granian until it is stopped."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from django.conf import settings
from django.db import connections
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from punchcard.interfaces.api.metrics import FOLDER, forget_dead_processes
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation

THREADS = 4
"""Of each worker; each has a connection to the database."""

PATIENCE_SECONDS = 20
"""What a worker may take to answer its last requests when it is stopped."""

_LOG = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {}},
}
"""The server's own lines go the way of ours."""


def require_port(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on.

    Raises:
        Stop: it is taken, not ours, or forbidden.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        said = error.strerror or str(error)
        raise Stop(
            f"{host} port {port} cannot be listened on: {said}. Choose another with "
            "--host and --port."
        ) from None


def address(host: str, port: int) -> str:
    """Return the address that a browser is given."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(host: str, port: int, workers: int, installation: Installation) -> None:
    """Serve until SIGINT or SIGTERM; requests that are under way are answered."""
    # The workers are processes of their own: no connection is shared with them.
    connections.close_all()
    if FOLDER in os.environ:
        forget_dead_processes(Path(os.environ[FOLDER]))
    sys.stdout.flush()
    server = Granian(
        settings.WSGI_APPLICATION.replace(".application", ":application"),
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        workers_kill_timeout=PATIENCE_SECONDS,
        respawn_failed_workers=True,
        log_level=LogLevels.warning,
        log_dictconfig=_LOG,
    )
    server.serve()
    rest = " `punchcard down` stops the servers too." if installation.embedded else ""
    sys.stdout.write(f"Stopped.{rest}\n")
