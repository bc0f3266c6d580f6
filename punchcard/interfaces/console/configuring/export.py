"""`punchcard config export`: the configuration, to be kept, changed and applied."""

from __future__ import annotations

import sys
from argparse import Namespace

import msgspec

from punchcard.interfaces.console.choosing import choose_program
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.configuration.document import whole
from punchcard.journeys.configuration.exporting import export_configuration, lean
from punchcard.journeys.configuration.texts import write_yaml
from punchcard.programs.errors import ConfigurationNotFound
from punchcard.programs.queries import program_now


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Print it.

    Raises:
        Stop: there is no such program, or no such version.
    """
    program = choose_program(arguments.program)
    try:
        found = export_configuration(
            program=program.id,
            version=arguments.version,
            at=arguments.at or program_now(program),
        )
    except ConfigurationNotFound:
        sentence = f"`{program.slug}` has no version {arguments.version}."
        raise Stop(sentence) from None
    if found.version is not None and found.effective_from is not None:
        since = f"{found.effective_from:%Y-%m-%dT%H:%M:%SZ}"
        sys.stderr.write(f"Version {found.version}, in force from {since} on:\n")
    if arguments.json:
        text = msgspec.json.format(msgspec.json.encode(whole(found.document)))
        sys.stdout.write(f"{text.decode()}\n")
    else:
        sys.stdout.write(write_yaml(lean(found.document)))
    return 0
