"""`punchcard down`: stop the embedded servers."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Stop them.

    Raises:
        Stop: the database is somebody else's, and no broker of ours was running.
    """
    stopped = installation.stop()
    if not stopped and not installation.embedded:
        raise Stop("DATABASE_URL names the database: that server is not ours to stop.")
    sys.stdout.write("Stopped.\n" if stopped else "Nothing was running.\n")
    return 0
