"""The ledger's two apps in a foreign Django project, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

REPOSITORY = Path(__file__).resolve().parents[2]
DATABASE = f"shop_{os.getpid()}"


@pytest.fixture(scope="module")
def story() -> Iterator[dict[str, Any]]:
    """Let the shop live through its story in a database of its own."""
    server = settings.DATABASES["default"]
    address = {
        "host": server["HOST"],
        "port": server["PORT"] or None,
        "user": server["USER"] or None,
        "password": server.get("PASSWORD") or None,
    }
    admin = {"dbname": "postgres", "autocommit": True} | address
    with psycopg.connect(**admin) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    try:
        yield _live_through(server | {"NAME": DATABASE})
    finally:
        with psycopg.connect(**admin) as connection:
            connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _live_through(server: dict[str, Any]) -> dict[str, Any]:
    known = ("NAME", "HOST", "PORT", "USER", "PASSWORD")
    database = {name: server[name] for name in known if server.get(name)}
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PUNCHCARD_", "DATABASE_URL"))
    }
    environment["DJANGO_SETTINGS_MODULE"] = "tests.standalone.shop.settings"
    environment["SHOP_DATABASE"] = json.dumps(database)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.standalone.shop.story"],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_a_foreign_project_posts_inside_its_own_transaction(
    story: dict[str, Any],
) -> None:
    assert story["bought"] == "applied"
    assert story["after"] == [100, 100]


def test_a_rollback_takes_the_points_back_with_the_row(story: dict[str, Any]) -> None:
    assert story["after broken off"] == [100, 100]
    assert story["bought then"] == "applied", "the key must be free again"


def test_a_second_post_in_its_transaction_is_refused(story: dict[str, Any]) -> None:
    assert story["posted twice"] == "SecondPost"


def test_a_post_that_a_savepoint_undid_does_not_count(story: dict[str, Any]) -> None:
    assert story["in a savepoint"] == "applied"


def test_a_post_without_a_transaction_is_refused(story: dict[str, Any]) -> None:
    assert story["without a transaction"] == "TransactionError"


def test_both_sums_agree_and_the_ledger_verifies(story: dict[str, Any]) -> None:
    assert story["at the end"] == [157, 157]
    assert story["breaches"] == []


def test_nothing_else_of_punchcard_is_imported(story: dict[str, Any]) -> None:
    assert story["imported"] == []
