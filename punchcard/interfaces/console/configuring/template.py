"""`punchcard config templates` and `template NAME`: documents to begin with."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.configuration.templates import find_template, list_templates


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Print their names, or one of them.

    Raises:
        Stop: there is no such template.
    """
    known = list_templates()
    if arguments.name is None:
        for name, summary in known.items():
            sys.stdout.write(f"{name:16} {summary}\n")
        return 0
    text = find_template(name=arguments.name)
    if text is None:
        sentence = f"There is no template `{arguments.name}`; there is: "
        raise Stop(f"{sentence}{', '.join(known)}.")
    sys.stdout.write(text)
    return 0
