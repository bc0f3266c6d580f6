"""What a command may ask of the installation it runs in; `project` provides it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from punchcard.journeys.sealing.place import Sealing


class Installation(Protocol):
    """The servers of one's own, if there are any."""

    embedded: bool
    """Whether Punchcard runs its own PostgreSQL (no DATABASE_URL is set)."""
    own_broker: bool
    """Whether it runs its own Valkey (no REDIS_URL is set)."""
    sealing: Sealing

    def start(self) -> None:
        """See to it that the embedded server answers; do nothing with another one.

        Raises:
            ServerError: it cannot be started; says why.
        """

    def start_broker(self) -> None:
        """See to it that the embedded broker answers; do nothing with another one.

        Raises:
            ServerError: it cannot be started; says why.
        """

    def stop(self) -> bool:
        """Stop the embedded servers; False if none was running.

        Raises:
            ServerError: it cannot be stopped; says why.
        """

    def binaries(self) -> Path:
        """Return the folder of the embedded server's programs.

        Raises:
            ServerError: there is none.
        """
