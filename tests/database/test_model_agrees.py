"""The ledger and the serial model, side by side, agree on every answer and row."""

import random
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from punchcard.ledger import queries
from tests.builders import a_ledger, rows
from tests.database.worlds import ENTRY, POLICIES, RandomPick, World, a_command
from tests.sizes import SOAK, size

SEED = "punchcard 1"
STEPS_PER_WORLD = 60


class DrawnPick:
    """Picks by Hypothesis, which looks for the smallest story that goes wrong."""

    def __init__(self, data):
        self.draw = data.draw

    def one(self, options):
        return self.draw(st.sampled_from(options))

    def number(self, low, high):
        return self.draw(st.integers(low, high))

    def now_and_then(self, times):
        return self.draw(st.integers(1, times)) == times


class SideBySide(RuleBasedStateMachine):
    world: World

    @initialize(
        policy=st.sampled_from(POLICIES), accounts=st.integers(1, 3), huge=st.booleans()
    )
    def begin(self, policy, accounts, huge):
        self.world = World(policy, accounts=accounts, huge=huge)

    @rule(data=st.data())
    def post(self, data):
        self.world.post_some(DrawnPick(data))

    @rule(data=st.data())
    def post_more(self, data):
        self.world.post_some(DrawnPick(data))

    @rule(data=st.data())
    def time_passes(self, data):
        self.world.pass_time(DrawnPick(data))

    @rule(data=st.data())
    def read_as_of_some_instant(self, data):
        self.world.look_around(DrawnPick(data))

    @precondition(lambda self: self.world.posted)
    @rule(data=st.data())
    def an_account_is_frozen_closed_or_opened(self, data):
        self.world.change_status(DrawnPick(data))

    @invariant()
    def now_reads_as_the_model_says(self):
        if hasattr(self, "world"):
            for account in self.world.accounts:
                self.world.compare_as_of(account, self.world.ledger.now)

    def teardown(self):
        if hasattr(self, "world"):
            self.world.compare_everything()


def test_hypothesis_finds_no_story_that_they_tell_differently():
    run_state_machine_as_test(
        SideBySide,
        settings=settings(
            max_examples=size(50, 4_000),
            stateful_step_count=size(25, 60),
            deadline=None,
            database=None,
            derandomize=not SOAK,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_long_run_of_random_steps_agrees_to_the_end():
    steps, number, seen = size(3_000, 1_000_000), 0, Counter()
    while steps > 0:
        seed = f"{SEED} world {number}"
        pick = RandomPick(seed)
        policy, huge = POLICIES[number % len(POLICIES)], number % 5 == 4
        world = World(policy, accounts=1 if huge else 1 + number % 3, huge=huge)
        try:
            world.run(pick, STEPS_PER_WORLD)
        except BaseException as error:
            error.add_note(f"RandomPick({seed!r}), {policy}, huge={huge}")
            raise
        seen += world.seen
        steps -= STEPS_PER_WORLD
        number += 1
    print(*sorted(seen.items()), sep="\n")
    for kind, codes in REACHED.items():
        for code in codes.split():
            assert seen[f"{kind} {code}"] > 2, f"{kind} hardly ever answers {code}"


REACHED = {
    "Earn": "applied malformed account_not_found key_reused account_closed "
    "limit_exceeded not_applied",
    "Earn replay": "applied",
    "Redeem": "applied malformed account_not_found key_reused account_closed "
    "account_frozen insufficient_points not_applied",
    "Redeem replay": "applied insufficient_points",
    "Refund": "applied malformed entry_not_found entry_not_reversible "
    "exceeds_original not_applied",
    "Refund replay": "applied exceeds_original",
    "Reverse": "applied malformed entry_not_found entry_not_reversible "
    "exceeds_original insufficient_points not_applied",
    "Reverse replay": "applied exceeds_original",
    "Settle": "applied malformed not_applied",
}
"""What a long run must have met, or it proves less than it says."""


def test_a_batch_writes_what_its_commands_write_one_by_one():
    for number in range(size(20, 4_000)):
        pick = RandomPick(f"{SEED} batch {number}")
        policy = POLICIES[number % len(POLICIES)]
        whole = World(policy, accounts=2, huge=number % 4 == 3)
        parts = a_ledger(**policy)
        twin = dict(zip(whole.accounts, parts.open(2), strict=True))
        for _ in range(6):
            commands = [a_command(whole, pick) for _ in range(pick.number(1, 12))]
            whole.post(commands, atomic=False, dry_run=False)
            parts.now = whole.ledger.now
            for command in commands:
                account = twin.get(command.account, command.account)
                parts.one(type(command)(**(fields_of(command) | {"account": account})))
            whole.pass_time(pick)
        for account, other in twin.items():
            assert written(account) == written(other), pick


def fields_of(command):
    return {name: getattr(command, name) for name in command.__struct_fields__}


def written(account):
    """All rows of an account, but for what the clock and its id put in."""
    entries = queries.list_entries(account=account, limit=10_000)
    lots = queries.list_lots(account=account, limit=10_000)
    moved = rows(
        "SELECT sequence, n, lot_sequence, lot_n, points FROM ledger_allocation"
        " WHERE account_id = %s ORDER BY sequence, n",
        [account],
    )
    refused = rows(
        "SELECT key, fingerprint, code, details::text, sequence, decided_at"
        " FROM ledger_refusal WHERE account_id = %s ORDER BY key",
        [account],
    )
    said = (*ENTRY, "key", "fingerprint", "metadata", "description", "expires_at")
    return (
        [tuple(getattr(entry, name) for name in said) for entry in entries],
        lots,
        moved,
        refused,
    )


def test_random_picks_repeat_by_their_seed():
    one, other = (RandomPick(SEED) for _ in range(2))
    assert [one.number(1, 99) for _ in range(9)] == [
        other.number(1, 99) for _ in range(9)
    ]
    assert isinstance(one.random, random.Random)
