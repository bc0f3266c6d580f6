"""A wallet that comes later: every member has an account in it, whatever happens."""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from punchcard.journeys import create_wallet as journey
from punchcard.journeys.create_program import create_program
from punchcard.journeys.create_wallet import CreatedWallet, create_wallet
from punchcard.journeys.enrol_members import enrol_members
from punchcard.journeys.post_commands import post_commands
from punchcard.kernel.audit import Author, list_changes
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Earn, Transfer
from punchcard.ledger.queries import list_accounts
from punchcard.members import operations as members
from punchcard.members.queries import find_members
from punchcard.programs.errors import ProgramMalformed, WalletCodeTaken
from punchcard.programs.queries import find_wallet_by_code, list_wallets
from tests.builders import rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def program() -> UUID:
    created = create_program(
        slug=f"p{secrets.token_hex(6)}",
        name="Shop",
        mode="live",
        currency="EUR",
        now=NOW,
    )
    return created.program.id


def enrol(program: UUID, *names: str) -> None:
    enrol_members(program=program, external_ids=names, now=NOW)


def make(program: UUID, code: str = "miles", **said: Any) -> CreatedWallet:
    said.setdefault("scale", 2)
    return create_wallet(
        program=program,
        code=code,
        name=code.capitalize(),
        author=Author(actor="console", program=program),
        now=NOW,
        **said,
    )


def wallets_of(program: UUID, name: str) -> set[str]:
    """Return the codes of the wallets in which a member has an account."""
    codes = {wallet.id: wallet.code for wallet in list_wallets(program=program)}
    member = find_members(program=program, external_ids=[name])[name]
    return {
        codes[account.wallet]
        for account in list_accounts(holder_kind="member", holder=member)
    }


def account(program: UUID, name: str, code: str) -> UUID:
    wallet = find_wallet_by_code(program=program, code=code)
    assert wallet is not None
    member = find_members(program=program, external_ids=[name])[name]
    return next(
        found.account
        for found in list_accounts(holder_kind="member", holder=member)
        if found.wallet == wallet.id
    )


def count_accounts(program: UUID, code: str) -> int:
    wallet = find_wallet_by_code(program=program, code=code)
    assert wallet is not None
    found = rows(
        "SELECT count(*) FROM ledger_account WHERE wallet_id = %s", [wallet.id]
    )
    return int(found[0][0])


def test_members_of_before_and_after_have_an_account_in_it(program: UUID) -> None:
    enrol(program, "anna", "bo")
    made = make(program)
    assert (made.created, made.accounts_opened, made.complete) == (True, 2, True)
    assert (made.wallet.code, made.wallet.scale) == ("miles", 2)
    enrol(program, "cy")
    for name in ("anna", "bo", "cy"):
        assert wallets_of(program, name) == {"points", "miles"}


def test_a_wallet_of_another_program_s_members_is_none_of_ours(program: UUID) -> None:
    enrol(program, "anna")
    other = create_program(
        slug=f"p{secrets.token_hex(6)}", name="x", mode="live", currency="EUR", now=NOW
    ).program.id
    enrol(other, "anna")
    assert make(other).accounts_opened == 1
    assert wallets_of(program, "anna") == {"points"}


def test_points_cannot_go_from_wallet_to_wallet(program: UUID) -> None:
    enrol(program, "anna", "bo")
    make(program)
    payer = account(program, "anna", "points")
    earned, *moved = post_commands(
        commands=[
            Earn(account=payer, points=100, key="1"),
            Transfer(
                account=payer, to=account(program, "bo", "miles"), points=1, key="2"
            ),
            Transfer(
                account=payer, to=account(program, "anna", "miles"), points=1, key="3"
            ),
            Transfer(
                account=payer, to=account(program, "bo", "points"), points=1, key="4"
            ),
        ],
        now=NOW,
    )
    assert earned.applied
    codes = [outcome.code for outcome in moved]
    assert codes == ["account_not_found", "account_not_found", "applied"]


def test_again_with_the_same_words_changes_nothing(program: UUID) -> None:
    enrol(program, "anna")
    first = make(program, validity="P1Y")
    again = make(program, validity="P1Y")
    assert (again.created, again.accounts_opened) == (False, 0)
    assert again.wallet == first.wallet
    written = list_changes(program=program, limit=9, action="wallet.created")
    assert len(written) == 1
    assert written[0].actor == "console"
    assert written[0].fields == {"code": "miles", "scale": 2, "validity": "P1Y"}


