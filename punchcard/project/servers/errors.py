"""What can go wrong with a local server, in sentences."""

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


class ServerError(Exception):
    """A local server cannot be started, reached or stopped; says why in a sentence."""

    def __init__(self, sentence: str, *, output: str = "") -> None:
        """Take the sentence, and the last lines that the server or its tool wrote."""
        self.sentence = sentence
        self.output = output
        lines = [f"  | {line}" for line in output.splitlines()]
        super().__init__("\n".join([sentence, *lines]))


class ServerExitedError(ServerError):
    """The server process ended before it was ready."""


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn what the operating system refuses into a sentence.

    Raises:
        ServerError: in place of any OSError or timeout of a command.
    """
    try:
        yield
    except subprocess.TimeoutExpired as failure:
        sentence = f"Gave up {doing} after {failure.timeout:.0f} s."
        raise ServerError(sentence) from failure
    except OSError as failure:
        reason = failure.strerror or str(failure)
        if failure.errno == errno.ENOSPC:
            reason = "the disk is full"
        where = f" ({failure.filename})" if failure.filename else ""
        raise ServerError(f"Failed {doing}: {reason}{where}.") from failure


def last_lines(text: str, *, count: int = 12) -> str:
    """Return the last non-empty lines of a log."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])
