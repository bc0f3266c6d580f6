"""The generated parts of the documentation are what the code says now."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference"
PUNCHCARD = Path(sys.executable).with_name("punchcard")


def test_the_generated_reference_is_not_stale(tmp_path: Path) -> None:
    # From a home of its own: other tests take guards away and put them back, which
    # PostgreSQL then spells in another way.
    environment = {**os.environ, "PUNCHCARD_HOME": str(tmp_path / "home")}
    for name in ("DATABASE_URL", "PUNCHCARD_POSTGRES_BIN"):
        environment.pop(name, None)

    def punchcard(*words: str) -> None:
        subprocess.run([PUNCHCARD, *words], env=environment, check=True, timeout=120)

    try:
        punchcard("reference", "--to", str(tmp_path))
    finally:
        punchcard("down")
    for name in ("schema.sql", "openapi.json"):
        fresh, kept = (tmp_path / name).read_bytes(), (REFERENCE / name).read_bytes()
        assert fresh == kept, f"{name} is stale: run `make schema` and commit it"
