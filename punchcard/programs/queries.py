"""Reads of programs and wallets: frozen structs out, never rows of the ORM."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from django.db.models import Q

from punchcard.kernel import clock, sql

from . import errors
from .models import Place, Program


class ProgramView(msgspec.Struct, frozen=True, kw_only=True):
    """A program as it stands."""

    id: UUID
    slug: str
    name: str
    mode: str
    currency: str
    time_zone: str
    clock_at: datetime | None
    self_registration: bool
    created_at: datetime

    @property
    def is_test(self) -> bool:
        """Whether it is a test program, which may have a clock of its own."""
        return self.mode == Program.Mode.TEST


class WalletView(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet and its policy; durations are ISO 8601 text, amounts minor units."""

    id: UUID
    program: UUID
    code: str
    name: str
    scale: int
    pending_period: str
    validity: str | None
    grace: str
    debt_policy: str
    hold_time_max: str
    idle: str | None
    limit_per_command: int | None
    limit_per_day: int | None
    limit_per_month: int | None
    created_at: datetime


class ConfigurationView(msgspec.Struct, frozen=True, kw_only=True):
    """A version of what a program is like, and since when it is in force."""

    program: UUID
    version: int
    effective_from: datetime
    document: dict[str, Any]
    note: str
    actor: str
    created_at: datetime


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A shop, a till, a counter."""

    id: UUID
    code: str
    name: str
    created_at: datetime


def program_now(program: ProgramView) -> datetime:
    """Return the instant it is in the program: its own clock's, or the real one."""
    if program.clock_at is not None and program.is_test:
        return program.clock_at
    return clock.read()


def get_program(*, program: UUID) -> ProgramView:
    """Return a program.

    Raises:
        ProgramNotFound: there is none with this id.
    """
    cursor = sql.cursor()
    cursor.execute(_PROGRAM + "WHERE id = %s", (program,), prepare=True)
    row = cursor.fetchone()
    if row is None:
        raise errors.ProgramNotFound
    return _program(row)


def find_program_by_slug(*, slug: str) -> ProgramView | None:
    """Return the program with this slug, or None."""
    if "\0" in slug:
        return None
    cursor = sql.cursor()
    cursor.execute(_PROGRAM + "WHERE slug = %s", (slug,), prepare=True)
    row = cursor.fetchone()
    return None if row is None else _program(row)


def list_programs(*, limit: int, mode: str | None = None) -> list[ProgramView]:
    """Return the first `limit` programs by slug, of one mode or of both."""
    cursor = sql.cursor()
    ordered = _PROGRAM + "WHERE %s::text IS NULL OR mode = %s ORDER BY slug LIMIT %s"
    cursor.execute(ordered, (mode, mode, limit), prepare=True)
    return [_program(row) for row in cursor]


def get_wallet(*, wallet: UUID) -> WalletView:
    """Return a wallet.

    Raises:
        WalletNotFound: there is none with this id.
    """
    cursor = sql.cursor()
    cursor.execute(_WALLET + "WHERE id = %s", (wallet,), prepare=True)
    row = cursor.fetchone()
    if row is None:
        raise errors.WalletNotFound
    return _wallet(row)


def find_wallet_by_code(*, program: UUID, code: str) -> WalletView | None:
    """Return the program's wallet with this code, or None."""
    wallets = list_wallets(program=program)
    return next((wallet for wallet in wallets if wallet.code == code), None)


def list_wallets(*, program: UUID) -> list[WalletView]:
    """Return all wallets of a program, by code."""
    cursor = sql.cursor()
    ordered = _WALLET + "WHERE program_id = %s ORDER BY code"
    cursor.execute(ordered, (program,), prepare=True)
    return [_wallet(row) for row in cursor]


def name_wallets() -> dict[UUID, tuple[str, str]]:
    """Return the slug and the code by which people know each wallet."""
    cursor = sql.cursor()
    cursor.execute(
        "SELECT w.id, p.slug, w.code FROM programs_wallet w"
        " JOIN programs_program p ON p.id = w.program_id"
    )
    return {wallet: (slug, code) for wallet, slug, code in cursor}


def get_configuration(*, program: UUID, version: int) -> ConfigurationView:
    """Return a version of a program's configuration.

    Raises:
        ConfigurationNotFound: it has none with this number.
    """
    rows = _configurations("version = %(version)s", program, version=version)
    if not rows:
        raise errors.ConfigurationNotFound
    return rows[0]


def list_configurations(
    *, program: UUID, limit: int, before: int | None = None
) -> list[ConfigurationView]:
    """Return the versions of a program's configuration, the newest first."""
    condition: LiteralString = (
        "(%(before)s::int IS NULL OR version < %(before)s)"
        " ORDER BY version DESC LIMIT %(limit)s"
    )
    return _configurations(condition, program, before=before, limit=limit)


def configurations_at(
    *, program: UUID, instants: Collection[datetime]
) -> dict[datetime, ConfigurationView | None]:
    """Return what is in force at each instant; two statements, however many.

    Of the versions that are in force from then or earlier it is the newest, so that
    a later version can correct what an earlier one said of a time that has passed.
    """
    versions = versions_at(program=program, instants=instants)
    wanted = {version for version in versions.values() if version is not None}
    rows = find_configurations(program=program, versions=wanted)
    found = {one.version: one for one in rows}
    return {
        at: None if version is None else found[version]
        for at, version in versions.items()
    }


