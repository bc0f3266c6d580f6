"""A home whose processes reach their database through a pooler."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pooling.poolers import POOLERS, pooled
from tests.worker.place import Place


@pytest.fixture(scope="module", params=POOLERS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Run a home's servers behind a pooler; its tables are made through it."""
    with tempfile.TemporaryDirectory(prefix="punchcard-pooling-") as folder:
        made = Place(Path(folder) / "home")
        made.database.ensure()
        try:
            with pooled(request.param, made.database) as (url, transactions):
                made.settings["PUNCHCARD_POOLER_URL"] = url
                made.run("migrate")
                assert transactions() > 0, "and not past it"
                made.broker.ensure()
                yield made
                assert "Clean." in made.run("verify")
        finally:
            made.settings.clear()
            made.run("down")
