"""A process of a race of relays: it posts, or it relays, until it is done or killed.

`python -m tests.races.relaying relay DATABASE FOLDER NAME` or
`python -m tests.races.relaying post DATABASE FOLDER NAME ACCOUNT …`

Whoever works has made a file of its name in the folder; a file `stop` ends the posts.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from uuid import UUID

import django
from django.conf import settings

BATCH = 5
POSTS_AT_ONCE = 10
"""Few: many transactions, in any of which a relay can be killed."""


def main() -> None:
    role, database, folder, name, *accounts = sys.argv[1:]
    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    if role == "relay":
        relay(Path(folder) / name)
    else:
        post(Path(folder) / name, [UUID(text) for text in accounts])


def relay(ready: Path) -> None:
    """Relay for ever, without a pause."""
    from punchcard.journeys.relay_events import relay_events

    while True:
        relay_events(posts=POSTS_AT_ONCE, entries=POSTS_AT_ONCE)
        ready.touch()


def post(ready: Path, accounts: list[UUID]) -> None:
    """Post in batches until it is enough; now and then change a status between."""
    from punchcard.journeys.change_account_status import change_account_status
    from punchcard.kernel import clock, sql
    from punchcard.kernel.audit import CONSOLE, Author
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.commands import Earn, Redeem
    from punchcard.ledger.operations import post

    pick = random.Random(ready.name)
    done = 0
    while not (ready.parent / "stop").exists():
        batch = [
            pick.choice((Earn, Redeem))(
                account=pick.choice(accounts), points=1, key=f"{ready.name}-{done + n}"
            )
            for n in range(BATCH)
        ]
        with transaction():
            # The transaction's number is older than the locks that it waits for.
            sql.cursor().execute("SELECT pg_current_xact_id()")
            post(commands=batch, now=clock.read())
        done += len(batch)
        ready.touch()
        if not pick.randrange(4):
            change_account_status(
                account=pick.choice(accounts),
                status=pick.choice(("open", "frozen")),
                reason="race",
                author=Author(actor=CONSOLE, program=None),
                now=clock.read(),
            )


if __name__ == "__main__":
    main()
