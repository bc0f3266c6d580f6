"""Cases of `idempotency.json`: what is answered again, and what counts as the same."""

from __future__ import annotations

from tests.interfaces.conftest import another_key
from tests.interfaces.keys import Place, line, same

# --------------------------------------------------------------------- the answer


@line("I1", "command")
def missing_key(at: Place) -> None:
    answer = at.redeem(key=None)
    assert (answer.status, answer.code) == (400, "idempotency_key_required")
    assert (at.available, at.entries) == (100, 1)


@line("I1", "call")
def needless_key(at: Place) -> None:
    assert at.enrol(key=None).status == 201
    assert at.kept == 0


@line("I2", "command")
def command_again(at: Place) -> None:
    first = at.redeem()
    assert first.status == 201
    again = at.redeem()
    assert (again.status, again.replayed) == (201, True)
    assert again.body == first.body
    assert (at.available, at.entries) == (95, 2)


@line("I2", "call")
def call_again(at: Place) -> None:
    first = at.enrol()
    assert first.status == 201
    same(first, at.enrol())
    assert at.members == 2


@line("I2", "patch")
def patch_again(at: Place) -> None:
    first = at.rename()
    assert (first.status, first.response["ETag"]) == (200, '"2"')
    # Without the key this would be 412: it is of version 2 by now.
    same(first, at.rename())
    assert at.version == 2


@line("I2", "later")
def patch_again_after_another(at: Place) -> None:
    first = at.rename()
    assert at.rename("Berta", key="other", tag='"2"').status == 200
    same(first, at.rename())
    assert at.version == 3


@line("I2", "clock")
def clock_again(at: Place) -> None:
    body = {"to": "2031-01-01T00:00:00Z"}
    first = at.api.post("/v1/test/clock/advance", body, key="k")
    assert first.status == 200
    same(first, at.api.post("/v1/test/clock/advance", body, key="k"))


@line("I3", "command")
def another_command(at: Place) -> None:
    at.redeem()
    answer = at.redeem(6)
    assert (answer.status, answer.code) == (422, "key_reused")
    assert (at.available, at.entries) == (95, 2)


@line("I3", "call")
def another_call(at: Place) -> None:
    first = at.enrol()
    answer = at.enrol("carla")
    assert (answer.status, answer.code) == (422, "key_reused")
    assert at.members == 2
    same(first, at.enrol())


@line("I3", "patch")
def another_version(at: Place) -> None:
    at.rename()
    answer = at.rename(tag='"2"')
    assert (answer.status, answer.code) == (422, "key_reused")
    assert at.version == 2


# --------------------------------------------------------------------- the question


@line("I6", "command")
def command_written_otherwise(at: Place) -> None:
    path, key = f"{at.account}/earn", "k"
    plain = b'{"points":5,"source":"bonus"}'
    first = at.api.post(path, plain, key=key)
    assert first.status == 201
    again = at.api.post(path, b'{ "source" : "bonus",\n "points": 5 }', key=key)
    assert (again.status, again.replayed) == (201, True)
    assert again.body == first.body
    # Points are whole: 1.0 is no number of points, with whatever key.
    answer = at.api.post(path, b'{"points":5.0,"source":"bonus"}', key=key)
    assert (answer.status, answer.code) == (400, "malformed")
    assert (at.available, at.entries) == (105, 2)


@line("I6", "call")
def call_written_otherwise(at: Place) -> None:
    path, key = "/v1/members", "k"
    plain = b'{"external_id":"berta","attributes":{"a":1,"b":2}}'
    first = at.api.post(path, plain, key=key)
    other = b'{ "attributes": {"b":2, "a":1},\n "external_id": "berta" }'
    same(first, at.api.post(path, other, key=key))
    # What a field may leave out may also be said.
    said = b'{"external_id":"berta","attributes":{"a":1,"b":2},"email":null,"tags":[]}'
    same(first, at.api.post(path, said, key=key))
    # In what is yours, 1.0 is another value than 1.
    point = b'{"external_id":"berta","attributes":{"a":1.0,"b":2}}'
    assert at.api.post(path, point, key=key).code == "key_reused"
    assert at.members == 2


