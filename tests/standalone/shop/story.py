"""What the shop does with the ledger, step by step; prints what it saw as JSON.

`python -m tests.standalone.shop.story`, with DJANGO_SETTINGS_MODULE and SHOP_DATABASE.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from uuid import UUID

import django

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    account = open_account()
    seen = {
        "bought": buy(account, "A1", 100),
        "after": numbers(account),
        "broken off": break_off(account, "A2", 50),
        "after broken off": numbers(account),
        "bought then": buy(account, "A2", 50),
        "posted twice": post_twice(account),
        "in a savepoint": in_a_savepoint(account, "A3", 7),
        "without a transaction": without_a_transaction(account),
        "at the end": numbers(account),
        "breaches": breaches(),
        "imported": sorted(
            name
            for name in sys.modules
            if name.startswith("punchcard.")
            and name.split(".")[1] not in {"kernel", "ledger", "programs"}
        ),
    }
    print(json.dumps(seen))


def open_account() -> UUID:
    """Make a program with a wallet, and one account in it."""
    from django.db import transaction

    from punchcard.kernel.ids import new_id
    from punchcard.ledger.operations import open_accounts
    from punchcard.programs.operations import create_program, create_wallet

    holder = new_id()
    with transaction.atomic():
        program = create_program(
            slug="shop",
            name="Shop",
            mode="live",
            currency="EUR",
            time_zone="Europe/Paris",
            now=NOW,
        )
        wallet = create_wallet(
            program=program.id, code="points", name="Points", now=NOW
        )
        opened = open_accounts(
            wallet=wallet.id, holder_kind="customer", holders=[holder], now=NOW
        )
    return opened[holder]


def buy(account: UUID, number: str, points: int) -> str:
    """Write the shop's own row and the points in one transaction."""
    from django.db import transaction

    with transaction.atomic():
        return _buy(account, number, points)


def break_off(account: UUID, number: str, points: int) -> str:
    """Buy, and fail afterwards: row and points must both be gone."""
    from django.db import transaction

    try:
        with transaction.atomic():
            _buy(account, number, points)
            raise ZeroDivisionError
    except ZeroDivisionError:
        return "broken off"


def post_twice(account: UUID) -> str:
    """Buy twice in one transaction: the ledger refuses the second."""
    from django.db import transaction

    try:
        with transaction.atomic():
            _buy(account, "B1", 1)
            _buy(account, "B2", 1)
    except Exception as error:  # The name is what the test looks at.
        return type(error).__name__
    return "nothing"


def in_a_savepoint(account: UUID, number: str, points: int) -> str:
    """Buy in an inner block that is rolled back, then once more in the outer one."""
    from django.db import transaction

    with transaction.atomic():
        try:
            with transaction.atomic():
                _buy(account, number, points)
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        return _buy(account, number, points)


def without_a_transaction(account: UUID) -> str:
    """Buy without any: whoever posts must say where it ends."""
    try:
        _earn(account, "C1", 1)
    except Exception as error:  # The name is what the test looks at.
        return type(error).__name__
    return "nothing"


def _buy(account: UUID, number: str, points: int) -> str:
    from tests.standalone.shop.models import Purchase

    Purchase.objects.create(number=number, points=points)
    return _earn(account, number, points)


def _earn(account: UUID, number: str, points: int) -> str:
    from punchcard.ledger.commands import Earn
    from punchcard.ledger.operations import post

    command = Earn(
        account=account, points=points, reference_type="order", reference_id=number
    )
    return post(commands=[command], now=NOW)[0].code


def numbers(account: UUID) -> list[int]:
    """Return the shop's own sum and the balance."""
    from django.db.models import Sum

    from punchcard.ledger.balances import balance_as_of
    from tests.standalone.shop.models import Purchase

    own = Purchase.objects.aggregate(sum=Sum("points"))["sum"]
    return [own, balance_as_of(account=account, as_of=NOW).available]


def breaches() -> list[str]:
    """Return what `verify` finds broken."""
    from punchcard.ledger.verifying import verify

    return [str(breach) for check in verify().checks for breach in check.breaches]


if __name__ == "__main__":
    main()
