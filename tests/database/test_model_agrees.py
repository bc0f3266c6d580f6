"""The ledger and the serial model, side by side, agree on every answer and row."""

import random

import msgspec
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
from punchcard.ledger.errors import NOT_REMEMBERED, REFUSALS
from tests.builders import a_ledger, rows
from tests.database.asking import RandomPick, a_command
from tests.database.long_run import CHOSEN, SEED, live_through
from tests.database.worlds import ENTRY, POLICIES, World
from tests.sizes import SOAK, size


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
        self.world.compare_accounts()

    @rule(data=st.data())
    def post_more(self, data):
        self.world.post_some(DrawnPick(data))
        self.world.compare_accounts()

    @rule(data=st.data())
    def time_passes(self, data):
        self.world.pass_time(DrawnPick(data))

    @rule(data=st.data())
    def read_as_of_some_instant(self, data):
        self.world.look_around(DrawnPick(data))

    @precondition(lambda self: self.world.posted)
    @rule()
    def the_sweep_comes_by(self):
        self.world.sweep()

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
            max_examples=size(50, 1_000),
            stateful_step_count=size(25, 60),
            deadline=None,
            database=None,
            derandomize=not SOAK,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_long_run_of_random_steps_agrees_to_the_end():
    steps = size(20_000, 1_000_000)
    seen = live_through(steps=steps)
    print(*sorted(seen.items()), sep="\n")
    if CHOSEN:
        return
    assert seen["steps"] >= steps
    wanted = {f"{kind} {code}" for kind in REACHED for code in REACHED[kind].split()}
    wanted |= {f"to {words}" for words in STATUSES.split(", ")}
    hardly = {answer for answer in wanted if seen[answer] < size(1, 20)}
    if SOAK:
        hardly |= {answer for answer in replays() if seen[answer] < 3}
    assert not hardly, f"hardly ever answered: {sorted(hardly)}"


def replays():
    """Every answer that a repeated key can be given."""
    remembered = {"applied", *REFUSALS} - NOT_REMEMBERED
    for kind, codes in REACHED.items():
        if kind != "Settle":
            for code in remembered.intersection(codes.split()):
                yield f"{kind} replay {code}"


ANY = "applied malformed account_not_found key_reused account_closed not_applied"
REACHED = {
    "Earn": f"{ANY} limit_exceeded",
    "Redeem": f"{ANY} account_frozen insufficient_points limit_exceeded",
    "Reserve": f"{ANY} account_frozen insufficient_points limit_exceeded",
    "Capture": f"{ANY} entry_not_found hold_not_open exceeds_original",
    "Void": f"{ANY} entry_not_found hold_not_open",
    "Refund": f"{ANY} entry_not_found entry_not_reversible exceeds_original",
    "Reverse": f"{ANY} entry_not_found entry_not_reversible exceeds_original"
    " insufficient_points",
    "Adjust": f"{ANY} entry_not_found exceeds_original insufficient_points"
    " limit_exceeded",
    "Transfer": f"{ANY} account_frozen insufficient_points limit_exceeded",
    "Activate": f"{ANY} entry_not_found lot_not_pending",
    "Cancel": f"{ANY} entry_not_found lot_not_pending",
    "Settle": "applied malformed account_not_found not_applied",
}
STATUSES = (
    "frozen open, open frozen, closed open, closed frozen, closed closed, "
    "closed account_not_empty, open account_closed, frozen account_closed"
)
"""What a long run must have met, or it proves less than it says."""


def test_a_batch_writes_what_its_commands_write_one_by_one():
    for number in range(size(20, 4_000)):
        pick = RandomPick(f"{SEED} batch {number}")
        policy = POLICIES[number % len(POLICIES)]
        whole = World(policy, accounts=2, huge=number % 4 == 3)
        parts = a_ledger(**policy)
        twin = dict(zip(whole.accounts, parts.open(2), strict=True))
        done = 0
        for _ in range(6):
            commands = [a_command(whole, pick) for _ in range(pick.number(1, 12))]
            whole.post(commands, atomic=False, dry_run=False)
            parts.now = whole.ledger.now
            for command in whole.posted[done:]:
                parts.one(msgspec.structs.replace(command, **renamed(command, twin)))
            done = len(whole.posted)
            whole.pass_time(pick)
        for account, other in twin.items():
            assert written(account) == written(other), pick


def renamed(command, twin):
    """The accounts that a command names, as the other ledger calls them."""
    named = {name: getattr(command, name, None) for name in ("account", "to")}
    return {name: twin.get(each, each) for name, each in named.items() if each}


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
        "SELECT key, code, details::text, sequence, decided_at"
        " FROM ledger_refusal WHERE account_id = %s ORDER BY key",
        [account],
    )
    said = (*ENTRY, "other_sequence", "key", "metadata", "description", "expires_at")
    return (
        [tuple(getattr(entry, name) for name in said) for entry in entries],
        [e.fingerprint for e in entries if not e.transfer],  # it names the receiver
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
