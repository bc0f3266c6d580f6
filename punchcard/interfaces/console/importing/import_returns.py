"""`punchcard import returns`: what came back of orders, as it happened."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console import schema
from punchcard.interfaces.console.importing.error_file import open_error_file
from punchcard.interfaces.console.importing.following import SOME_BROKEN, run_import
from punchcard.interfaces.console.importing.summary import summarise, tell_ignored
from punchcard.interfaces.console.importing.target import require_target
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.importing.columns import RETURNS
from punchcard.interfaces.importing.csv_files import open_csv
from punchcard.interfaces.importing.returns import ReturnImport, Rules
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.programs.queries import program_now


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Import a file; 0: all rows are applied or known, 3: some are broken.

    Raises:
        Stop: there is no such program, or the file, the error file or the database
            failed.
    """
    schema.migrate()
    errors = open_error_file(arguments.file, "returns", arguments.errors)
    with open_csv(arguments.file, RETURNS, arguments.map) as file:
        program = require_target(arguments.program)
        job = ReturnImport(
            file=file,
            rules=Rules(now=program_now(program)),
            program=program.id,
            author=Author(actor=CONSOLE, program=program.id),
            clock=lambda: program_now(program),
        )
        tally = run_import(job, errors)
    sys.stdout.write(
        summarise(
            tally,
            file=file,
            errors=errors,
            program=f"program `{program.slug}`",
            more=tell_ignored(file),
        )
    )
    return SOME_BROKEN if tally.broken else 0
