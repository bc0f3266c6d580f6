"""What a caller may ask of the ledger: by scope, by place, by amount; and its trace."""

from __future__ import annotations

from typing import Any

import pytest

from punchcard.kernel.audit import list_changes
from tests.interfaces.conftest import Answer, Api, another_key
from tests.interfaces.people import a_person, a_place
from tests.interfaces.scene import BODIES, Scene

BATCH = "/v1/entries:batch"
ANNA = "ext:anna@points"
WHY = {"reason": "Counted anew"}
COMMANDS = {
    "earn": ("ledger:earn", "earn"),
    "redeem": ("ledger:spend", "redeem"),
    "reserve": ("ledger:spend", "reserve"),
    "capture": ("ledger:spend", "holds/{hold}/capture"),
    "void": ("ledger:spend", "holds/{hold}/void"),
    "refund": ("ledger:correct", "entries/{sequence}/refund"),
    "reverse": ("ledger:correct", "entries/{sequence}/reverse"),
    "activate": ("ledger:correct", "lots/{lot}/activate"),
    "cancel": ("ledger:correct", "lots/{lot}/cancel"),
    "adjust": ("ledger:adjust", "adjust"),
    "transfer": ("ledger:transfer", "transfer"),
}
AT_A_TILL = ["earn", "redeem", "reserve", "capture", "void"]


def single(scene: Scene, caller: Api, verb: str, **more: Any) -> Answer:
    path = f"/v1/accounts/{{account}}/{COMMANDS[verb][1]}"
    body = {**BODIES[verb], **more}
    return scene.send("POST", path, caller=caller, body=body, key=f"one {verb}")


def in_a_batch(scene: Scene, caller: Api, *verbs: str, **more: Any) -> Answer:
    """Post commands of these verbs, `more` being said in the last one."""
    names = {
        "capture": {"hold": scene.held},
        "void": {"hold": scene.held},
        "refund": {"entry": scene.spent},
        "reverse": {"entry": scene.earned},
        "activate": {"lot": scene.waiting},
        "cancel": {"lot": scene.waiting},
    }
    commands = [
        {
            "type": verb,
            "account": ANNA,
            "key": f"batch {verb}",
            **BODIES[verb],
            **names.get(verb, {}),
        }
        for verb in verbs
    ]
    commands[-1] |= more
    return caller.post(BATCH, {"commands": commands})


def written(scene: Scene) -> int:
    return int(scene.api.get(scene.account).body["last_sequence"])


# -------------------------------------------------------------------------- scopes


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_command_needs_its_own_scope_and_no_other(verb: str) -> None:
    scene = Scene()
    own = COMMANDS[verb][0]
    others = sorted({scope for scope, _ in COMMANDS.values()} - {own})
    without = another_key(scene.api, scopes=(*others, "ledger:manage", "ledger:read"))
    before = written(scene)
    alone = single(scene, without, verb)
    assert (alone.status, alone.code) == (403, "forbidden")
    assert alone.body["details"] == {"scope": own}
    many = in_a_batch(scene, without, verb)
    assert (many.status, many.code) == (403, "forbidden")
    assert many.body["details"] == {"scope": own}
    assert many.body["errors"][0]["pointer"] == "/commands/0"
    assert written(scene) == before
    with_it = another_key(scene.api, scopes=(own,))
    assert in_a_batch(scene, with_it, verb).body["applied"] == 1


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_scope_of_old_gives_every_command(verb: str) -> None:
    scene = Scene()
    old = another_key(scene.api, scopes=("ledger:write",))
    assert single(scene, old, verb).status == 201
    assert old.get(scene.account).code == "forbidden"


def test_one_command_too_many_refuses_the_whole_batch() -> None:
    scene = Scene()
    till = another_key(scene.api, scopes=("ledger:earn", "ledger:spend"))
    before = written(scene)
    answer = in_a_batch(scene, till, "earn", "redeem", "adjust")
    assert (answer.status, answer.code) == (403, "forbidden")
    assert answer.body["errors"][0]["pointer"] == "/commands/2"
    assert written(scene) == before
    assert in_a_batch(scene, till, "earn", "redeem").body["applied"] == 2


def test_a_batch_is_for_those_who_may_give_some_command() -> None:
    scene = Scene()
    reader = another_key(scene.api, scopes=("ledger:read", "members:write"))
    answer = reader.post(BATCH, b"{")
    assert (answer.status, answer.code) == (403, "forbidden")
    assert "ledger:earn" in answer.body["details"]["scopes"]


# -------------------------------------------------------------------------- places


@pytest.mark.parametrize("verb", AT_A_TILL)
def test_a_cashier_of_one_place_is_there(verb: str) -> None:
    scene = Scene()
    cashier = a_person(scene.api, "cashier")
    answer = single(scene, cashier, verb)
    assert answer.status == 201, answer.body
    assert answer.body["entry"]["metadata"] == {"place": "old-town"}
    assert answer.body["entry"]["actor"].startswith("usr_")


@pytest.mark.parametrize("verb", AT_A_TILL)
def test_a_cashier_of_several_places_says_which(verb: str) -> None:
    scene = Scene()
    places = [a_place(scene.api, code) for code in ("old-town", "harbour")]
    a_place(scene.api, "airport")
    cashier = a_person(scene.api, "cashier", places=places)
    before = written(scene)
    for said in ({}, {"place": "airport"}, {"place": "moon"}):
        answer = single(scene, cashier, verb, **said)
        assert (answer.status, answer.code) == (403, "forbidden"), said
        assert answer.body["details"] == {"places": ["harbour", "old-town"]}
        assert answer.body["errors"][0]["pointer"] == "/place"
        many = in_a_batch(scene, cashier, "earn", verb, **said)
        assert (many.status, many.code) == (403, "forbidden"), said
    assert written(scene) == before
    answer = single(scene, cashier, verb, place="harbour", metadata={"till": 3})
    assert answer.status == 201, answer.body
    assert answer.body["entry"]["metadata"] == {"place": "harbour", "till": 3}


