"""A seeded fault, and where the ledger's code and SQL stand."""

from __future__ import annotations

from typing import NamedTuple

LEDGER = "punchcard/ledger"
RULES = f"{LEDGER}/rules"
SQL = f"{LEDGER}/sql"


class Fault(NamedTuple):
    """A patch (`old` stands in `file` exactly once), and the test that must fail."""

    name: str
    file: str
    old: str
    new: str
    test: str
    because: str
    """What the failing test's output says: not any failure will do."""
    origin: str
