"""The pooler that the tests run behind: what it lends, and what it finds fault with."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from punchcard.project.servers.postgres import Address, PostgresServer, temporary
from tests.pooling.pooler import Pooler, leaves_behind, pooling


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with temporary("pc-pooled-") as made:
        yield made


@pytest.fixture
def pooler(server: PostgresServer) -> Iterator[Pooler]:
    address = server.dsn()
    with pooling(host=address["host"], port=address["port"], sessions=2) as made:
        yield made


def connect(server: PostgresServer, pooler: Pooler) -> psycopg.Connection[tuple[int]]:
    address: Address = server.dsn()
    return psycopg.connect(
        host=pooler.host,
        port=pooler.port,
        user=address["user"],
        dbname=address["dbname"],
        autocommit=True,
        prepare_threshold=None,
    )


def backend(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return row[0]


def test_a_transaction_has_one_session_and_the_next_one_another(
    server: PostgresServer, pooler: Pooler
) -> None:
    with connect(server, pooler) as connection:
        with connection.transaction():
            first = {backend(connection) for _ in range(3)}
        assert len(first) == 1
        second = backend(connection)
        assert {second} != first
        assert {backend(connection)} == first
        assert pooler.counts().lent == [2, 1]


def test_many_clients_share_two_sessions(
    server: PostgresServer, pooler: Pooler
) -> None:
    clients = [connect(server, pooler) for _ in range(6)]
    try:
        assert len({backend(client) for client in clients}) == 2
        assert pooler.counts().clients == 6
    finally:
        for client in clients:
            client.close()


def test_what_is_copied_passes(server: PostgresServer, pooler: Pooler) -> None:
    with connect(server, pooler) as connection:
        connection.execute("CREATE TABLE copied (n int)")
        with connection.cursor() as cursor:
            with cursor.copy("COPY copied FROM STDIN") as copy:
                for number in range(1000):
                    copy.write_row((number,))
        row = connection.execute("SELECT count(*) FROM copied").fetchone()
        assert row == (1000,)
    assert pooler.counts().left == []


def test_who_goes_away_in_a_transaction_leaves_nothing_done(
    server: PostgresServer, pooler: Pooler
) -> None:
    with connect(server, pooler) as connection:
        connection.execute("CREATE TABLE lost (n int)")
        gone = connect(server, pooler)
        gone.execute("BEGIN")
        gone.execute("INSERT INTO lost VALUES (1)")
        gone.pgconn.finish()
        for _ in range(4):
            assert connection.execute("SELECT n FROM lost").fetchone() is None
    assert pooler.counts().cut == 1


def test_a_parameter_of_the_session_is_found(
    server: PostgresServer, pooler: Pooler
) -> None:
    with psycopg.connect(
        host=pooler.host,
        port=pooler.port,
        user=server.dsn()["user"],
        dbname=server.dsn()["dbname"],
        options="-c work_mem=1MB",
    ):
        pass
    assert pooler.counts().left == ["a parameter of the session: options"]


LEFT = [
    "SET work_mem = '1MB'",
    "set session work_mem to '1MB'",
    "SET TIME ZONE 'UTC'",
    "RESET ALL",
    "LISTEN news",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock(%s)",
    "select 1, pg_advisory_lock_shared (1)",
    "SELECT set_config('TimeZone', $1, false)",
    "SELECT set_config('work_mem', '1MB', FALSE), 1",
    "CREATE TEMPORARY TABLE t (n int)",
    "  create temp table t as select 1",
    "DECLARE c NO SCROLL CURSOR\n  WITH HOLD FOR SELECT 1",
    "PREPARE p AS SELECT 1",
    "DEALLOCATE ALL",
    "SET LOCAL work_mem = '1MB'; SET jit = off",
]
GONE = [
    "SELECT 1",
    "BEGIN",
    "SET LOCAL work_mem = '1MB'; SET LOCAL jit = off",
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "SELECT pg_advisory_xact_lock(1), pg_try_advisory_xact_lock(2)",
    "SELECT set_config('punchcard.posted', 'yes', TRUE)",
    "DECLARE c NO SCROLL CURSOR FOR SELECT 1",
    "UPDATE t SET n = 1",
    "NOTIFY news",
]


@pytest.mark.parametrize("text", LEFT)
def test_what_stays_in_a_session_is_found(text: str) -> None:
    assert leaves_behind(b"Q", b"Q\0\0\0\0" + text.encode() + b"\0") is not None
    parse = b"P\0\0\0\0\0" + text.encode() + b"\0\0\0"
    assert (leaves_behind(b"P", parse) is not None) == (";" not in text)


@pytest.mark.parametrize("text", GONE)
def test_what_ends_with_its_transaction_is_not(text: str) -> None:
    assert leaves_behind(b"Q", b"Q\0\0\0\0" + text.encode() + b"\0") is None
    assert leaves_behind(b"P", b"P\0\0\0\0\0" + text.encode() + b"\0\0\0") is None


def test_a_statement_with_a_name_is_found() -> None:
    parse = b"P\0\0\0\0_pg3_0\0SELECT 1\0\0\0"
    assert leaves_behind(b"P", parse) == "a prepared statement: SELECT 1"
