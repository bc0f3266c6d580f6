"""The arguments of `punchcard config`; imports nothing of Django."""

from __future__ import annotations

from typing import Any

from punchcard.interfaces.console.arguments import (
    NOTHING,
    SCHEMA,
    add_command,
    add_program_choice,
    typed,
    within,
)
from punchcard.interfaces.values import parse_instant

_VERSIONS = range(2**31)
_AN_INSTANT = "as in 2026-01-31 or 2026-01-31T12:00:00Z; left out: now"


def add_config(commands: Any) -> None:
    """Add `config` and its verbs."""
    parser = add_command(
        commands, "config", "a program's wallets and rules, as a file", needs=SCHEMA
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add_export(verbs)
    diff = _add_applying(verbs, "diff", "what a file would change, and nothing else")
    diff.set_defaults(dry_run=True, note="")
    apply = _add_applying(verbs, "apply", "put a file in force")
    apply.add_argument(
        "--dry-run", action="store_true", help="say what would change, and stop"
    )
    apply.add_argument("--note", default="", help="why, to be kept with the version")
    add_command(
        verbs,
        "templates",
        "what there is to begin with",
        module="configuring.template",
        needs=NOTHING,
    ).set_defaults(name=None)
    template = add_command(
        verbs,
        "template",
        "print one of them",
        module="configuring.template",
        needs=NOTHING,
    )
    template.add_argument("name", metavar="NAME", help="as `config templates` has it")


def _add_export(verbs: Any) -> None:
    export = add_command(
        verbs,
        "export",
        "print the configuration as YAML",
        module="configuring.export",
        needs=SCHEMA,
    )
    add_program_choice(export)
    which = export.add_mutually_exclusive_group()
    which.add_argument("--version", type=within(_VERSIONS), metavar="N")
    which.add_argument(
        "--at",
        type=typed(parse_instant),
        metavar="INSTANT",
        help=f"what is in force then, {_AN_INSTANT}",
    )
    export.add_argument("--json", action="store_true", help="with every default")


def _add_applying(verbs: Any, verb: str, summary: str) -> Any:
    made = add_command(
        verbs, verb, summary, module="configuring.applying", needs=SCHEMA
    )
    made.add_argument("file", metavar="FILE", help="YAML or JSON; -: standard input")
    add_program_choice(made)
    made.add_argument(
        "--effective-from",
        type=typed(parse_instant),
        metavar="INSTANT",
        help=f"since when its rules count, {_AN_INSTANT}",
    )
    made.add_argument(
        "--after",
        type=within(_VERSIONS),
        metavar="N",
        help="only if this is the last version (0: there is none)",
    )
    return made
