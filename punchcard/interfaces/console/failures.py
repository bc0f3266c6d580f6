"""Why a command stops, in one sentence for the person who typed it."""

from __future__ import annotations

import errno

import psycopg
from django.db import Error as DjangoDatabaseError

FAILED = 1
INTERRUPTED = 130
_DISK_FULL = "53100"


class Stop(Exception):
    """The command cannot go on; says what is wrong and where, in a sentence."""

    def __init__(self, sentence: str, *, code: int = FAILED) -> None:
        """Take the sentence and the exit code."""
        super().__init__(sentence)
        self.code = code


def explain(error: BaseException) -> str | None:
    """Return a sentence about a known failure, None for one that nobody foresaw."""
    if isinstance(error, Stop):
        return str(error)
    if isinstance(error, DjangoDatabaseError | psycopg.Error):
        return _of_database(error)
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(getattr(error, "code", None), str):
        # A room's refusal: its text, or what its class says of itself.
        return str(error) or (type(error).__doc__ or "").partition("\n")[0]
    return None


def is_lost(error: BaseException) -> bool:
    """Whether the database stopped, was never there, or cut the connection."""
    cause = _driver_error(error)
    kinds = (psycopg.OperationalError, psycopg.InterfaceError)
    return isinstance(cause, kinds)


def _of_database(error: BaseException) -> str:
    cause = _driver_error(error)
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    said = str(cause).strip().partition("\n")[0] or type(cause).__name__
    if state == _DISK_FULL:
        return f"The database's disk is full: {said}."
    if is_lost(error):
        return f"The database does not answer: {said}."
    return f"The database refuses: {said}."


def _driver_error(error: BaseException) -> BaseException:
    """Return psycopg's error inside Django's."""
    cause = error.__cause__
    return cause if isinstance(cause, psycopg.Error) else error


def _of_system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{where}the disk is full."
    return f"{where}{error.strerror or error}."
