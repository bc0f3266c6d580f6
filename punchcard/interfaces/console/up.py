"""`punchcard up`: migrate, serve, and do the background work."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import NamedTuple

from django.db import connections

from punchcard.access.queries import SCOPES
from punchcard.interfaces.console import schema
from punchcard.interfaces.console.choosing import DEFAULT, list_slugs
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.console.parser import HOST
from punchcard.interfaces.console.program import require_currency
from punchcard.interfaces.console.serving import address, require_port, serve
from punchcard.interfaces.console.supervising import Part, Supervisor
from punchcard.journeys.create_api_key import create_api_key
from punchcard.journeys.create_program import create_program
from punchcard.journeys.people.accept_invitation import make_admin_link
from punchcard.kernel import clock


def run(arguments: Namespace, installation: Installation) -> int:
    """Migrate, make a test program and key if there is no program, and run all parts.

    Raises:
        Stop: the port is taken, or nobody knows the currency.
    """
    require_currency(arguments.currency)
    require_port(arguments.host, arguments.port)
    if not arguments.web_only:
        require_port(HOST, arguments.flower_port)
    schema.migrate()
    where = address(arguments.host, arguments.port)
    sys.stdout.write(f"Punchcard answers at {where} (try it at {where}/docs).\n")
    if list_slugs():
        sys.stdout.write("`punchcard key create` makes an API key.\n")
    else:
        first = _first(arguments.currency)
        sys.stdout.write(f"Test API key, shown this once: {first.secret}\n")
        sys.stdout.write(f"  curl {where}/v1/ping -i -H 'Authorization: Bearer ")
        sys.stdout.write(f"{first.secret}'\n")
        sys.stdout.write("To be its admin, once and within a day, say who you are:\n")
        sys.stdout.write(f"  curl {where}/v1/auth/accept -i --json ")
        sys.stdout.write(f"'{_acceptance(first.admin)}'\n")
    sys.stdout.write("Ctrl-C stops it.\n")
    if arguments.web_only:
        serve(arguments.host, arguments.port, arguments.workers, installation)
        return 0
    flower = Part("flower", ("flower", "--port", str(arguments.flower_port)))
    return run_parts(arguments, installation, flower)


def run_parts(arguments: Namespace, installation: Installation, *others: Part) -> int:
    """Serve and do the background work, with other parts beside, until stopped."""
    installation.start_broker()
    web = ("--host", arguments.host, "--port", str(arguments.port))
    parts = (
        Part("web", ("web", *web, "--workers", str(arguments.workers))),
        Part("worker", ("worker",)),
        Part("relay", ("relay",)),
        Part("beat", ("beat",)),
        *others,
    )
    # The parts are processes of their own: no connection is shared with them.
    connections.close_all()
    sys.stdout.flush()
    code = Supervisor(parts).run()
    ours = installation.embedded or installation.own_broker
    rest = " `punchcard down` stops the servers too." if ours else ""
    sys.stdout.write(f"Stopped.{rest}\n")
    return code


class _First(NamedTuple):
    secret: str
    admin: str
    """Token of the link that makes an admin."""


def _first(currency: str) -> _First:
    now = clock.read()
    created = create_program(
        slug=DEFAULT,
        name=DEFAULT.capitalize(),
        mode="test",
        currency=currency,
        now=now,
    )
    program = created.program.id
    key = create_api_key(program=program, name="first", scopes=SCOPES, now=now)
    token = make_admin_link(program=program, now=now)
    return _First(secret=key.secret, admin=token)


def _acceptance(token: str) -> str:
    # An empty password is refused: nobody becomes an admin by pasting this as it is.
    said = {"token": token, "email": "you@example.com", "password": ""}
    return json.dumps(said)
