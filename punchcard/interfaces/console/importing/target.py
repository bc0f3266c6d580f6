"""Which program a file goes to."""

from __future__ import annotations

from punchcard.interfaces.console.choosing import find_program, list_slugs
from punchcard.interfaces.console.failures import Stop
from punchcard.programs.queries import ProgramView, list_programs


def find_target(slug: str | None) -> ProgramView | None:
    """Return the program that is meant: named, `default`, or the only live one.

    A test program is not taken unasked: the demonstration is one.

    Raises:
        Stop: a program was named, and there is none of this name.
    """
    found = find_program(slug)
    if found is not None:
        return found
    live = list_programs(limit=2, mode="live")
    return live[0] if len(live) == 1 else None


def require_target(slug: str | None) -> ProgramView:
    """Return the program that is meant.

    Raises:
        Stop: there is none, or several and none is `default`.
    """
    found = find_target(slug)
    if found is not None:
        return found
    slugs = list_slugs()
    if slugs:
        raise Stop(f"Choose one of these programs with --program: {', '.join(slugs)}.")
    raise Stop("There is no program yet: `punchcard program create` makes one.")
