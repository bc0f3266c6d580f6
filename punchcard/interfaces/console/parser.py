"""Every command and its arguments; imports nothing of Django."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from punchcard.interfaces.console.values import (
    parse_instant,
    parse_period,
    parse_rate,
)

ORDER_COLUMNS = ("external_id", "occurred_at", "member", "amount_minor", "currency")
"""What an order file must have, under these names or mapped ones."""

NOTHING, SERVER, SCHEMA = "nothing", "server", "schema"
"""What a command needs to begin: nothing, a database, or one that is migrated."""

HOST, PORT = "127.0.0.1", 8000
_PORTS = range(1, 65_536)
_COUNTS = range(1, 1_001)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; a parsed command has `module` and `needs`."""
    parser = argparse.ArgumentParser(
        prog="punchcard",
        description="A loyalty ledger: points that are never lost, never counted "
        "twice, and always explained.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (
        _add_up,
        _add_demo,
        _add_down,
        _add_import,
        _add_balances,
        _add_verify,
        _add_rebuild,
        _add_sweep,
        _add_program,
        _add_key,
        _add_migrate,
        _add_reference,
        _add_manage,
    ):
        add(commands)
    return parser


def _command(
    commands: Any, name: str, summary: str, *, module: str = "", needs: str = SERVER
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
    )
    made.set_defaults(module=module or name, needs=needs)
    return made


def _add_up(commands: Any) -> None:
    parser = _command(commands, "up", "migrate and serve the API until Ctrl-C")
    _add_serving(parser)
    parser.add_argument(
        "--currency",
        default="USD",
        metavar="CODE",
        help="of the test program that an empty database gets (%(default)s)",
    )


def _add_demo(commands: Any) -> None:
    parser = _command(
        commands, "demo", "a real shop's orders as a programme, served, and what to try"
    )
    _add_serving(parser)
    parser.add_argument(
        "--no-serve", action="store_true", help="prepare and print, but do not serve"
    )


def _add_down(commands: Any) -> None:
    _command(commands, "down", "stop the embedded database server", needs=NOTHING)


def _add_import(commands: Any) -> None:
    parser = _command(commands, "import", "import what happened elsewhere")
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    orders = _command(
        kinds,
        "orders",
        "import orders of the past, at the time they happened",
        module="import_orders",
    )
    orders.epilog = (
        "Exit code: 0 every row is applied or was known; 3 some rows are in the error "
        "file; 1 stopped. Running it again changes nothing, or completes."
    )
    orders.add_argument("file", metavar="FILE", help="CSV, .gz, .xz; - standard input")
    orders.add_argument(
        "--map",
        metavar="OURS=THEIRS,…",
        type=_typed(parse_mapping),
        default={},
        help=f"the file's names of our columns: {', '.join(ORDER_COLUMNS)}",
    )
    orders.add_argument(
        "--points-per-unit",
        metavar="N",
        type=_typed(parse_rate),
        default="1",
        help="points for each whole unit of currency (%(default)s)",
    )
    for name, meaning in (
        ("pending", "until points can be spent"),
        ("validity", "from then on until they lapse"),
    ):
        orders.add_argument(
            f"--{name}",
            metavar="DURATION",
            type=_typed(parse_period),
            help=f"{meaning}, as in P3D; left out: as the wallet has it",
        )
    _add_wallet(orders)
    orders.add_argument(
        "--errors", metavar="PATH", help="of the broken rows (FILE.errors.csv)"
    )


def _add_balances(commands: Any) -> None:
    parser = _command(
        commands, "balances", "what every member holds at an instant", needs=SCHEMA
    )
    parser.add_argument(
        "--as-of",
        metavar="INSTANT",
        type=_typed(parse_instant),
        help="as in 2026-01-31 or 2026-01-31T12:00:00Z; left out: now",
    )
    parser.add_argument("--csv", action="store_true", help="all of them, as CSV")
    _add_wallet(parser)


def _add_verify(commands: Any) -> None:
    _command(commands, "verify", "check every invariant of the ledger", needs=SCHEMA)


