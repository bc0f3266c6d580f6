"""What we cannot work without, asked one by one: the first that is down is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

import psycopg
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

State = Literal["up", "down"]

BROKEN = (DatabaseError, InterfaceError, psycopg.Error)


def ask_dependencies() -> Mapping[str, State]:
    """Ask each in order; after one that is down, what builds on it is not asked."""
    answers: dict[str, State] = {}
    for name, is_up in CHECKS.items():
        answers[name] = "up" if is_up() else "down"
        if answers[name] == "down":
            break
    return answers


def database_answers() -> bool:
    """Return whether the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except BROKEN:
        return False
    return True


def tables_are_ours() -> bool:
    """Return whether the tables are those of this version, or of a later one."""
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except BROKEN:
        return False
    return _needed() <= set(applied)


CHECKS: Mapping[str, Callable[[], bool]] = {
    "database": database_answers,
    "migrations": tables_are_ours,
}


@lru_cache(maxsize=1)
def _needed() -> frozenset[tuple[str, str]]:
    """Return the migrations that this version ships with; they are files, read once."""
    loader = MigrationLoader(None)
    return frozenset(loader.disk_migrations or ())
