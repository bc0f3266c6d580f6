"""`punchcard import orders`: a file of past orders, replayed as they happened."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import datetime

from punchcard.interfaces.console import schema
from punchcard.interfaces.console.choosing import (
    DEFAULT,
    choose_wallet,
    find_program,
)
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.importing.error_file import open_error_file
from punchcard.interfaces.console.importing.following import SOME_BROKEN, run_import
from punchcard.interfaces.console.importing.summary import summarise
from punchcard.interfaces.console.importing.target import find_target
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.importing.columns import ORDERS
from punchcard.interfaces.importing.csv_files import open_csv
from punchcard.interfaces.importing.orders import OrderImport, Rules, rate_for
from punchcard.journeys.create_program import create_program
from punchcard.journeys.import_orders import Terms
from punchcard.kernel import clock
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.programs.errors import ProgramSlugTaken
from punchcard.programs.queries import ProgramView, program_now


class Target:
    """The program that the orders go to; made when there is none yet."""

    def __init__(self, arguments: Namespace) -> None:
        """Look for it.

        Raises:
            Stop: a program was named that there is not, or it lacks the wallet.
        """
        self._arguments = arguments
        self.program: ProgramView | None = find_target(arguments.program)
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
            rate=rules.rate,
            pending=self._arguments.pending,
            validity=self._arguments.validity,
            author=Author(actor=CONSOLE, program=self.program.id),
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
    errors = open_error_file(arguments.file, "orders", arguments.errors)
    with open_csv(arguments.file, ORDERS, arguments.map) as file:
        target = Target(arguments)
        program = target.program
        rules = Rules(
            rate=rate_for(program, arguments.points_per_unit),
            now=clock.read() if program is None else program_now(program),
            currency=None if program is None else program.currency,
        )
        job = OrderImport(
            file=file,
            rules=rules,
            open_terms=target.terms,
            clock=lambda: _now(target.program),
        )
        tally = run_import(job, errors)
    sys.stdout.write(
        summarise(
            tally,
            file=file,
            errors=errors,
            program=f"{'new ' if target.created else ''}program `{target.name}`",
            nothing="below one unit of currency, which earn nothing",
        )
    )
    return SOME_BROKEN if tally.broken else 0


def _now(program: ProgramView | None) -> datetime:
    return clock.read() if program is None else program_now(program)
