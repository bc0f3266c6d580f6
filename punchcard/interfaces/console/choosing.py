"""Which program and wallet a command is about."""

from __future__ import annotations

from punchcard.interfaces.console.failures import Stop
from punchcard.programs.queries import (
    ProgramView,
    WalletView,
    find_program_by_slug,
    find_wallet_by_code,
    list_programs,
    list_wallets,
)

DEFAULT = "default"
_SHOWN = 20


def choose_program(slug: str | None) -> ProgramView:
    """Return the named program; without a name `default`, or the only one.

    Raises:
        Stop: there is none, or several and none is `default`.
    """
    found = find_program(slug)
    if found is not None:
        return found
    slugs = list_slugs()
    if slug is None and len(slugs) == 1:
        return choose_program(slugs[0])
    if not slugs:
        raise Stop(
            "There is no program yet: `punchcard program create`, `punchcard import` "
            "or `punchcard up` makes one."
        )
    raise Stop(f"Choose one of these programs with --program: {', '.join(slugs)}.")


def find_program(slug: str | None) -> ProgramView | None:
    """Return the named program; without a name `default`, or None.

    Raises:
        Stop: a program was named, and there is none of this name.
    """
    found = find_program_by_slug(slug=slug or DEFAULT)
    if found is None and slug is not None:
        known = ", ".join(list_slugs()) or "none"
        raise Stop(f"There is no program `{slug}`; there is: {known}.")
    return found


def list_slugs() -> list[str]:
    """Return the first programs' slugs, by name."""
    return [program.slug for program in list_programs(limit=_SHOWN)]


def choose_wallet(program: ProgramView, code: str) -> WalletView:
    """Return a wallet of the program.

    Raises:
        Stop: it has none with this code.
    """
    found = find_wallet_by_code(program=program.id, code=code)
    if found is None:
        codes = ", ".join(w.code for w in list_wallets(program=program.id)) or "none"
        raise Stop(f"`{program.slug}` has no wallet `{code}`; it has: {codes}.")
    return found