def test_others_may_name_a_place_of_the_program() -> None:
    scene = Scene()
    a_place(scene.api, "harbour")
    answer = single(scene, scene.api, "earn", place="harbour")
    assert answer.body["entry"]["metadata"] == {"place": "harbour"}
    nowhere = single(scene, scene.api, "redeem", place="moon")
    assert (nowhere.status, nowhere.code) == (400, "malformed")
    assert nowhere.body["errors"] == [
        {
            "code": "place_not_found",
            "detail": "There is no such place.",
            "pointer": "/place",
        }
    ]
    assert single(scene, scene.api, "redeem", place="a\0b").code == "malformed"
    twice = single(
        scene, scene.api, "redeem", place="harbour", metadata={"place": "airport"}
    )
    assert (twice.status, twice.code) == (400, "malformed")
    assert single(scene, scene.api, "redeem").body["entry"]["metadata"] == {}


def test_where_it_happens_is_not_what_is_asked() -> None:
    scene = Scene()
    a_place(scene.api, "harbour")
    first = single(scene, scene.api, "earn", place="harbour")
    again = single(scene, scene.api, "earn")
    assert (again.replayed, again.body) == (True, first.body)


# -------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("points", "status"), [(50, 201), (-50, 201), (51, 403), (-51, 403)]
)
def test_support_adjusts_up_to_a_limit(points: int, status: int) -> None:
    scene = Scene()
    support = a_person(scene.api, "support", adjust_limit=50)
    before = written(scene)
    answer = single(scene, support, "adjust", points=points)
    assert answer.status == status
    if status == 403:
        assert answer.code == "forbidden"
        assert answer.body["details"] == {"adjust_limit": 50}
        many = in_a_batch(scene, support, "refund", "adjust", points=points)
        assert (many.status, many.code) == (403, "forbidden")
        assert many.body["errors"][0]["pointer"] == "/commands/1/points"
        assert written(scene) == before


@pytest.mark.parametrize("verb", ["extend", "lapse"])
def test_support_corrects_lots_up_to_the_same_limit(verb: str) -> None:
    scene = Scene()
    path = f"{scene.account}/lots/1.1/{verb}"
    # 50 points are left in it.
    below = a_person(scene.api, "support", adjust_limit=49)
    for body in (WHY, {**WHY, "points": 50}):
        answer = below.post(path, body, key="k")
        assert (answer.status, answer.code) == (403, "forbidden")
        assert answer.body["details"] == {"adjust_limit": 49}
    assert below.post(path, {**WHY, "points": 49}, key="k").status == 201
    rest = a_person(scene.api, "support", adjust_limit=1)
    assert rest.post(path, WHY, key="rest").status == 201


def test_an_admin_and_a_key_adjust_without_a_limit() -> None:
    scene = Scene()
    for caller in (a_person(scene.api, "admin"), scene.api):
        body = {"points": 10**9, **WHY}
        key = caller.secret[-8:]
        answer = caller.post(f"{scene.account}/adjust", body, key=key)
        assert answer.status == 201


# --------------------------------------------------------------------------- audit


def test_what_a_person_does_is_in_the_audit_with_it() -> None:
    scene = Scene()
    admin = a_person(scene.api, "admin")
    done = {
        "earn": "points.earned",
        "redeem": "points.redeemed",
        "reserve": "points.reserved",
        "capture": "hold.captured",
        "refund": "points.refunded",
        "reverse": "points.reversed",
        "activate": "lot.activated",
        "adjust": "points.adjusted",
        "transfer": "points.transferred",
    }
    entries = {}
    for verb in done:
        answer = single(scene, admin, verb)
        assert answer.status == 201, (verb, answer.body)
        assert single(scene, admin, verb).replayed
        entries[verb] = answer.body["entry"]
    rows = [
        row
        for row in reversed(list_changes(program=scene.api.program, limit=99))
        if row.actor == entries["earn"]["actor"] and row.action in done.values()
    ]
    assert [row.action for row in rows] == list(done.values())
    for row, entry in zip(rows, entries.values(), strict=True):
        assert row.target == entry["account"]
        facts = {"entry": entry["sequence"], "points": entry["amount"]}
        if entry["type"] == "transfer_out":
            facts["to"] = entry["transfer"]["account"]
        assert row.fields == facts


def test_a_batch_leaves_one_row_for_each_command_that_took_effect() -> None:
    scene = Scene()
    admin = a_person(scene.api, "admin")
    known = {row.id for row in list_changes(program=scene.api.program, limit=99)}
    for _ in range(2):
        answer = in_a_batch(scene, admin, "earn", "void", "redeem", points=10**9)
        codes = [outcome["code"] for outcome in answer.body["data"]]
        assert codes == ["applied", "applied", "insufficient_points"]
    found = list_changes(program=scene.api.program, limit=99)
    new = [row.action for row in reversed(found) if row.id not in known]
    assert new == ["points.earned", "hold.voided"]


def test_neither_a_dry_run_nor_a_machine_is_in_the_audit() -> None:
    scene = Scene()
    admin = a_person(scene.api, "admin")
    known = list_changes(program=scene.api.program, limit=99)
    path = "/v1/accounts/{account}/earn"
    dry = scene.send("POST", path, caller=admin, query="?dry_run=true")
    assert dry.status == 200
    assert single(scene, scene.api, "earn").status == 201
    assert list_changes(program=scene.api.program, limit=99) == known
