"""Before Django's settings are read: a throw-away PostgreSQL for this test run.

With DATABASE_URL the tests use that server instead (and its `test_` database). Of
several processes (`-n 2`) each has a server of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.secret import SECRET_KEY

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "punchcard.project.settings")
# What is tested calls as often as it likes, and needs no Valkey; tests of the limits
# say which.
os.environ.setdefault("PUNCHCARD_RATE_LIMIT", "off")
_home: Path | None = None

if "DATABASE_URL" not in os.environ:
    from punchcard.project.servers.postgres import PostgresServer

    _home = Path(tempfile.mkdtemp(prefix="punchcard-tests-"))
    os.environ["PUNCHCARD_HOME"] = str(_home)
else:
    os.environ.setdefault("PUNCHCARD_SECRET_KEY", SECRET_KEY)
    os.environ.setdefault("PUNCHCARD_PLAIN_HTTP", "true")
    os.environ.setdefault("PUNCHCARD_ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")


def pytest_configure(config: pytest.Config) -> None:
    """Start the throw-away server, unless other processes will run the tests."""
    if _home is not None and not config.getoption("numprocesses", default=None):
        PostgresServer(_home).ensure()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the throw-away server and remove it."""
    if _home is not None:
        PostgresServer(_home).stop()
        shutil.rmtree(_home, ignore_errors=True)
