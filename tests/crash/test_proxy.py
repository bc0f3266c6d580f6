"""The proxy itself: it changes nothing but what it is told, and knows a COMMIT."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import errors

from tests.builders import rows
from tests.crash.proxy import AFTER, BEFORE, LATE, PORT, Commits, Messages, Proxy, lossy

PATIENCE_SECONDS = 60.0
Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def proxy(test_database: None) -> Iterator[Proxy]:
    settings = connection.settings_dict
    with lossy(host=settings["HOST"], port=settings["PORT"]) as made:
        yield made


@pytest.fixture(autouse=True)
def _table(proxy: Proxy, committing: None) -> Iterator[None]:
    proxy.heal()
    connection.cursor().execute("CREATE TABLE crash_proxy (n integer)")
    yield
    connection.cursor().execute("DROP TABLE crash_proxy")


def connect(proxy: Proxy, **options: Any) -> Connection:
    settings = connection.settings_dict
    return psycopg.connect(
        host=proxy.host,
        port=PORT,
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
        **options,
    )


def there() -> list[int]:
    """Return what is committed, as a connection past the proxy sees it."""
    return [n for (n,) in rows("SELECT n FROM crash_proxy ORDER BY n")]


def insert(proxy: Proxy, n: int) -> bool:
    """Insert in a transaction; say whether the client was told of its COMMIT."""
    try:
        with connect(proxy) as session:
            session.execute("INSERT INTO crash_proxy VALUES (%s)", (n,))
    except psycopg.OperationalError:
        return False
    return True


def test_what_passes_is_unchanged_whatever_its_size(proxy: Proxy) -> None:
    before = proxy.counts()
    with connect(proxy) as session:
        text = "x" * 3_000_000
        row = session.execute("SELECT %s::text, %b::bytea", (text, b"\0" * 999))
        assert row.fetchone() == (text, b"\0" * 999)
        with session.cursor().copy("COPY crash_proxy FROM STDIN") as copy:
            for n in range(5_000):
                copy.write_row((n,))
        with pytest.raises(errors.UndefinedTable), session.transaction():
            session.execute("SELECT * FROM there_is_none")
    counts = proxy.counts() - before
    assert there() == list(range(5_000))
    assert counts == {"connections": 1, "commits": 1, "committed": 1}


def test_a_client_that_asks_for_encryption_is_told_no(proxy: Proxy) -> None:
    with connect(proxy, gssencmode="disable", sslmode="prefer") as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    messages = Messages(startup=True)
    ask = b"\0\0\0\x08\x04\xd2\x16\x2f"
    start = b"\0\0\0\x09\0\3\0\0\0"
    query = b"Q\0\0\0\x0bcommit\0"
    stream = ask + start + query
    # Cut anywhere, it is the same messages.
    found = [each for byte in stream for each in messages.feed(bytes([byte]))]
    assert found == [(b"", ask), (b"", start), (b"Q", query)]


@pytest.mark.parametrize("pipelined", [False, True], ids=["simple", "extended"])
@pytest.mark.parametrize(
    ("where", "is_there"), [(BEFORE, False), (AFTER, True), (LATE, True)]
)
def test_a_commit_is_lost_where_the_proxy_was_told(
    proxy: Proxy, where: str, is_there: bool, pipelined: bool
) -> None:
    before = proxy.counts()
    proxy.cut(where, times=1)
    session = connect(proxy)
    with pytest.raises(psycopg.OperationalError):
        if pipelined:
            with session.pipeline():
                session.execute("INSERT INTO crash_proxy VALUES (1)")
                session.commit()
        else:
            session.execute("INSERT INTO crash_proxy VALUES (1)")
            session.commit()
    session.close()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (proxy.counts() - before)[where] and time.monotonic() < deadline:
        time.sleep(0.02)
    counts = proxy.counts() - before
    assert counts[where] == 1, counts
    assert counts["committed"] == is_there, counts
    assert there() == [1] * is_there
    assert insert(proxy, 2)


def test_a_late_commit_is_under_way_when_the_client_has_gone(proxy: Proxy) -> None:
    proxy.cut(LATE, times=1, hold=True)
    assert not insert(proxy, 1)
    assert there() == []
    proxy.heal()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not there() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert there() == [1]


def test_every_third_commit_is_lost_by_turns_so_many_times(proxy: Proxy) -> None:
    proxy.cut(BEFORE, AFTER, every=3, times=3)
    told = [insert(proxy, n) for n in range(1, 13)]
    assert [n for n, was in enumerate(told, 1) if not was] == [3, 6, 9]
    assert there() == [n for n in range(1, 13) if n not in (3, 9)]


def test_one_commit_is_lost_in_so_many_seconds(proxy: Proxy) -> None:
    """And no more: on a slow machine it may be fewer."""
    before, began = proxy.counts(), time.monotonic()
    proxy.cut(AFTER, seconds=0.2)
    told: list[bool] = []
    while told.count(False) < 3:
        assert time.monotonic() < began + PATIENCE_SECONDS, told
        told.append(insert(proxy, 1))
    assert time.monotonic() >= began + 3 * 0.2
    assert (proxy.counts() - before)[AFTER] == 3
    assert len(there()) == len(told)


def test_a_commit_that_the_server_answers_with_a_rollback_is_no_cut(
    proxy: Proxy,
) -> None:
    before = proxy.counts()
    proxy.cut(AFTER)
    session = connect(proxy)
    with pytest.raises(errors.DivisionByZero):
        session.execute("SELECT 1 / 0")
    session.commit()
    session.close()
    counts = proxy.counts() - before
    assert counts == {"connections": 1, "commits": 1, "refused": 1}


@pytest.mark.parametrize(
    ("said", "commits"),
    [
        (b"COMMIT", True),
        (b" commit;", True),
        (b"Commit Work", True),
        (b"END", True),
        (b"COMMIT AND CHAIN", True),
        (b"COMMIT PREPARED 'x'", False),
        (b"SELECT 'commit'", False),
        (b"committed", False),
        (b"ROLLBACK", False),
        (b"BEGIN", False),
    ],
)
def test_a_commit_is_known_by_its_words(said: bytes, commits: bool) -> None:
    simple = b"Q" + (len(said) + 5).to_bytes(4) + said + b"\0"
    assert Commits().sees(b"Q", simple) == commits
    prepared = Commits()
    assert not prepared.sees(b"P", b"P\0\0\0\0s\0" + said + b"\0\0\0")
    assert not prepared.sees(b"B", b"B\0\0\0\0p\0s\0\0\0\0\0\0\0")
    assert prepared.sees(b"E", b"E\0\0\0\0p\0\0\0\0\0") == commits
    assert not prepared.sees(b"E", b"E\0\0\0\0other\0\0\0\0\0")
