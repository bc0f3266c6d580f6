"""`punchcard wallet create`: one more unit that members can hold."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console.choosing import choose_program
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.create_wallet import create_wallet
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.programs.errors import WalletCodeTaken
from punchcard.programs.queries import program_now

_SAID = (
    "scale",
    "validity",
    "grace",
    "debt_policy",
    "hold_time_max",
    "idle",
    "limit_per_command",
    "limit_per_day",
    "limit_per_month",
)


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Create it and open the members' accounts; the same again completes.

    Raises:
        Stop: there is no such program, or it has another wallet of this code.
        ProgramMalformed: a field is not what it must be; says which.
    """
    program = choose_program(arguments.program)
    try:
        made = create_wallet(
            program=program.id,
            code=arguments.code,
            name=arguments.name or arguments.code.capitalize(),
            author=Author(actor=CONSOLE, program=program.id),
            now=program_now(program),
            pending_period=arguments.pending,
            **{name: getattr(arguments, name) for name in _SAID},
        )
    except WalletCodeTaken:
        raise Stop(
            f"`{program.slug}` has a wallet `{arguments.code}` already, with another "
            "name or policy."
        ) from None
    verb = "Created" if made.created else "There is already"
    sys.stdout.write(f"{verb} the wallet `{made.wallet.code}` of `{program.slug}`; ")
    sys.stdout.write(f"{made.accounts_opened:,} accounts of members are new.\n")
    return 0
