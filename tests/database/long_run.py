"""A long run of worlds: short lives, many of them, in as many processes as cores.

A world is made from its number alone, so that one that goes wrong can be lived through
again by itself: `PUNCHCARD_TEST_WORLDS=17,23 .venv/bin/python -m pytest
tests/database/test_model_agrees.py -k long_run`.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import django
from django.conf import settings
from django.db import connections

SEED = "punchcard 1"
STEPS_PER_WORLD = 60
AT_ONCE = 20
"""Worlds that a process lives through before it reports."""
CORES = os.cpu_count() or 1
CHOSEN = [int(n) for n in os.environ.get("PUNCHCARD_TEST_WORLDS", "").split(",") if n]


def live_through(*, steps: int) -> Counter[str]:
    """Live through worlds of so many steps together; return the answers met.

    A step is one command posted, or one look at a balance as of some instant.
    """
    numbers = CHOSEN or list(range(-(-steps // STEPS_PER_WORLD)))
    parts = [numbers[i : i + AT_ONCE] for i in range(0, len(numbers), AT_ONCE)]
    if len(parts) <= CORES:
        return sum(map(live_some, parts), Counter())
    database = connections["default"].settings_dict["NAME"]
    # Spawned: a child must not inherit our connections.
    with ProcessPoolExecutor(
        CORES, get_context("spawn"), initializer=connect_to, initargs=(database,)
    ) as pool:
        return sum(pool.map(live_some, parts), Counter())


def connect_to(database: str) -> None:
    """Let a new process use the tests' database."""
    settings.DATABASES["default"]["NAME"] = database
    django.setup()


def live_some(numbers: list[int]) -> Counter[str]:
    """Live through these worlds, one after the other."""
    return sum(map(live, numbers), Counter())


def live(number: int) -> Counter[str]:
    """Live through the world of this number; return the answers met, and the steps."""
    # A spawned process imports this module before Django is set up.
    from tests.database.asking import RandomPick
    from tests.database.worlds import POLICIES, World

    policy, huge = POLICIES[number % len(POLICIES)], number % 5 == 4
    world = World(policy, accounts=1 + number // len(POLICIES) % 3, huge=huge)
    try:
        lived = world.run(RandomPick(f"{SEED} world {number}"), STEPS_PER_WORLD)
    except BaseException as error:
        error.add_note(f"world {number}: {policy}, huge={huge}")
        raise
    world.seen["steps"] += lived
    return world.seen
