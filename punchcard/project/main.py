"""The `punchcard` command: bring up what a command needs, run it, explain failures."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path

from punchcard.interfaces.console.arguments import BROKER, NOTHING, SCHEMA
from punchcard.interfaces.console.failures import (
    FAILED,
    INTERRUPTED,
    Stop,
    explain,
)
from punchcard.interfaces.console.parser import build_parser
from punchcard.journeys.sealing.place import Sealing
from punchcard.project import env
from punchcard.project.env import EnvironmentMistake
from punchcard.project.servers.errors import ServerError
from punchcard.project.servers.postgres import PostgresServer, find_binaries
from punchcard.project.servers.valkey import ValkeyServer

DEBUG = "PUNCHCARD_DEBUG"


class HomeInstallation:
    """The installation that the settings describe."""

    def __init__(
        self, home: Path, *, embedded: bool, own_broker: bool, sealing: Sealing
    ) -> None:
        """Take the home folder, which servers in it are used, and how to seal."""
        self.home = home
        self.embedded = embedded
        self.own_broker = own_broker
        self.sealing = sealing

    def start(self) -> None:
        """See to it that the embedded database server answers."""
        if self.embedded:
            PostgresServer(self.home).ensure()

    def start_broker(self) -> None:
        """See to it that the embedded broker answers."""
        if self.own_broker:
            ValkeyServer(self.home).ensure()

    def stop(self) -> bool:
        """Stop the embedded servers; False if none was running."""
        # The broker first: what it hands out is done in the database.
        stopped = self.own_broker and ValkeyServer(self.home).stop()
        if self.embedded:
            stopped = PostgresServer(self.home).stop() or stopped
        return stopped

    def binaries(self) -> Path:
        """Return the folder of the embedded server's programs."""
        return find_binaries()


def main() -> int:
    """Run the command of the command line; return the exit code."""
    arguments = build_parser().parse_args()
    try:
        code = _run(arguments)
        # A full disk shows when the last line is written, not before.
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("\npunchcard: Interrupted; what was under way is undone.\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us (`| head`) has seen enough: nothing more can be written.
        _silence(sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback
        _silence_if_broken()
        return _fail(error)
    return code


def _run(arguments: Namespace) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "punchcard.project.settings")
    settings = import_module("punchcard.project.settings")
    sealing = Sealing(settings.SEALS, settings.SEAL_KEY, settings.SEAL_KEPT_KEY)
    installation = HomeInstallation(
        settings.HOME,
        embedded=settings.EMBEDDED,
        own_broker=settings.OWN_BROKER,
        sealing=sealing,
    )
    if arguments.needs != NOTHING:
        import_module("django").setup()
        installation.start()
    console = "punchcard.interfaces.console"
    if arguments.needs in {SCHEMA, BROKER}:
        import_module(f"{console}.schema").require_schema()
    if arguments.needs == BROKER:
        import_module("punchcard.project.celery")
        installation.start_broker()
    if arguments.needs != NOTHING:
        # After Celery: whose task it is comes first, and then its trace.
        import_module("punchcard.project.telemetry").begin()
    code: int = import_module(f"{console}.{arguments.module}").run(
        arguments, installation
    )
    return code


def _fail(error: Exception) -> int:
    """Say what went wrong in a sentence; return the exit code."""
    if _debugs():
        sys.excepthook(type(error), error, error.__traceback__)
    if isinstance(error, ServerError | EnvironmentMistake):
        sentence: str | None = str(error)
    else:
        sentence = explain(error)
    if sentence is None:
        sentence = (
            f"Something went wrong that nobody foresaw: {type(error).__name__}: "
            f"{error} (set {DEBUG}=1 to see where)."
        )
    sys.stderr.write(f"punchcard: {sentence}\n")
    return error.code if isinstance(error, Stop) else FAILED


def _debugs() -> bool:
    try:
        return env.flag(DEBUG, default=False)
    except EnvironmentMistake:
        # The settings have said so already: that is the error being told.
        return False


def _silence_if_broken() -> None:
    """Keep Python from failing once more, at exit, on what cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        _silence(sys.stdout.fileno())


def _silence(descriptor: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
