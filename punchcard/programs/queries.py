"""Reads of programs and wallets: frozen structs out, never rows of the ORM."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import msgspec
from django.db.models import QuerySet

from punchcard.kernel import clock

from . import errors
from .models import Program, Wallet


class ProgramView(msgspec.Struct, frozen=True, kw_only=True):
    """A program as it stands."""

    id: UUID
    slug: str
    name: str
    mode: str
    currency: str
    time_zone: str
    clock_at: datetime | None
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
    row = Program.objects.filter(pk=program).values_list(*_PROGRAM_FIELDS).first()
    if row is None:
        raise errors.ProgramNotFound
    return _program(row)


def find_program_by_slug(*, slug: str) -> ProgramView | None:
    """Return the program with this slug, or None."""
    if "\0" in slug:
        return None
    row = Program.objects.filter(slug=slug).values_list(*_PROGRAM_FIELDS).first()
    return None if row is None else _program(row)


def get_wallet(*, wallet: UUID) -> WalletView:
    """Return a wallet.

    Raises:
        WalletNotFound: there is none with this id.
    """
    found = _wallets(Wallet.objects.filter(pk=wallet))
    if not found:
        raise errors.WalletNotFound
    return found[0]


def find_wallet_by_code(*, program: UUID, code: str) -> WalletView | None:
    """Return the program's wallet with this code, or None."""
    if "\0" in code:
        return None
    found = _wallets(Wallet.objects.filter(program_id=program, code=code))
    return found[0] if found else None


def list_wallets(*, program: UUID) -> list[WalletView]:
    """Return all wallets of a program, by code."""
    return _wallets(Wallet.objects.filter(program_id=program).order_by("code"))


@lru_cache(maxsize=10_000)
def program_of_wallet(wallet: UUID) -> UUID:
    """Return the program that a wallet belongs to; it never changes, so it is kept.

    Raises:
        WalletNotFound: there is none with this id.
    """
    program: UUID | None = (
        Wallet.objects.filter(pk=wallet).values_list("program_id", flat=True).first()
    )
    if program is None:
        raise errors.WalletNotFound
    return program


_PROGRAM_FIELDS: Sequence[str] = ProgramView.__struct_fields__
_WALLET_FIELDS = [
    "program_id" if name == "program" else name for name in WalletView.__struct_fields__
]


def _program(row: tuple[object, ...]) -> ProgramView:
    return msgspec.convert(dict(zip(_PROGRAM_FIELDS, row, strict=True)), ProgramView)


def _wallets(rows: QuerySet[Wallet]) -> list[WalletView]:
    names = WalletView.__struct_fields__
    return [
        msgspec.convert(dict(zip(names, row, strict=True)), WalletView)
        for row in rows.values_list(*_WALLET_FIELDS)
    ]
