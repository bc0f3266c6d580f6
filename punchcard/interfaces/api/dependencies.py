"""What we work with, asked one by one, and what we cannot answer without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

import psycopg
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from .broker import broker_answers

State = Literal["up", "down"]

BROKEN = (DatabaseError, InterfaceError, psycopg.Error)


class Dependency(NamedTuple):
    """One of them."""

    is_up: Callable[[], bool]
    needed: bool = True
    """Whether nothing can be answered without it."""
    after: str | None = None
    """What it is part of: where that is down, it is not asked."""


def ask_dependencies() -> Mapping[str, State]:
    """Ask each in order; what is part of one that is down is not asked."""
    answers: dict[str, State] = {}
    for name, dependency in DEPENDENCIES.items():
        if dependency.after is None or answers.get(dependency.after) == "up":
            answers[name] = "up" if dependency.is_up() else "down"
    return answers


def is_ready(answers: Mapping[str, State]) -> bool:
    """Return whether all that is needed is up."""
    return all(
        answers.get(name) == "up"
        for name, dependency in DEPENDENCIES.items()
        if dependency.needed
    )


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


DEPENDENCIES: Mapping[str, Dependency] = {
    "database": Dependency(database_answers),
    "migrations": Dependency(tables_are_ours, after="database"),
    "broker": Dependency(broker_answers, needed=False),
}


@lru_cache(maxsize=1)
def _needed() -> frozenset[tuple[str, str]]:
    """Return the migrations that this version ships with; they are files, read once."""
    loader = MigrationLoader(None)
    return frozenset(loader.disk_migrations or ())
