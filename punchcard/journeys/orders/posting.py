"""The one post of a transaction, for several who have commands in it."""

from __future__ import annotations

from datetime import datetime

from punchcard.ledger.commands import Command
from punchcard.ledger.operations import post
from punchcard.ledger.outcomes import Outcome


class Posting:
    """Commands that are gathered first, posted once, and then asked about."""

    def __init__(self) -> None:
        """Begin without commands."""
        self._commands: list[Command] = []
        self._outcomes: list[Outcome] = []

    def add(self, command: Command) -> int:
        """Take a command along; return the place of its outcome."""
        self._commands.append(command)
        return len(self._commands) - 1

    def post(self, *, now: datetime) -> None:
        """Post what was gathered, in its order.

        Raises:
            TransactionError: no transaction is open.
        """
        self._outcomes = post(commands=self._commands, now=now)

    def outcome(self, place: int) -> Outcome:
        """Return what became of the command at a place."""
        return self._outcomes[place]