def _add_rebuild(commands: Any) -> None:
    parser = _command(
        commands, "rebuild", "compute what is derived from what is not", needs=SCHEMA
    )
    parser.add_argument(
        "--repair", action="store_true", help="write what differs, not just name it"
    )


def _add_sweep(commands: Any) -> None:
    parser = _command(
        commands, "sweep", "write what fell due: releases and expiries", needs=SCHEMA
    )
    parser.add_argument(
        "--now",
        metavar="INSTANT",
        type=_typed(parse_instant),
        help="up to an earlier instant; left out: now",
    )


def _add_program(commands: Any) -> None:
    parser = _command(commands, "program", "loyalty programs", needs=SCHEMA)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    create = _command(
        verbs,
        "create",
        "create a program with its wallet `points`",
        module="program",
        needs=SCHEMA,
    )
    create.add_argument("slug", metavar="SLUG", help="small letters, digits, dashes")
    create.add_argument("--name", help="left out: the slug")
    create.add_argument("--currency", required=True, metavar="CODE", help="as in EUR")
    create.add_argument(
        "--mode", choices=("live", "test"), default="live", help="(%(default)s)"
    )
    create.add_argument(
        "--time-zone", default="UTC", metavar="ZONE", help="(%(default)s)"
    )
    for name in ("pending", "validity"):
        create.add_argument(
            f"--{name}", metavar="DURATION", type=_typed(parse_period), help="as in P3D"
        )


def _add_key(commands: Any) -> None:
    parser = _command(commands, "key", "API keys", needs=SCHEMA)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    create = _command(
        verbs, "create", "create an API key and print it", module="key", needs=SCHEMA
    )
    _add_program_choice(create)
    create.add_argument("--name", default="console", help="(%(default)s)")
    create.add_argument(
        "--scopes", metavar="SCOPE,…", help="left out: all; as in ledger:read"
    )


def _add_migrate(commands: Any) -> None:
    _command(commands, "migrate", "bring the database's tables up to date")


def _add_reference(commands: Any) -> None:
    parser = _command(
        commands, "reference", "write schema.sql and openapi.json from the code"
    )
    parser.add_argument(
        "--to", metavar="FOLDER", default="docs/reference", help="(%(default)s)"
    )


def _add_manage(commands: Any) -> None:
    parser = _command(commands, "manage", "pass on to Django's own commands")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="…")


def _add_serving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=HOST, help="(%(default)s)")
    parser.add_argument(
        "--port", type=_within(_PORTS), default=PORT, help="(%(default)s)"
    )
    parser.add_argument(
        "--workers", type=_within(_COUNTS), default=2, help="processes (%(default)s)"
    )


def _add_program_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--program", metavar="SLUG", help="left out: `default`, or the only one"
    )


def _add_wallet(parser: argparse.ArgumentParser) -> None:
    _add_program_choice(parser)
    parser.add_argument(
        "--wallet", metavar="CODE", default="points", help="(%(default)s)"
    )


def parse_mapping(text: str) -> dict[str, str]:
    """Return our column -> the file's, of `ours=theirs,…`.

    Raises:
        ValueError: it says something else, or one of ours twice.
    """
    mapping: dict[str, str] = {}
    for pair in text.split(","):
        ours, equals, theirs = pair.partition("=")
        if ours not in ORDER_COLUMNS or not equals or not theirs:
            known = ", ".join(ORDER_COLUMNS)
            raise ValueError(f"has {pair!r}: say ours=theirs; ours are {known}")
        if ours in mapping:
            raise ValueError(f"has {ours} twice")
        mapping[ours] = theirs
    return mapping


def _typed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse say what the value itself says is wrong."""

    def typed(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} {error}") from None

    return typed


def _within(numbers: range) -> Callable[[str], Any]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or int(text[:9]) not in numbers:
            message = f"is no number from {numbers[0]} to {numbers[-1]}"
            raise ValueError(message)
        return int(text)

    return _typed(parse)
