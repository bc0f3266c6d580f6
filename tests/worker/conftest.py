"""One home with its servers for all tests of background work."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.place import Place


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="punchcard-worker-") as folder:
        made = Place(Path(folder) / "home")
        made.run("migrate")
        made.broker.ensure()
        try:
            yield made
            assert "Clean." in made.run("verify")
        finally:
            made.run("down")
