"""`punchcard program create`: a program with its wallet `points`."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.create_program import create_program
from punchcard.kernel import clock
from punchcard.kernel.amounts import CurrencyUnknown, minor_per_unit
from punchcard.programs.errors import ProgramSlugTaken


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Create it.

    Raises:
        Stop: the slug is taken, or nobody knows the currency.
        ProgramMalformed: a field is not what it must be; says which.
    """
    require_currency(arguments.currency)
    policy = {"pending_period": arguments.pending, "validity": arguments.validity}
    try:
        created = create_program(
            slug=arguments.slug,
            name=arguments.name or arguments.slug,
            mode=arguments.mode,
            currency=arguments.currency,
            time_zone=arguments.time_zone,
            now=clock.read(),
            self_registration=arguments.self_registration,
            **{name: text for name, text in policy.items() if text is not None},
        )
    except ProgramSlugTaken:
        raise Stop(f"There is a program `{arguments.slug}` already.") from None
    sys.stdout.write(f"Created the {created.program.mode} program ")
    sys.stdout.write(f"`{created.program.slug}` ({created.program.currency}).\n")
    return 0


def require_currency(code: str) -> None:
    """Refuse a currency that is none.

    Raises:
        Stop: says what one looks like.
    """
    try:
        minor_per_unit(currency=code)
    except CurrencyUnknown as error:
        raise Stop(f"--currency {error}, as in EUR.") from None
