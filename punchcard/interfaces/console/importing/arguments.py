"""The arguments of `punchcard import`; imports nothing of Django."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from punchcard.interfaces.console.arguments import (
    add_command,
    add_periods,
    add_program_choice,
    add_wallet_choice,
    typed,
)
from punchcard.interfaces.importing.columns import (
    BALANCES,
    MEMBERS,
    ORDERS,
    RETURNS,
    Columns,
)
from punchcard.interfaces.values import parse_instant, parse_rate

_EPILOG = (
    "Exit code: 0 every row is applied or was known; 3 some rows are in the error "
    "file; 1 stopped. Running it again changes nothing, or completes."
)


def add_import(commands: Any) -> None:
    """Add `import` and its kinds of files."""
    parser = add_command(commands, "import", "import what happened elsewhere")
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    _add_members(kinds)
    _add_balances(kinds)
    _add_orders(kinds)
    _add_returns(kinds)


def parse_mapping(columns: Columns) -> Callable[[str], dict[str, str]]:
    """Return a parser of `ours=theirs,…` for these columns."""

    def parse(text: str) -> dict[str, str]:
        mapping: dict[str, str] = {}
        for pair in text.split(","):
            ours, equals, theirs = pair.partition("=")
            if ours not in columns.all or not equals or not theirs:
                known = ", ".join(columns.all)
                raise ValueError(f"has {pair!r}: say ours=theirs; ours are {known}")
            if ours in mapping:
                raise ValueError(f"has {ours} twice")
            mapping[ours] = theirs
        return mapping

    return parse


def _add_members(kinds: Any) -> None:
    summary = "import who the members are: ids, names, addresses, consents"
    parser = _add_kind(kinds, "members", summary, MEMBERS)
    add_program_choice(parser)


def _add_orders(kinds: Any) -> None:
    summary = "import orders of the past, at the time they happened"
    parser = _add_kind(kinds, "orders", summary, ORDERS)
    parser.add_argument(
        "--points-per-unit",
        metavar="N",
        type=typed(parse_rate),
        help=(
            "points for each whole unit of currency (left out: as the program's rules"
            " say, or 1 where it has none)"
        ),
    )
    wallets_own = ", as in P3D; left out: as the wallet has it"
    add_periods(
        parser,
        (
            ("pending", f"until points can be spent{wallets_own}"),
            ("validity", f"from then on until they lapse{wallets_own}"),
        ),
    )
    add_wallet_choice(parser)


def _add_returns(kinds: Any) -> None:
    summary = "import what came back of orders, and take back what it had earned"
    parser = _add_kind(kinds, "returns", summary, RETURNS)
    add_program_choice(parser)


def _add_balances(kinds: Any) -> None:
    summary = "import what members hold elsewhere: opening balances, lot by lot"
    parser = _add_kind(kinds, "balances", summary, BALANCES)
    parser.add_argument(
        "--at",
        metavar="INSTANT",
        type=typed(parse_instant),
        help="when they held it, as in 2026-01-31; left out: now",
    )
    parser.add_argument(
        "--reason",
        default="Opening balance",
        help="of rows that have none of their own (%(default)s)",
    )
    parser.add_argument(
        "--enrol", action="store_true", help="enrol members that are not there yet"
    )
    add_wallet_choice(parser)


def _add_kind(
    kinds: Any, name: str, summary: str, columns: Columns
) -> argparse.ArgumentParser:
    parser = add_command(kinds, name, summary, module=f"importing.import_{name}")
    parser.epilog = _EPILOG
    parser.add_argument("file", metavar="FILE", help="CSV, .gz, .xz; - standard input")
    parser.add_argument(
        "--map",
        metavar="OURS=THEIRS,…",
        type=typed(parse_mapping(columns)),
        default={},
        help=f"the file's names of our columns: {', '.join(columns.all)}",
    )
    parser.add_argument(
        "--errors", metavar="PATH", help="of the broken rows (FILE.errors.csv)"
    )
    return parser
