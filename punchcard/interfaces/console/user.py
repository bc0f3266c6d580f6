"""`punchcard user`: the first admin of a program, and shutting somebody out."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.access.errors import UserNotFound
from punchcard.interfaces.console.choosing import choose_program
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.people.accept_invitation import make_admin_link
from punchcard.journeys.people.disable_user import disable_user, enable_user
from punchcard.kernel import clock


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Do what the verb says.

    Raises:
        Stop: there is no such program, or no such user.
        AccessMalformed: that is no e-mail address.
        LastAdmin: a program would have no admin any more.
    """
    if arguments.verb == "admin":
        _admin(arguments.program)
    elif arguments.verb == "disable":
        _switch(arguments.email, disable=True)
    else:
        _switch(arguments.email, disable=False)
    return 0


def _admin(slug: str | None) -> None:
    program = choose_program(slug)
    token = make_admin_link(program=program.id, now=clock.read())
    sys.stderr.write(
        f"Whoever sends this to POST /v1/auth/accept, with `email` and `password`, is "
        f"an admin of `{program.slug}`. It is good once, for a day:\n"
    )
    sys.stdout.write(f"{token}\n")


def _switch(email: str, *, disable: bool) -> None:
    switch = disable_user if disable else enable_user
    try:
        changed = switch(email=email, now=clock.read())
    except UserNotFound:
        raise Stop(f"Nobody has the address {email}.") from None
    state = "shut out" if disable else "let in"
    before = "" if changed else " already"
    sys.stdout.write(f"The user is {state}{before}.\n")
