"""Writes of programs and wallets."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.db import IntegrityError
from django.db.models import Max

from punchcard.kernel import clock
from punchcard.kernel.calendar import DurationError, parse_duration
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction
from punchcard.kernel.validity import parse_validity

from . import errors
from .models import Configuration, Place, Program, Wallet
from .queries import (
    ConfigurationView,
    PlaceView,
    ProgramView,
    WalletView,
    get_configuration,
    get_place,
    get_program,
    get_wallet,
    program_now,
)

CLOCK_AHEAD_MAX = timedelta(days=366 * 100)
"""How far a test clock may run ahead of the real one."""

LIMIT_MAX = 10**15
NAME_MAX = 200
SLUG_MAX = 63
SCALE_MAX = 9
_DURATION_TEXT_MAX = 40
_DURATIONS = ("pending_period", "validity", "grace", "hold_time_max", "idle")
_LIMITS = ("limit_per_command", "limit_per_day", "limit_per_month")


def create_program(
    *,
    slug: str,
    name: str,
    mode: str,
    currency: str,
    time_zone: str,
    now: datetime,
    self_registration: bool = False,
) -> ProgramView:
    """Create a program without wallets.

    Raises:
        ProgramMalformed: a field is not what it must be; says which.
        ProgramSlugTaken: another program has this slug.
    """
    require_transaction()
    _require_slug("slug", slug, r"[a-z0-9](-?[a-z0-9])*")
    _require_name(name)
    if mode not in Program.Mode.values:
        raise errors.ProgramMalformed("mode", "The mode is `live` or `test`.")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        detail = "The currency is three capital letters of ISO 4217, as in EUR."
        raise errors.ProgramMalformed("currency", detail)
    if time_zone not in _time_zones():
        detail = "The time zone is a name of the tz database, as in Europe/Paris."
        raise errors.ProgramMalformed("time_zone", detail)
    if Program.objects.filter(slug=slug).exists():
        raise errors.ProgramSlugTaken
    program = Program(
        id=new_id(),
        slug=slug,
        name=name,
        mode=mode,
        currency=currency,
        time_zone=time_zone,
        self_registration=self_registration,
        created_at=now,
    )
    try:
        program.save(force_insert=True)
    except IntegrityError as error:
        # A twin was quicker than the look above. The transaction is lost.
        raise errors.ProgramSlugTaken from error
    return get_program(program=program.id)


def create_wallet(
    *,
    program: UUID,
    code: str,
    name: str,
    now: datetime,
    scale: int = 0,
    pending_period: str = "PT0S",
    validity: str | None = None,
    grace: str = "P30D",
    debt_policy: str = "debt",
    hold_time_max: str = "P7D",
    idle: str | None = None,
    limit_per_command: int | None = None,
    limit_per_day: int | None = None,
    limit_per_month: int | None = None,
) -> WalletView:
    """Create a wallet with its policy.

    Durations are ISO 8601 text; limits are minor units of the wallet.

    Raises:
        ProgramMalformed: a field is not what it must be; says which.
        WalletCodeTaken: the program has a wallet with this code.
    """
    require_transaction()
    policy = {
        "scale": scale,
        "debt_policy": debt_policy,
        "pending_period": pending_period,
        "validity": validity,
        "grace": grace,
        "hold_time_max": hold_time_max,
        "idle": idle,
        "limit_per_command": limit_per_command,
        "limit_per_day": limit_per_day,
        "limit_per_month": limit_per_month,
    }
    for fault in find_wallet_faults(code=code, name=name, **policy):
        raise fault
    if Wallet.objects.filter(program_id=program, code=code).exists():
        raise errors.WalletCodeTaken
    wallet = Wallet(
        id=new_id(),
        program_id=program,
        code=code,
        name=name,
        created_at=now,
        **policy,
    )
    try:
        wallet.save(force_insert=True)
    except IntegrityError as error:
        raise errors.WalletCodeTaken from error
    return get_wallet(wallet=wallet.id)


def find_wallet_faults(
    *, code: str, name: str, **policy: Any
) -> list[errors.ProgramMalformed]:
    """Return all that is wrong with what is said of a wallet, the first one first."""
    faults: list[errors.ProgramMalformed] = []

    def look(check: Callable[..., None], *said: Any, **more: Any) -> None:
        try:
            check(*said, **more)
        except errors.ProgramMalformed as fault:
            faults.append(fault)

    look(_require_slug, "code", code, r"[a-z0-9]([-_]?[a-z0-9])*")
    look(_require_name, name)
    look(_require_scale, policy["scale"])
    look(_require_debt_policy, policy["debt_policy"])
    for field in _DURATIONS:
        may_be_zero = field in {"pending_period", "grace"}
        look(_require_duration, field, policy[field], zero=may_be_zero)
    for field in _LIMITS:
        look(_require_limit, field, policy[field])
    return faults


def change_wallet(*, program: UUID, code: str, name: str, **policy: Any) -> WalletView:
    """Give a wallet another name and another policy, for all that is done from now on.

    Its code and its scale are for ever. So is `idle`: it counts from what was done
    before, so that another one would reach into the past.

    Raises:
        ProgramMalformed: a field is not what it must be; says which.
        WalletNotFound: the program has no wallet with this code.
    """
    require_transaction()
    rows = Wallet.objects.filter(program_id=program, code=code)
    wallet = rows.select_for_update(no_key=True).first()
    if wallet is None:
        raise errors.WalletNotFound
    fixed = {"scale": wallet.scale, "idle": wallet.idle}
    for fault in find_wallet_faults(code=code, name=name, **fixed, **policy):
        raise fault
    rows.update(name=name, **policy)
    return get_wallet(wallet=wallet.id)


def create_place(*, program: UUID, code: str, name: str, now: datetime) -> PlaceView:
    """Create a place.

    Raises:
        ProgramMalformed: the code or the name.
        PlaceCodeTaken: the program has a place with this code.
    """
    require_transaction()
    _require_slug("code", code, r"[a-z0-9]([-_]?[a-z0-9])*")
    _require_name(name)
    place = Place(id=new_id(), program_id=program, code=code, name=name, created_at=now)
    # Of two who make the same place at once the second waits, and makes nothing.
    Place.objects.bulk_create([place], ignore_conflicts=True)
    if not Place.objects.filter(pk=place.id).exists():
        raise errors.PlaceCodeTaken
    return get_place(program=program, place=place.id)


def rename_place(*, program: UUID, place: UUID, name: str) -> PlaceView:
    """Give a place another name; its code is for ever.

    Raises:
        ProgramMalformed: the name.
        PlaceNotFound: the program has no such place.
    """
    require_transaction()
    _require_name(name)
    Place.objects.filter(pk=place, program_id=program).update(name=name)
    return get_place(program=program, place=place)


def set_self_registration(*, program: UUID, allowed: bool) -> ProgramView:
    """Say whether people may register themselves as members.

    Raises:
        ProgramNotFound: there is no such program.
    """
    require_transaction()
    Program.objects.filter(pk=program).update(self_registration=allowed)
    return get_program(program=program)


def advance_clock(*, program: UUID, to: datetime) -> ProgramView:
    """Set a test program's clock forward to an instant, where it then stands.

    To where it stands already is no change.

    Raises:
        ProgramNotFound: there is no such program.
        ClockNotInTest: it is a live program.
        ProgramMalformed: absurdly far ahead.
        ClockBackwards: the program's clock is past this instant.
    """
    require_transaction()
    # The lock comes first, so that two who advance at once do it one by one.
    if not Program.objects.select_for_update().filter(pk=program).exists():
        raise errors.ProgramNotFound
    found = get_program(program=program)
    if not found.is_test:
        raise errors.ClockNotInTest
    if to > clock.read() + CLOCK_AHEAD_MAX:
        detail = "A test clock may be at most 100 years ahead."
        raise errors.ProgramMalformed("to", detail)
    if to < program_now(found):
        raise errors.ClockBackwards
    Program.objects.filter(pk=program).update(clock_at=to)
    return get_program(program=program)


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones() | {ZoneInfo("UTC").key})


def lock_program(*, program: UUID) -> None:
    """Let nobody else change a program until the COMMIT; who enrols does not wait.

    Raises:
        TransactionError: no transaction is open.
        ProgramNotFound: there is no such program.
    """
    require_transaction()
    # What refers to a program only wants its key to stay.
    rows = Program.objects.select_for_update(no_key=True).filter(pk=program)
    if not rows.exists():
        raise errors.ProgramNotFound


def save_configuration(
    *,
    program: UUID,
    document: dict[str, Any],
    effective_from: datetime,
    note: str,
    actor: str,
    now: datetime,
    after: int | None = None,
) -> ConfigurationView:
    """Save the next version of a program's configuration, in force from an instant on.

    With `after` it must follow that version: who wrote it has seen no other. What the
    document says was checked before.

    Raises:
        TransactionError: no transaction is open.
        ProgramNotFound: there is no such program.
        ConfigurationChanged: somebody saved another version meanwhile.
        ProgramMalformed: the note is too long.
    """
    require_transaction()
    if len(note) > NAME_MAX:
        detail = f"The note has at most {NAME_MAX} characters."
        raise errors.ProgramMalformed("note", detail)
    # Whoever saves at the same time waits here, and then sees this one.
    lock_program(program=program)
    last = Configuration.objects.filter(program_id=program).aggregate(
        last=Max("version", default=0)
    )["last"]
    if after is not None and after != last:
        raise errors.ConfigurationChanged
    Configuration(
        program_id=program,
        version=last + 1,
        effective_from=effective_from,
        document=document,
        note=note,
        actor=actor,
        created_at=now,
    ).save(force_insert=True)
    return get_configuration(program=program, version=last + 1)


def _require_slug(field: str, text: str, pattern: str) -> None:
    if len(text) > SLUG_MAX or not re.fullmatch(pattern, text):
        detail = f"The {field} is at most {SLUG_MAX} small letters, digits and dashes."
        raise errors.ProgramMalformed(field, detail)


def _require_name(name: str) -> None:
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        detail = f"The name is 1 to {NAME_MAX} printable characters."
        raise errors.ProgramMalformed("name", detail)


def _require_scale(scale: int) -> None:
    if not 0 <= scale <= SCALE_MAX:
        raise errors.ProgramMalformed("scale", f"The scale is 0 to {SCALE_MAX}.")


def _require_debt_policy(debt_policy: str) -> None:
    if debt_policy not in Wallet.DebtPolicy.values:
        detail = "The debt policy is `debt`, `cap` or `refuse`."
        raise errors.ProgramMalformed("debt_policy", detail)


def _require_limit(field: str, limit: int | None) -> None:
    if limit is not None and not 1 <= limit <= LIMIT_MAX:
        raise errors.ProgramMalformed(field, f"A limit is 1 to {LIMIT_MAX}.")


def _require_duration(field: str, text: str | None, *, zero: bool) -> None:
    if text is None:
        return
    try:
        parse = parse_validity if field == "validity" else parse_duration
        duration = parse(text)
    except DurationError as error:
        raise errors.ProgramMalformed(field, f"{error}.") from error
    if len(text) > _DURATION_TEXT_MAX or (duration.is_zero and not zero):
        detail = f"The {field} is longer than nothing, and at most 40 characters."
        raise errors.ProgramMalformed(field, detail)