@pytest.mark.parametrize("other", [{"scale": 3}, {"validity": "P2Y"}, {"idle": "P9D"}])
def test_another_policy_under_the_same_code_is_refused(
    program: UUID, other: dict[str, Any]
) -> None:
    make(program)
    with pytest.raises(WalletCodeTaken):
        make(program, **other)
    (points,) = [w for w in list_wallets(program=program) if w.code == "miles"]
    assert (points.scale, points.validity, points.idle) == (2, None, None)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"code": "Miles!"}, "code"),
        ({"scale": 10}, "scale"),
        ({"scale": -1}, "scale"),
        ({"validity": "a year"}, "validity"),
        ({"idle": "PT0S"}, "idle"),
        ({"debt_policy": "forgive"}, "debt_policy"),
        ({"limit_per_day": 0}, "limit_per_day"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_made(
    program: UUID, said: dict[str, Any], field: str
) -> None:
    enrol(program, "anna")
    with pytest.raises(ProgramMalformed) as malformed:
        make(program, **said)
    assert malformed.value.field == field
    assert wallets_of(program, "anna") == {"points"}
    assert len(list_wallets(program=program)) == 1


def test_cut_short_it_is_completed_by_the_same_words(
    program: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey, "MEMBERS_AT_ONCE", 10)
    enrol(program, *(f"m{n:03}" for n in range(45)))
    some = make(program, most=15)
    assert (some.created, some.complete) == (True, False)
    assert count_accounts(program, "miles") == some.accounts_opened == 20

    open_them = journey.open_member_accounts
    opened: list[int] = []

    def breaking(*, members: Any, **said: Any) -> Any:
        opened.append(len(members))
        if len(opened) > 2:
            raise psycopg.errors.DiskFull("no room")
        return open_them(members=members, **said)

    monkeypatch.setattr(journey, "open_member_accounts", breaking)
    with pytest.raises(psycopg.errors.DiskFull):
        make(program)
    assert opened == [10, 10, 5, 5, 5], "tried again a few times, then given up"
    assert count_accounts(program, "miles") == 40

    monkeypatch.setattr(journey, "open_member_accounts", open_them)
    rest = make(program)
    assert (rest.created, rest.accounts_opened, rest.complete) == (False, 5, True)
    assert count_accounts(program, "miles") == 45


def test_a_batch_costs_the_same_however_many_members(
    program: UUID, statements: list[str]
) -> None:
    costs = []
    for size in (1, 600):
        enrol(program, *(f"{size}-{n}" for n in range(size)))
        statements.clear()
        assert make(program, f"w{size}").complete
        costs.append(len(statements))
    assert costs[0] == costs[1], statements


def test_whoever_is_enrolling_meanwhile_is_not_missed(program: UUID) -> None:
    """An enrolment that has seen the old wallets commits before the new one can."""
    enrol(program, "anna")
    seen, go = threading.Event(), threading.Event()

    def enrol_slowly() -> None:
        try:
            with transaction():
                made = members.enrol_members(
                    program=program, external_ids=["bo"], now=NOW
                )
                wallets = list_wallets(program=program)
                seen.set()
                assert go.wait(60)
                journey.open_member_accounts(
                    wallets=wallets, members=[made[0].id], now=NOW
                )
        finally:
            connection.close()

    def create() -> None:
        try:
            make(program)
        finally:
            connection.close()

    slow = threading.Thread(target=enrol_slowly)
    slow.start()
    assert seen.wait(60)
    creating = threading.Thread(target=create)
    creating.start()
    try:
        await_lock("members_member")
        assert find_wallet_by_code(program=program, code="miles") is None
    finally:
        go.set()
    for thread in (slow, creating):
        thread.join(60)
    assert wallets_of(program, "bo") == {"points", "miles"}


def await_lock(table: str) -> None:
    """Wait until somebody waits for a lock of the table."""
    for _ in range(6_000):
        waiting = rows(
            "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass"
            " AND NOT granted",
            [table],
        )
        if waiting[0][0]:
            return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")
