"""`punchcard web`: serve the API alone."""

from __future__ import annotations

from argparse import Namespace

from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.console.serving import require_port, serve


def run(arguments: Namespace, installation: Installation) -> int:
    """Serve until SIGINT or SIGTERM.

    Raises:
        Stop: the port is taken.
    """
    require_port(arguments.host, arguments.port)
    serve(arguments.host, arguments.port, arguments.workers, installation)
    return 0
