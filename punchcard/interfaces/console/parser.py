"""Every command and its arguments; imports nothing of Django."""

from __future__ import annotations

import argparse
from typing import Any

from punchcard.interfaces.console.arguments import (
    BROKER,
    NOTHING,
    SCHEMA,
    add_command,
    add_periods,
    add_program_choice,
    add_wallet_choice,
    typed,
    within,
)
from punchcard.interfaces.console.configuring.arguments import add_config
from punchcard.interfaces.console.importing.arguments import add_import
from punchcard.interfaces.values import parse_instant

HOST, PORT = "127.0.0.1", 8000
FLOWER_PORT = 5555
_PORTS = range(1, 65_536)
_COUNTS = range(1, 1_001)
_SCALES = range(10)
_LIMITS = range(1, 10**15 + 1)


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
        _add_web,
        _add_worker,
        _add_beat,
        _add_flower,
        _add_health,
        add_import,
        _add_balances,
        _add_expiring,
        _add_verify,
        _add_seal,
        _add_rebuild,
        _add_sweep,
        _add_relay,
        _add_program,
        _add_wallet,
        add_config,
        _add_key,
        _add_user,
        _add_migrate,
        _add_reference,
        _add_manage,
    ):
        add(commands)
    return parser


def _add_up(commands: Any) -> None:
    parser = add_command(
        commands, "up", "migrate, serve the API and do the background work until Ctrl-C"
    )
    _add_serving(parser)
    parser.add_argument(
        "--flower-port",
        type=within(_PORTS),
        default=FLOWER_PORT,
        metavar="N",
        help="where Flower shows the background work (%(default)s)",
    )
    parser.add_argument(
        "--web-only", action="store_true", help="serve the API and do nothing else"
    )
    parser.add_argument(
        "--currency",
        default="USD",
        metavar="CODE",
        help="of the test program that an empty database gets (%(default)s)",
    )


def _add_demo(commands: Any) -> None:
    parser = add_command(
        commands, "demo", "a real shop's orders as a programme, served, and what to try"
    )
    _add_serving(parser)
    parser.add_argument(
        "--no-serve", action="store_true", help="prepare and print, but do not serve"
    )


def _add_down(commands: Any) -> None:
    add_command(commands, "down", "stop the embedded servers", needs=NOTHING)


def _add_web(commands: Any) -> None:
    _add_serving(
        add_command(commands, "web", "serve the API alone until Ctrl-C", needs=SCHEMA)
    )


def _add_worker(commands: Any) -> None:
    parser = add_command(
        commands, "worker", "do the background work until Ctrl-C", needs=BROKER
    )
    parser.add_argument(
        "--queues",
        default="urgent,normal,slow",
        metavar="QUEUE,…",
        help="that it takes tasks from (%(default)s)",
    )
    parser.add_argument(
        "--processes",
        type=within(_COUNTS),
        default=2,
        metavar="N",
        help="tasks that it does at once (%(default)s)",
    )
    parser.add_argument(
        "--name",
        default="worker",
        help="one of its own for each worker of a machine (%(default)s)",
    )


def _add_beat(commands: Any) -> None:
    add_command(
        commands, "beat", "send tasks when their time comes, until Ctrl-C", needs=BROKER
    )


def _add_flower(commands: Any) -> None:
    parser = add_command(
        commands, "flower", "watch workers and tasks in a browser", needs=BROKER
    )
    parser.add_argument("--host", default=HOST, help="(%(default)s)")
    parser.add_argument(
        "--port",
        type=within(_PORTS),
        default=FLOWER_PORT,
        metavar="N",
        help="(%(default)s)",
    )


def _add_health(commands: Any) -> None:
    parser = add_command(
        commands, "health", "ask a running server what is up and down", needs=NOTHING
    )
    _add_address(parser)


def _add_balances(commands: Any) -> None:
    parser = add_command(
        commands, "balances", "what every member holds at an instant", needs=SCHEMA
    )
    parser.add_argument(
        "--as-of",
        metavar="INSTANT",
        type=typed(parse_instant),
        help="as in 2026-01-31 or 2026-01-31T12:00:00Z; left out: now",
    )
    parser.add_argument("--csv", action="store_true", help="all of them, as CSV")
    add_wallet_choice(parser)


def _add_expiring(commands: Any) -> None:
    parser = add_command(
        commands,
        "expiring",
        "what lapses of a wallet, and when, if nobody earns or spends",
        needs=SCHEMA,
    )
    parser.add_argument(
        "--by",
        choices=("month", "day"),
        default="month",
        help="of the program's calendar (%(default)s)",
    )
    for name, meaning in (("as-of", "now"), ("until", "for ever")):
        parser.add_argument(
            f"--{name}",
            metavar="INSTANT",
            type=typed(parse_instant),
            help=f"as in 2026-01-31 or 2026-01-31T12:00:00Z; left out: {meaning}",
        )
    parser.add_argument("--csv", action="store_true", help="all of it, as CSV")
    add_wallet_choice(parser)