@line("I7", "command")
def key_at_another_command(at: Place) -> None:
    at.earn()
    answer = at.redeem()
    assert (answer.status, answer.code) == (422, "key_reused")
    assert (at.available, at.entries) == (105, 2)


@line("I7", "call")
def key_at_another_call(at: Place) -> None:
    first = at.enrol()
    batch = {"members": [{"external_id": "carla"}]}
    for answer in (
        at.api.post("/v1/members:batch", batch, key="k"),
        at.api.post("/v1/members/ext:anna/erase", key="k"),
        at.rename(),
    ):
        assert (answer.status, answer.code) == (422, "key_reused")
    assert (at.members, at.version) == (2, 1)
    same(first, at.enrol())


@line("I7", "both")
def key_of_a_command_and_of_a_call(at: Place) -> None:
    # The ledger's keys are the account's, these the caller's: two different shelves.
    earned, enrolled = at.earn(), at.enrol()
    assert (earned.status, enrolled.status) == (201, 201)
    assert earned.body.keys() != enrolled.body.keys()
    assert at.earn().body == earned.body
    same(enrolled, at.enrol())


@line("I8", "command")
def key_of_another_account(at: Place) -> None:
    at.redeem()
    other = at.api.enrol("berta")
    at.api.earn(other, 50)
    answer = at.api.post(f"{other}/redeem", {"points": 5}, key="k")
    assert (answer.status, answer.replayed) == (201, False)
    assert answer.body["balance"]["available"] == 45
    abroad = Place()
    assert abroad.redeem().body["balance"]["available"] == 95
    assert at.available == 95


@line("I8", "call")
def key_of_another_caller(at: Place) -> None:
    first = at.enrol(email="berta@example.org")
    abroad = Place()
    answer = abroad.enrol(email="other@example.org")
    assert (answer.status, answer.replayed) == (201, False)
    assert answer.body["email"] == "other@example.org"
    # Another key of the same program asks for itself: the member is there already.
    colleague = another_key(at.api, scopes=("members:write",))
    answer = colleague.post("/v1/members", {"external_id": "berta"}, key="k")
    assert (answer.status, answer.replayed) == (200, False)
    same(first, at.enrol(email="berta@example.org"))


@line("I8", "patch")
def key_at_another_member(at: Place) -> None:
    at.enrol(key=None)
    at.rename()
    at.member = "/v1/members/ext:berta"
    answer = at.rename()
    assert (answer.status, answer.code) == (422, "key_reused")
    assert at.version == 1


# --------------------------------------------------------------------- refusals


@line("I9", "command")
def command_refused_first(at: Place) -> None:
    first = at.redeem(500)
    assert (first.status, first.code) == (422, "insufficient_points")
    at.api.earn(at.account, 1_000)
    again = at.redeem(500)
    assert (again.status, again.code) == (422, "insufficient_points")
    assert again.replayed
    assert again.body["details"] == first.body["details"]
    assert at.available == 1_100
    assert at.redeem(500, key="new").status == 201


@line("I9", "call")
def call_refused_first(at: Place) -> None:
    at.member = "/v1/members/ext:berta"
    first = at.rename()
    assert (first.status, first.code) == (404, "member_not_found")
    at.enrol(key=None)
    same(first, at.rename())
    assert at.version == 1
    assert at.rename(key="new").status == 200


@line("I9", "malformed")
def call_malformed_first(at: Place) -> None:
    # What does not fit was never asked, whoever noticed: the key is as good as new.
    for email in (5, "nobody"):
        assert at.enrol(email=email).code == "malformed"
        assert at.kept == 0
    assert at.enrol(email="berta@example.org").status == 201


@line("I9", "forbidden")
def call_forbidden_first(at: Place) -> None:
    reader = another_key(at.api, scopes=("members:read",))
    answer = reader.post("/v1/members", {"external_id": "berta"}, key="k")
    assert answer.code == "forbidden"
    assert at.kept == 0
