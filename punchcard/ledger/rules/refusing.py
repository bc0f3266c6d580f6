"""A refusal while a command is decided."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The command is refused; nothing of it was written to the account."""

    def __init__(self, code: str, **details: Any) -> None:
        self.code = code
        self.details = details


def insufficient(available: int, required: int) -> Refused:
    """Return the refusal of a spend that the account does not have."""
    return missing(available, required, required - available)


def missing(available: int, required: int, short: int) -> Refused:
    """Return the refusal of `required` points where `short` of them are not there."""
    return Refused(
        "insufficient_points", available=available, required=required, missing=short
    )


def lot_text(lot: tuple[int, int]) -> str:
    """Return a lot's name as it is written: `17.1`."""
    return f"{lot[0]}.{lot[1]}"
