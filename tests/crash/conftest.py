"""A server of our own, that may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from punchcard.project.servers.postgres import PostgresServer
from tests.crash.running import known_server


@pytest.fixture(scope="module")
def server(test_database: None) -> Iterator[PostgresServer]:
    """Run a server of our own, migrated, known to Django as another database."""
    with known_server() as made:
        yield made
