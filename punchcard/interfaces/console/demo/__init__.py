"""`punchcard demo`: a real shop's orders as a loyalty program, and what to try."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

from punchcard.access.queries import SCOPES
from punchcard.interfaces.console import schema
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.importing.error_file import ErrorFile
from punchcard.interfaces.console.importing.following import run_import
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.console.serving import address, require_port
from punchcard.interfaces.console.up import run_parts
from punchcard.interfaces.importing.columns import ORDERS
from punchcard.interfaces.importing.csv_files import open_csv
from punchcard.interfaces.importing.orders import OrderImport, Rules
from punchcard.interfaces.importing.tally import Tally
from punchcard.journeys.create_api_key import create_api_key
from punchcard.journeys.create_program import create_program
from punchcard.journeys.import_orders import Terms
from punchcard.journeys.list_balances import list_balances
from punchcard.kernel import clock
from punchcard.programs.queries import (
    ProgramView,
    find_program_by_slug,
    list_wallets,
    program_now,
)

SLUG = "demo"
SAMPLE = Path(__file__).parent / "cdnow_sample.csv.xz"
SAMPLE_ENDS = date(1998, 6, 30)
MAPPING: Mapping[str, str] = MappingProxyType(
    {"external_id": "event_id", "occurred_at": "ts", "member": "customer"}
)
PENDING, VALIDITY = "P3D", "P365D"
RATE = Fraction(1)
"""Points per dollar."""


def run(arguments: Namespace, installation: Installation) -> int:
    """Import the sample, print what to try, and serve.

    Raises:
        Stop: the port is taken, or the database failed.
    """
    if not arguments.no_serve:
        require_port(arguments.host, arguments.port)
    schema.migrate()
    now = clock.read()
    program = _program(now)
    wallet = list_wallets(program=program.id)[0].id
    terms = Terms(
        program=program.id,
        wallet=wallet,
        rate=RATE,
        pending=PENDING,
        validity=VALIDITY,
    )
    tally = _import_sample(program, terms)
    member = _richest(terms, program_now(program))
    key = create_api_key(program=program.id, name="demo", scopes=SCOPES, now=now)
    where = address(arguments.host, arguments.port)
    sys.stdout.write(_invitation(where, key.secret, member, tally, now))
    if not arguments.no_serve:
        sys.stdout.write("\nCtrl-C stops it.\n")
        return run_parts(arguments, installation)
    return 0


def _program(now: datetime) -> ProgramView:
    """Return today's program: the one of another day ends on that day."""
    found = find_program_by_slug(slug=SLUG)
    slug = SLUG
    if found is not None and found.created_at.date() != now.date():
        slug = f"{SLUG}-{now:%Y-%m-%d}"
        found = find_program_by_slug(slug=slug)
    if found is not None:
        return found
    created = create_program(
        slug=slug,
        name="CDNOW (demonstration)",
        mode="test",
        currency="USD",
        now=now,
        pending_period=PENDING,
        validity=VALIDITY,
    )
    return created.program


def _import_sample(program: ProgramView, terms: Terms) -> Tally:
    """Import the sample, shifted by whole days so that it ends today.

    Today is the program's first day, so that whoever starts it again, or was cut
    short, posts the very same orders: they are known.
    """
    ends = program.created_at.astimezone(UTC).date()
    shift = timedelta(days=(ends - SAMPLE_ENDS).days)
    with open_csv(str(SAMPLE), ORDERS, MAPPING) as file:
        job = OrderImport(
            file=file,
            rules=Rules(
                rate=RATE,
                now=program_now(program),
                currency=program.currency,
                shift=shift,
            ),
            open_terms=lambda _: terms,
            clock=lambda: program_now(program),
        )
        return run_import(job, ErrorFile(Path("demo.errors.csv")))


def _richest(terms: Terms, now: datetime) -> str:
    """Return the member with the most points that can be spent."""
    found = list_balances(program=terms.program, wallet=terms.wallet, as_of=now)
    best = max(
        ((balance.available, member) for member, balance in found if balance),
        default=None,
    )
    if best is None:
        raise Stop("The demonstration has no members: is its sample damaged?")
    return best[1]


def _invitation(
    where: str, secret: str, member: str, tally: Tally, now: datetime
) -> str:
    account = f"{where}/v1/accounts/ext:{member}@points"
    allowed = f"-H 'Authorization: Bearer {secret}'"
    # One key for each run: the same line twice is one command, and says so.
    run_id = f"{now:%Y%m%d%H%M%S}"
    post = f"curl -sS {allowed} -H 'Content-Type: application/json'"
    return f"""
CDNOW, a music shop: {tally.rows:,} real orders, one point for each dollar, spendable
after 3 days and for a year. Shifted in time so that they end today.
(Data by Fader and Hardie; see ATTRIBUTION.txt in {SAMPLE.parent})

Address   {where}   (read and try the API at {where}/docs)
API key   {secret}   (test; shown this once)

What member {member} holds, what lapses next; then earn 100 points (spendable in 3
days), then spend 50. The same line twice is one command: its Idempotency-Key says so.

curl -sS {allowed} '{account}/balance'
{post} -H 'Idempotency-Key: earn-{run_id}' -d '{{"points": 100}}' '{account}/earn'
{post} -H 'Idempotency-Key: redeem-{run_id}' -d '{{"points": 50}}' '{account}/redeem'
"""
