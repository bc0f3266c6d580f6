"""`punchcard import balances`: what members hold elsewhere becomes lots here."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping

from punchcard.interfaces.console import schema
from punchcard.interfaces.console.choosing import choose_wallet
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.importing.error_file import open_error_file
from punchcard.interfaces.console.importing.following import SOME_BROKEN, run_import
from punchcard.interfaces.console.importing.summary import summarise, tell_ignored
from punchcard.interfaces.console.importing.target import require_target
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.importing.balances import (
    BalanceImport,
    Rules,
)
from punchcard.interfaces.importing.columns import BALANCES
from punchcard.interfaces.importing.csv_files import open_csv
from punchcard.interfaces.importing.tally import WalletTally
from punchcard.journeys.import_balances import Terms
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.programs.queries import ProgramView, list_wallets, program_now


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Import a file; 0: all rows are applied or known, 3: some are broken.

    Raises:
        Stop: there is no such program or wallet, `--at` is later than now, or the
            file, the error file or the database failed.
    """
    schema.migrate()
    errors = open_error_file(arguments.file, "balances", arguments.errors)
    with open_csv(arguments.file, BALANCES, arguments.map) as file:
        program = require_target(arguments.program)
        author = Author(actor=CONSOLE, program=program.id)
        job = BalanceImport(
            file=file,
            rules=_rules(arguments, program),
            terms=Terms(
                author=author,
                program=program.id,
                at=arguments.at,
                enrol=arguments.enrol,
            ),
            clock=lambda: program_now(program),
        )
        tally = run_import(job, errors)
    sys.stdout.write(
        summarise(
            tally,
            file=file,
            errors=errors,
            program=f"program `{program.slug}`",
            nothing="of 0 points, which hold nothing",
            more=[*tell_ignored(file), *_tell_wallets(tally.wallets)],
        )
    )
    return SOME_BROKEN if tally.broken else 0


def _rules(arguments: Namespace, program: ProgramView) -> Rules:
    now = program_now(program)
    if arguments.at is not None and arguments.at > now:
        raise Stop("--at is later than now: nobody has held it yet.")
    wallet = choose_wallet(program, arguments.wallet)
    return Rules(
        program=program.slug,
        wallets=frozenset(found.code for found in list_wallets(program=program.id)),
        wallet=wallet.code,
        reason=arguments.reason,
        at=arguments.at or now,
    )


def _tell_wallets(wallets: Mapping[str, WalletTally]) -> list[str]:
    return [
        f"`{code}`: {tally.members:,} members with {tally.lots:,} lots of this file, "
        f"{tally.points:,} points; new are {tally.new_lots:,} lots, "
        f"{tally.new_points:,} points"
        for code, tally in sorted(wallets.items())
    ]
