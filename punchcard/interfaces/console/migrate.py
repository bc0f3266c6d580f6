"""`punchcard migrate`: bring the database's tables up to date."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console import schema
from punchcard.interfaces.console.installation import Installation


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Migrate, and say how much that was."""
    count = schema.migrate()
    said = f"{count} migrations applied." if count else "Nothing to do."
    sys.stdout.write(f"{said}\n")
    return 0
