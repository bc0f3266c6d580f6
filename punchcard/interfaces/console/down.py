"""`punchcard down`: stop the embedded database server."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Stop it.

    Raises:
        Stop: the database is somebody else's.
    """
    if not installation.embedded:
        raise Stop("DATABASE_URL names the database: that server is not ours to stop.")
    stopped = installation.stop()
    sys.stdout.write("Stopped.\n" if stopped else "It was not running.\n")
    return 0
