"""`punchcard key create`: an API key; its secret is seen this once."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.access.queries import SCOPES
from punchcard.interfaces.console.choosing import choose_program
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.create_api_key import create_api_key
from punchcard.kernel import clock


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Create it and print its secret alone, so that a script can take it.

    Raises:
        Stop: there is no such program.
        AccessMalformed: the name, or a scope that there is not.
    """
    program = choose_program(arguments.program)
    scopes = SCOPES if arguments.scopes is None else arguments.scopes.split(",")
    created = create_api_key(
        program=program.id, name=arguments.name, scopes=scopes, now=clock.read()
    )
    sys.stderr.write(f"A {program.mode} key for `{program.slug}`; it is shown once:\n")
    sys.stdout.write(f"{created.secret}\n")
    return 0
