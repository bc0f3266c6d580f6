"""Cases of `idempotency.json`: what a key may be, how long it lives, who needs none."""

from __future__ import annotations

from tests.builders import rows
from tests.interfaces.keys import Place, line, same
from tests.interfaces.people import a_person

ORDER = {"points": 5, "reference": {"type": "order", "id": "1017"}}

KEYS = [
    ("order-17", 201),
    ('"order-17"', 201),
    ("8e03978e-40d5-43e8-bc93-6894a57f9324", 201),
    ("x" * 200, 201),
    ("", 400),
    ("x" * 201, 400),
    ("x" * 300, 400),
    ("a\x00b", 400),
    ("clé", 400),
    ("a\tb", 400),
]


@line("I12", "command")
def keys_of_commands(at: Place) -> None:
    for key, status in KEYS:
        answer = at.earn(1, key=key)
        assert answer.status == status, key
        if status == 400:
            assert answer.code == "malformed"
            assert answer.body["errors"][0]["parameter"] == "Idempotency-Key"
    assert at.available == 100 + sum(status == 201 for _, status in KEYS)


@line("I12", "call")
def keys_of_calls(at: Place) -> None:
    for number, (key, status) in enumerate(KEYS):
        answer = at.enrol(f"m{number}", key=key)
        assert answer.status == status, key
        if status == 400:
            assert answer.body["errors"][0]["parameter"] == "Idempotency-Key"
    # `"k"` is not `k`: the quotes are a part of it.
    assert at.members == 1 + sum(status == 201 for _, status in KEYS)


@line("I13", "command")
def key_of_a_command_long_ago(at: Place) -> None:
    first, spent = at.api.post(f"{at.account}/earn", ORDER), at.redeem()
    assert (first.status, spent.status) == (201, 201)
    # The ledger's keys are kept for ever, whatever is forgotten elsewhere.
    assert at.kept == 0
    later = at.api.post("/v1/test/clock/advance", {"to": "2060-01-01T00:00:00Z"})
    assert later.status == 200
    for answer, before in (
        (at.api.post(f"{at.account}/earn", ORDER), first),
        (at.redeem(), spent),
    ):
        assert (answer.status, answer.replayed) == (201, True)
        assert answer.body["entry"] == before.body["entry"]
    assert (at.available, at.entries) == (100, 3)


@line("I13", "call")
def key_of_a_call_long_ago(at: Place) -> None:
    first = at.enrol(email="berta@example.org")
    assert first.status == 201
    rows(
        "UPDATE kernel_kept_answer SET created_at = created_at - interval '2 days',"
        " expires_at = now() WHERE program_id = %s RETURNING 1",
        (at.api.program,),
    )
    # The key is free again; the member's own id still makes it one member.
    again = at.enrol(email="other@example.org")
    assert (again.status, again.replayed) == (200, False)
    assert again.body == first.body
    assert at.members == 2
    same(again, at.enrol(email="other@example.org"))


# --------------------------------------------------------------------- the order's id


@line("I14", "command")
def order_without_a_key(at: Place) -> None:
    first = at.api.post(f"{at.account}/earn", ORDER)
    again = at.api.post(f"{at.account}/earn", ORDER)
    assert (first.status, again.status, again.replayed) == (201, 201, True)
    assert again.body == first.body
    assert (at.available, at.entries) == (105, 2)


@line("I15", "command")
def order_of_two_merchants(at: Place) -> None:
    abroad = Place()
    for place in (at, abroad):
        answer = place.api.post(f"{place.account}/earn", ORDER)
        assert (answer.status, answer.replayed) == (201, False)
    assert (at.available, abroad.available) == (105, 105)


@line("I16", "get")
def key_of_a_read(at: Place) -> None:
    first = at.api.get(f"{at.account}/balance", key="k")
    at.api.earn(at.account, 1)
    again = at.api.get(f"{at.account}/balance", key="k")
    assert again.body["balance"]["available"] == 101
    assert first.body["balance"]["available"] == 100
    assert not again.replayed
    # No read looks at it, so none can find it wrong.
    assert at.api.get(f"{at.account}/balance", key="x" * 300).status == 200
    assert at.kept == 0


@line("I16", "delete")
def key_of_a_delete(at: Place) -> None:
    me = a_person(at.api, "analyst").get("/v1/auth/me").body
    path = f"/v1/memberships/{me['membership']['id']}"
    first = at.api.call("DELETE", path, key="k")
    assert (first.status, first.replayed) == (204, False)
    # Done is done: asked again, it is not there any more.
    again = at.api.call("DELETE", path, key="k")
    assert (again.status, again.code) == (404, "membership_not_found")
    assert not again.replayed
    assert at.api.call("DELETE", path, key="x" * 300).status == 404
    assert at.kept == 0
