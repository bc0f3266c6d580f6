"""`punchcard config apply` and `diff`: a file, and what is different by it."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import msgspec

from punchcard.interfaces.console.choosing import choose_program
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.configuration.apply_configuration import (
    Applied,
    apply_configuration,
)
from punchcard.journeys.configuration.errors import (
    ConfigurationMalformed,
    ConfigurationUnreadable,
)
from punchcard.journeys.configuration.texts import line_of, read_text
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.programs.errors import ConfigurationChanged
from punchcard.programs.queries import program_now

STANDARD_INPUT = "-"
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Apply it, or say what would be different.

    Raises:
        Stop: there is no such program or file, it has mistakes, or somebody saved
            another version meanwhile.
    """
    program = choose_program(arguments.program)
    text = _read(arguments.file)
    try:
        applied = apply_configuration(
            program=program.id,
            document=read_text(text),
            author=Author(actor=CONSOLE, program=program.id),
            now=program_now(program),
            effective_from=arguments.effective_from,
            after=None if arguments.after is None else [arguments.after],
            note=arguments.note,
            dry_run=arguments.dry_run,
        )
    except ConfigurationUnreadable as error:
        raise Stop(f"{arguments.file}: {error}.") from None
    except ConfigurationMalformed as error:
        raise _mistakes(arguments.file, text, error) from None
    except ConfigurationChanged:
        raise Stop(
            f"The last version is not {arguments.after}: somebody saved another one."
        ) from None
    _tell(applied, program.slug, is_dry=arguments.dry_run)
    return 0


def _read(file: str) -> str:
    if file == STANDARD_INPUT:
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Stop(f"{file}: it is not UTF-8.") from None


def _mistakes(file: str, text: str, error: ConfigurationMalformed) -> Stop:
    for mistake in error.mistakes:
        line = line_of(text, mistake.pointer)
        place = f"{file}:{line}" if line else file
        sys.stderr.write(f"{place}: {mistake.pointer or '/'}: {mistake.detail}\n")
    count = len(error.mistakes)
    noun = "mistake" if count == 1 else "mistakes"
    return Stop(f"{file} has {count} {noun}; nothing was changed.")


def _tell(applied: Applied, slug: str, *, is_dry: bool) -> None:
    for one in applied.differences:
        said = {"added": one.after, "removed": one.before}.get(one.kind)
        shown = (
            f"{_json(one.before)} → {_json(one.after)}" if said is None else _json(said)
        )
        sys.stdout.write(f"{_SIGNS[one.kind]} {one.pointer}: {shown}\n")
    for version in applied.supersedes:
        sys.stdout.write(f"Version {version} will not come into force any more.\n")
    since = f"{applied.effective_from:%Y-%m-%dT%H:%M:%SZ}"
    if not applied.created:
        sys.stdout.write(f"Nothing is different in `{slug}`.\n")
    elif is_dry:
        sys.stdout.write(f"So it would be in `{slug}` from {since} on.\n")
    else:
        sys.stdout.write(f"Version {applied.version} of `{slug}` is in force ")
        sys.stdout.write(f"from {since} on; ")
        sys.stdout.write(f"{applied.accounts_opened:,} accounts of members are new.\n")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
