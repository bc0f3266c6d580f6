"""A server of our own, that may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections

from punchcard.project.servers.postgres import PostgresServer, temporary
from tests.crash.running import ALIAS


@pytest.fixture(scope="module")
def server(test_database: None) -> Iterator[PostgresServer]:
    """Run a server of our own, migrated, known to Django as another database."""
    with temporary("pc-crash-") as made:
        address = made.dsn()
        connections.databases[ALIAS] = connections.databases["default"] | {
            "NAME": address["dbname"],
            "USER": address["user"],
            "PASSWORD": "",
            "HOST": address["host"],
            "PORT": str(address["port"]),
        }
        try:
            yield made
        finally:
            connections[ALIAS].close()
            # This thread's connection knows the server that has gone.
            del connections[ALIAS], connections.databases[ALIAS]
