"""One size parameter: `make test` runs every test small, `make soak` at full size."""

from __future__ import annotations

import os

SOAK = os.environ.get("PUNCHCARD_TEST_SIZE", "small") == "soak"


def size(small: int, soak: int) -> int:
    """Return how big this run is."""
    return soak if SOAK else small
