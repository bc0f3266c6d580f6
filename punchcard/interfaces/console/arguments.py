"""What the arguments of several commands have in common; imports nothing of Django."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from punchcard.interfaces.values import parse_period, parse_validity_text

NOTHING, SERVER, SCHEMA, BROKER = "nothing", "server", "schema", "broker"
"""What a command needs to begin: nothing, a database, one that is migrated, or that
and a broker."""


def add_command(
    commands: Any, name: str, summary: str, *, module: str = "", needs: str = SERVER
) -> argparse.ArgumentParser:
    """Add a command, whose parsed arguments have `module` and `needs`."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
    )
    made.set_defaults(module=module or name, needs=needs)
    return made


def add_program_choice(parser: argparse.ArgumentParser) -> None:
    """Add `--program`."""
    parser.add_argument(
        "--program", metavar="SLUG", help="left out: `default`, or the only one"
    )


def add_wallet_choice(parser: argparse.ArgumentParser) -> None:
    """Add `--program` and `--wallet`."""
    add_program_choice(parser)
    parser.add_argument(
        "--wallet", metavar="CODE", default="points", help="(%(default)s)"
    )


def add_periods(
    parser: argparse.ArgumentParser, periods: Iterable[tuple[str, str]]
) -> None:
    """Add an option for each (name, meaning) of a duration."""
    for name, meaning in periods:
        parse = parse_validity_text if name == "validity" else parse_period
        parser.add_argument(
            f"--{name}", metavar="DURATION", type=typed(parse), help=meaning
        )


def typed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse say what the value itself says is wrong."""

    def parse_typed(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} {error}") from None

    return parse_typed


def within(numbers: range) -> Callable[[str], Any]:
    """Take a whole number of a range."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or int(text[:18]) not in numbers:
            message = f"is no number from {numbers[0]} to {numbers[-1]}"
            raise ValueError(message)
        return int(text)

    return typed(parse)
