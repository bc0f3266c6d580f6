"""`punchcard reference`: the parts of the documentation that the code writes."""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

from django.db import connection

from punchcard.interfaces.api.documents import openapi_document
from punchcard.interfaces.console import schema
from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation

PATIENCE_SECONDS = 120
HEADER = "-- Written by `make schema` from the migrations; not by hand.\n\n"

# What says by which version or for which session it was dumped, and not what there is.
_CHANCE = re.compile(
    r"^(--|-- PostgreSQL database dump.*|-- Dumped .*|-- Name: .*|SET [a-z_]+ = .*;"
    r"|SELECT pg_catalog\.set_config\(.*|\\(un)?restrict .*)$"
)


def run(arguments: Namespace, installation: Installation) -> int:
    """Write `schema.sql` and `openapi.json`; the same code writes the same bytes.

    Raises:
        Stop: there is no embedded server, or its tables cannot be written down.
    """
    if not installation.embedded:
        raise Stop("Leave out DATABASE_URL: this reads the embedded server's tables.")
    schema.migrate()
    folder = Path(arguments.to)
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "schema.sql": schema_text(installation.binaries()).encode(),
        "openapi.json": openapi_document(),
    }
    for name, contents in written.items():
        (folder / name).write_bytes(contents)
        sys.stdout.write(f"{folder / name}\n")
    return 0


def schema_text(binaries: Path) -> str:
    """Return the tables, guards and indexes of Django's database, as SQL.

    Raises:
        Stop: pg_dump is missing, or fails.
    """
    program = binaries / "pg_dump"
    if not program.exists():
        raise Stop(f"There is no pg_dump in {binaries}: install PostgreSQL's clients.")
    where = connection.settings_dict
    done = subprocess.run(
        [
            program,
            "--schema-only",
            "--no-owner",
            "--no-privileges",
            f"--host={where['HOST']}",
            f"--port={where['PORT']}",
            f"--username={where['USER']}",
            str(where["NAME"]),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise Stop(f"pg_dump failed: {done.stderr.strip()}")
    return HEADER + _plain(done.stdout)


def _plain(dump: str) -> str:
    """Leave out versions, dates and headings; paragraphs stay apart by one line."""
    kept = [line if not _CHANCE.match(line) else "" for line in dump.splitlines()]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(kept))
    return text.strip() + "\n"