def versions_at(
    *, program: UUID, instants: Collection[datetime]
) -> dict[datetime, int | None]:
    """Return the number of what is in force at each instant; one statement."""
    cursor = sql.cursor()
    cursor.execute(
        """
        SELECT at, (
            SELECT max(c.version) FROM programs_configuration c
            WHERE c.program_id = %(program)s AND c.effective_from <= at)
        FROM unnest(%(instants)s) AS asked (at)
        """,
        {"program": program, "instants": sql.Instants(sorted(set(instants)))},
    )
    found = dict(cursor.fetchall())
    # What a wall clock shows twice equals nothing in another zone.
    return {at: found[at.astimezone(UTC)] for at in instants}


def instants_of_change(*, program: UUID, after: datetime) -> list[datetime]:
    """Return when versions say that they come into force, after an instant."""
    cursor = sql.cursor()
    cursor.execute(
        "SELECT DISTINCT effective_from FROM programs_configuration"
        " WHERE program_id = %s AND effective_from > %s ORDER BY 1",
        (program, after),
    )
    return [at for (at,) in cursor]


def last_version(*, program: UUID) -> int:
    """Return the number of the last version of a configuration; 0: there is none."""
    cursor = sql.cursor()
    cursor.execute(
        "SELECT coalesce(max(version), 0) FROM programs_configuration"
        " WHERE program_id = %s",
        (program,),
    )
    ((last,),) = cursor.fetchall()
    return int(last)


def find_configurations(
    *, program: UUID, versions: Collection[int]
) -> list[ConfigurationView]:
    """Return those of these versions that there are."""
    condition: LiteralString = "version = ANY(%(versions)s)"
    return _configurations(condition, program, versions=sql.Int8s(sorted(versions)))


def _configurations(
    condition: LiteralString, program: UUID, **asked: object
) -> list[ConfigurationView]:
    cursor = sql.cursor()
    cursor.execute(
        "SELECT version, effective_from, document::text, note, actor, created_at"
        f" FROM programs_configuration WHERE program_id = %(program)s AND {condition}",
        {"program": program, **asked},
    )
    return [
        ConfigurationView(
            program=program,
            version=version,
            effective_from=effective_from,
            document=msgspec.json.decode(document),
            note=note,
            actor=actor,
            created_at=created_at,
        )
        for version, effective_from, document, note, actor, created_at in cursor
    ]


def get_place(*, program: UUID, place: UUID) -> PlaceView:
    """Return a place of this program.

    Raises:
        PlaceNotFound: it has none with this id.
    """
    rows = Place.objects.filter(pk=place, program_id=program)
    row = rows.values(*PlaceView.__struct_fields__).first()
    if row is None:
        raise errors.PlaceNotFound
    return PlaceView(**row)


def list_places(
    *, program: UUID, limit: int, after: str | None = None
) -> list[PlaceView]:
    """Return places by code, after a code."""
    rows = Place.objects.filter(program_id=program)
    if after is not None:
        rows = rows.filter(code__gt=after)
    ordered = rows.order_by("code").values(*PlaceView.__struct_fields__)
    return [PlaceView(**row) for row in ordered[:limit]]


def find_places(
    *, program: UUID, ids: Collection[UUID] = (), codes: Collection[str] = ()
) -> list[PlaceView]:
    """Return, by code, the places of this program with such an id or such a code."""
    # PostgreSQL knows no NUL in text, so such a code is no place's.
    named = [code for code in codes if "\0" not in code]
    wanted = Q(id__in=list(ids)) | Q(code__in=named)
    rows = Place.objects.filter(wanted, program_id=program).order_by("code")
    return [PlaceView(**row) for row in rows.values(*PlaceView.__struct_fields__)]


@lru_cache(maxsize=10_000)
def program_of_wallet(wallet: UUID) -> UUID:
    """Return the program that a wallet belongs to; it never changes, so it is kept.

    Raises:
        WalletNotFound: there is none with this id.
    """
    return get_wallet(wallet=wallet).program


# Read on every call of the API, so in plain prepared SQL: the ORM takes five times
# as long to say the same.
_PROGRAM: LiteralString = """
    SELECT id, slug, name, mode, currency, time_zone, clock_at, self_registration,
        created_at
    FROM programs_program
"""
_WALLET: LiteralString = """
    SELECT id, program_id, code, name, scale, pending_period, validity, grace,
        debt_policy, hold_time_max, idle, limit_per_command, limit_per_day,
        limit_per_month, created_at
    FROM programs_wallet
"""


def _program(row: Sequence[Any]) -> ProgramView:
    names = ProgramView.__struct_fields__
    return ProgramView(**dict(zip(names, row, strict=True)))


def _wallet(row: Sequence[Any]) -> WalletView:
    return WalletView(**dict(zip(WalletView.__struct_fields__, row, strict=True)))