def _add_verify(commands: Any) -> None:
    parser = add_command(
        commands, "verify", "check every invariant of the ledger", needs=SCHEMA
    )
    parser.add_argument(
        "--seal",
        metavar="PATH",
        help="also check that the ledger still has what was sealed; a folder: each "
        "seal in it, and that none is missing",
    )
    parser.add_argument(
        "--public-key",
        metavar="FILE",
        help="that signed the seals; left out: this installation's own",
    )


def _add_seal(commands: Any) -> None:
    parser = add_command(
        commands, "seal", "write the heads of all accounts, signed", needs=SCHEMA
    )
    parser.add_argument(
        "--to", metavar="FOLDER", help="left out: PUNCHCARD_SEALS, or the home's seals"
    )


def _add_rebuild(commands: Any) -> None:
    parser = add_command(
        commands, "rebuild", "compute what is derived from what is not", needs=SCHEMA
    )
    parser.add_argument(
        "--repair", action="store_true", help="write what differs, not just name it"
    )


def _add_sweep(commands: Any) -> None:
    parser = add_command(
        commands, "sweep", "write what fell due: releases and expiries", needs=SCHEMA
    )
    parser.add_argument(
        "--now",
        metavar="INSTANT",
        type=typed(parse_instant),
        help="up to an earlier instant; left out: now",
    )


def _add_relay(commands: Any) -> None:
    parser = add_command(
        commands, "relay", "put what happened into the event log", needs=SCHEMA
    )
    parser.add_argument(
        "--once", action="store_true", help="end when nothing waits any more"
    )


def _add_program(commands: Any) -> None:
    parser = add_command(commands, "program", "loyalty programs", needs=SCHEMA)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    create = add_command(
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
    add_periods(create, (("pending", "as in P3D"), ("validity", "as in P12M")))
    create.add_argument(
        "--self-registration",
        action="store_true",
        help="people may register themselves as members",
    )
    registration = add_command(
        verbs,
        "registration",
        "say whether people may register themselves as members",
        module="program_registration",
        needs=SCHEMA,
    )
    add_program_choice(registration)
    registration.add_argument("state", choices=("open", "closed"))


def _add_wallet(commands: Any) -> None:
    parser = add_command(commands, "wallet", "units that members hold", needs=SCHEMA)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    create = add_command(
        verbs,
        "create",
        "create a wallet, with an account for every member",
        module="wallet",
        needs=SCHEMA,
    )
    create.epilog = "Cut short, the same command again completes it."
    add_program_choice(create)
    create.add_argument("--code", required=True, help="as in miles")
    create.add_argument("--name", help="left out: the code")
    create.add_argument(
        "--scale",
        type=within(_SCALES),
        default=0,
        metavar="N",
        help="decimals of its unit (%(default)s)",
    )
    add_periods(
        create,
        (
            ("pending", "until earned points can be spent (%(default)s)"),
            ("validity", "from then on until they lapse; left out: for ever"),
            ("grace", "of refunded points that had lapsed (%(default)s)"),
            ("hold-time-max", "how long points can be held (%(default)s)"),
            ("idle", "all lapse after so long without an earn or a spend"),
        ),
    )
    create.set_defaults(pending="PT0S", grace="P30D", hold_time_max="P7D")
    create.add_argument(
        "--debt-policy",
        choices=("debt", "cap", "refuse"),
        default="debt",
        help="when a reverse finds too little (%(default)s)",
    )
    for period in ("command", "day", "month"):
        create.add_argument(
            f"--limit-per-{period}",
            type=within(_LIMITS),
            metavar="N",
            help="minor units that may leave an account",
        )


def _add_key(commands: Any) -> None:
    parser = add_command(commands, "key", "API keys", needs=SCHEMA)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    create = add_command(
        verbs, "create", "create an API key and print it", module="key", needs=SCHEMA
    )
    add_program_choice(create)
    create.add_argument("--name", default="console", help="(%(default)s)")
    create.add_argument(
        "--scopes", metavar="SCOPE,…", help="left out: all; as in ledger:read"
    )


def _add_user(commands: Any) -> None:
    parser = add_command(commands, "user", "people who sign in", needs=SCHEMA)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb, summary in (
        ("admin", "print a one-time token that makes an admin of a program"),
        ("disable", "shut a user out of every program"),
        ("enable", "let a user in again"),
    ):
        made = add_command(verbs, verb, summary, module="user", needs=SCHEMA)
        made.set_defaults(verb=verb)
        if verb == "admin":
            add_program_choice(made)
        else:
            made.add_argument("email", metavar="EMAIL")


def _add_migrate(commands: Any) -> None:
    add_command(commands, "migrate", "bring the database's tables up to date")


def _add_reference(commands: Any) -> None:
    parser = add_command(
        commands, "reference", "write schema.sql and openapi.json from the code"
    )
    parser.add_argument(
        "--to", metavar="FOLDER", default="docs/reference", help="(%(default)s)"
    )


def _add_manage(commands: Any) -> None:
    parser = add_command(commands, "manage", "pass on to Django's own commands")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="…")


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=HOST, help="(%(default)s)")
    parser.add_argument(
        "--port", type=within(_PORTS), default=PORT, help="(%(default)s)"
    )


def _add_serving(parser: argparse.ArgumentParser) -> None:
    _add_address(parser)
    parser.add_argument(
        "--workers", type=within(_COUNTS), default=2, help="processes (%(default)s)"
    )
