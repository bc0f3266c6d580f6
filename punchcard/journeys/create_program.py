"""Create a program with its first wallet, `points`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from punchcard.kernel.transactions import transaction
from punchcard.programs import operations as programs
from punchcard.programs.queries import ProgramView, WalletView

DEFAULT_WALLET = "points"


class CreatedProgram(msgspec.Struct, frozen=True, kw_only=True):
    """A new program and its first wallet."""

    program: ProgramView
    wallet: WalletView


def create_program(
    *,
    slug: str,
    name: str,
    mode: str,
    currency: str,
    now: datetime,
    time_zone: str = "UTC",
    self_registration: bool = False,
    **policy: Any,
) -> CreatedProgram:
    """Create a program and its wallet `points`; `policy` as of `create_wallet`.

    Raises:
        ProgramMalformed: a field is not what it must be; says which.
        ProgramSlugTaken: another program has this slug.
    """
    with transaction():
        program = programs.create_program(
            slug=slug,
            name=name,
            mode=mode,
            currency=currency,
            time_zone=time_zone,
            now=now,
            self_registration=self_registration,
        )
        wallet = programs.create_wallet(
            program=program.id,
            code=DEFAULT_WALLET,
            name=DEFAULT_WALLET.capitalize(),
            now=now,
            **policy,
        )
    return CreatedProgram(program=program, wallet=wallet)
