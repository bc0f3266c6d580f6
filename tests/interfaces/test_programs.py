"""Programs and wallets: what their operations refuse."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

import pytest

from punchcard.journeys.create_program import create_program
from punchcard.kernel import clock
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import TransactionError, transaction
from punchcard.programs import errors, operations, queries
from tests.interfaces.conftest import make_api


def _create(**given: Any) -> UUID:
    good = {
        "slug": f"p{secrets.token_hex(6)}",
        "name": "Café",
        "mode": "test",
        "currency": "EUR",
        "time_zone": "Europe/Paris",
        "now": clock.read(),
    }
    return create_program(**(good | given)).program.id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", ""),
        ("slug", "Café"),
        ("slug", "-a"),
        ("slug", "a" * 64),
        ("slug", "a\n"),
        ("name", ""),
        ("name", "x" * 201),
        ("name", "a\0"),
        ("mode", "demo"),
        ("currency", "eur"),
        ("currency", "EURO"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("scale", -1),
        ("scale", 10),
        ("pending_period", "soon"),
        ("validity", "-P1D"),
        ("validity", "PT0S"),
        ("validity", "P1D" + "T1H" * 20),
        ("grace", "P1.5M"),
        ("idle", "P0D"),
        ("debt_policy", "forgive"),
        ("limit_per_day", 0),
        ("limit_per_month", 10**16),
    ],
)
def test_a_malformed_program_is_not_made(field: str, value: object) -> None:
    with pytest.raises(errors.ProgramMalformed) as refused:
        _create(**{field: value})
    assert refused.value.field == field


def test_slugs_and_codes_are_unique() -> None:
    slug = f"p{secrets.token_hex(6)}"
    program = _create(slug=slug)
    with pytest.raises(errors.ProgramSlugTaken):
        _create(slug=slug)
    with pytest.raises(errors.WalletCodeTaken), transaction():
        operations.create_wallet(
            program=program, code="points", name="Points", now=clock.read()
        )
    with pytest.raises(TransactionError):
        operations.create_wallet(
            program=program, code="miles", name="Miles", now=clock.read()
        )


def test_programs_and_wallets_are_found_or_not() -> None:
    slug = f"p{secrets.token_hex(6)}"
    program = _create(slug=slug, validity="P12M")
    found = queries.find_program_by_slug(slug=slug)
    assert found == queries.get_program(program=program)
    assert queries.find_program_by_slug(slug="nobody") is None
    (wallet,) = queries.list_wallets(program=program)
    assert wallet.validity == "P12M"
    assert queries.get_wallet(wallet=wallet.id) == wallet
    assert queries.find_wallet_by_code(program=program, code="points") == wallet
    assert queries.find_wallet_by_code(program=program, code="miles") is None
    assert queries.program_of_wallet(wallet.id) == program
    with pytest.raises(errors.ProgramNotFound):
        queries.get_program(program=new_id())
    with pytest.raises(errors.WalletNotFound):
        queries.get_wallet(wallet=new_id())
    with pytest.raises(errors.WalletNotFound):
        queries.program_of_wallet(new_id())


def test_a_live_program_lives_by_the_real_clock() -> None:
    program = make_api(mode="live").program
    before = clock.read()
    assert queries.program_now(queries.get_program(program=program)) >= before
    with pytest.raises(errors.ClockNotInTest), transaction():
        operations.advance_clock(program=program, to=clock.read())
