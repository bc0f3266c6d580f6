"""A home with its servers for the tests of each module."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.place import Place


@pytest.fixture(scope="module")
def place(migrated: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="punchcard-worker-") as folder:
        made = Place(Path(folder) / "home")
        shutil.copytree(migrated, made.home, symlinks=True)
        made.database.ensure()
        made.broker.ensure()
        try:
            yield made
            made.database.ensure()
            assert "Clean." in made.run("verify")
        finally:
            made.database.stop()
            made.broker.stop()
