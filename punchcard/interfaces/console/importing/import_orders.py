"""`punchcard import orders`: a file of past orders, replayed as they happened."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import datetime
from pathlib import Path

from punchcard.interfaces.console import schema
from punchcard.interfaces.console.choosing import (
    DEFAULT,
    choose_wallet,
    find_program,
)
from punchcard.interfaces.console.error_file import ErrorFile, default_path
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.console.order_files import (
    STANDARD_INPUT,
    Rules,
    open_orders,
)
from punchcard.interfaces.console.order_import import OrderImport, Tally
from punchcard.journeys.create_program import create_program
from punchcard.journeys.import_orders import Terms
from punchcard.kernel import clock
from punchcard.programs.errors import ProgramSlugTaken
from punchcard.programs.queries import ProgramView, list_programs, program_now

SOME_BROKEN = 3


class Target:
    """The program that the orders go to; made when there is none yet."""

    def __init__(self, arguments: Namespace) -> None:
        """Look for it.

        Raises:
            Stop: a program was named that there is not, or it lacks the wallet.
        """
        self._arguments = arguments
        self.program: ProgramView | None = _find(arguments.program)
        self.created = False
        if self.program is not None:
            choose_wallet(self.program, arguments.wallet)

    @property
    def name(self) -> str:
        """Its slug."""
        return DEFAULT if self.program is None else self.program.slug

    def terms(self, rules: Rules) -> Terms:
        """Return where the orders go; create `default` if there is no program."""
        if self.program is None:
            self.program = self._create(rules.currency or "")
        wallet = choose_wallet(self.program, self._arguments.wallet)
        return Terms(
            program=self.program.id,
            wallet=wallet.id,
            pending=self._arguments.pending,
            validity=self._arguments.validity,
        )

    def _create(self, currency: str) -> ProgramView:
        try:
            made = create_program(
                slug=DEFAULT,
                name=DEFAULT.capitalize(),
                mode="live",
                currency=currency,
                now=clock.read(),
            )
        except ProgramSlugTaken:
            # Another import was quicker.
            twin = find_program(None)
            if twin is None or twin.currency != currency:
                message = "Somebody made another program meanwhile: run it again."
                raise Stop(message) from None
            return twin
        self.created = True
        return made.program


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Import a file; 0: all rows are applied or known, 3: some are broken.

    Raises:
        Stop: the file, the error file or the database failed.
    """
    schema.migrate()
    errors = _error_file(arguments)
    with open_orders(arguments.file, arguments.map) as file:
        target = Target(arguments)
        program = target.program
        rules = Rules(
            rate=arguments.points_per_unit,
            now=clock.read() if program is None else program_now(program),
            currency=None if program is None else program.currency,
        )
        job = OrderImport(
            file=file,
            rules=rules,
            errors=errors,
            open_terms=target.terms,
            clock=lambda: _now(target.program),
        )
        tally = job.run()
    sys.stdout.write(_summary(file.name, target, tally, errors.path))
    return SOME_BROKEN if tally.broken else 0


def _find(slug: str | None) -> ProgramView | None:
    """Return the program that is meant: named, `default`, or the only live one.

    A test program is not taken unasked: the demonstration is one.
    """
    found = find_program(slug)
    if found is not None:
        return found
    live = list_programs(limit=2, mode="live")
    return live[0] if len(live) == 1 else None


def _now(program: ProgramView | None) -> datetime:
    return clock.read() if program is None else program_now(program)


def _error_file(arguments: Namespace) -> ErrorFile:
    path = default_path(arguments.file)
    if arguments.errors is not None:
        path = Path(arguments.errors)
    source = Path(arguments.file)
    is_source = (
        arguments.file != STANDARD_INPUT
        and path.exists()
        and source.exists()
        and path.samefile(source)
    )
    if is_source:
        raise Stop(f"--errors {path} is the file to import: choose another place.")
    return ErrorFile(path)


def _summary(name: str, target: Target, tally: Tally, errors: Path) -> str:
    if tally.rows == 0:
        return f"{name} has no rows: nothing changed.\n"
    made = "new " if target.created else ""
    lines = [
        f"{name}: {tally.rows:,} rows for the {made}program `{target.name}`:",
        f"  {tally.applied:>9,} applied, {tally.members:,} new members",
        f"  {tally.known:>9,} known already",
        f"  {tally.nothing:>9,} below one unit of currency, which earn nothing",
        f"  {tally.broken:>9,} broken",
    ]
    if tally.broken:
        lines[-1] += f": line, column and reason in {errors}"
    if not tally.changed:
        lines.append("Nothing changed.")
    return "\n".join(lines) + "\n"
