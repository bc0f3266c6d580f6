"""`punchcard flower`: watch workers and tasks in a browser, until it is stopped."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import signal
import sys
from argparse import Namespace
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.db import connections
from flower.app import Flower
from flower.options import default_options as options
from flower.urls import settings as pages

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.console.serving import address, require_port

NAME = "punchcard"
"""Of who signs in with the password that was made here."""


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Serve Flower until SIGINT or SIGTERM; nobody comes in without a password.

    Raises:
        Stop: others could reach it and no password was set, or the port is taken.
    """
    who = choose_login(settings.FLOWER_AUTH, arguments.host)
    require_port(arguments.host, arguments.port)
    # It asks the broker and the workers, never the database.
    connections.close_all()
    options.address, options.port = arguments.host, arguments.port
    options.basic_auth = [who]
    flower = Flower(capp=current_app, options=options, **pages)
    # By the loop, between its callbacks. See Note [A stop is never lost].
    for number in (signal.SIGINT, signal.SIGTERM):
        flower.io_loop.asyncio_loop.add_signal_handler(number, flower.io_loop.stop)
    flower.start_http_server()
    sys.stdout.write(f"Flower answers at {address(arguments.host, arguments.port)}")
    if settings.FLOWER_AUTH is None:
        sys.stdout.write(f" (user {NAME}, password in {_kept()})")
    sys.stdout.write(".\n")
    sys.stdout.flush()
    flower.start()
    flower.stop()
    return 0


def choose_login(given: str | None, host: str) -> str:
    """Return `name:password`: what was set, or one of our own on this machine only.

    A page of the web can send requests to this machine too: so even here nobody comes
    in without a password.

    Raises:
        Stop: there is none, and others can reach the host; or it is not of that form.
    """
    if given is not None:
        name, _, password = given.partition(":")
        if not name or len(password) < 10:
            raise Stop(
                "PUNCHCARD_FLOWER_AUTH: say name:password, 10 characters at least."
            )
        return given
    if not _is_loopback(host):
        raise Stop(
            f"Others can reach {host}: set PUNCHCARD_FLOWER_AUTH to name:password."
        )
    return f"{NAME}:{_keep_password()}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _kept() -> Path:
    return Path(settings.HOME) / "flower_password"


def _keep_password() -> str:
    """Derive the password from the secret key, and lay it where its owner finds it."""
    secret = settings.SECRET_KEY.encode()
    password = hmac.digest(secret, b"punchcard.flower", hashlib.sha256).hex()[:32]
    _kept().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(_kept(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{password}\n")
    return password
