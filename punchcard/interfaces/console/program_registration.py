"""`punchcard program registration`: may people register themselves as members?"""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console.choosing import choose_program
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.open_registration import open_registration
from punchcard.kernel import clock
from punchcard.kernel.audit import CONSOLE, Author


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Open or close it.

    Raises:
        Stop: there is no such program.
    """
    program = choose_program(arguments.program)
    open_registration(
        program=program.id,
        allowed=arguments.state == "open",
        author=Author(actor=CONSOLE, program=program.id),
        now=clock.read(),
    )
    sys.stdout.write(f"Registration for `{program.slug}` is {arguments.state}.\n")
    return 0
