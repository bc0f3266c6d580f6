"""Earn, redeem, refund and reverse over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

from tests.interfaces.conftest import Answer, Api


def test_an_earn_answers_the_entry_and_the_balance_after_it(api: Api) -> None:
    account = api.enrol()
    answer = api.post(
        f"{account}/earn",
        {
            "points": 500,
            "reference": {"type": "order", "id": "1017"},
            "metadata": {"order_amount": 4200},
            "description": "Two coffees",
        },
        key="k1",
    )
    assert answer.status == 201, answer.body
    entry = answer.body["entry"]
    assert entry["id"] == f"{entry['account']}/1"
    assert entry["id"].startswith("acc_")
    assert entry["type"] == "earn"
    assert entry["source"] == "purchase"
    assert entry["amount"] == entry["available"] == entry["balance"] == 500
    assert entry["reference"] == {"type": "order", "id": "1017"}
    assert entry["metadata"] == {"order_amount": 4200}
    assert entry["key"] == "k1"
    assert entry["actor"].startswith("key_")
    assert len(entry["hash"]) == 64
    assert answer.body["balance"] == {
        "available": 500,
        "pending": 0,
        "reserved": 0,
        "lifetime": 500,
    }


def test_the_same_key_answers_the_same_and_says_so(api: Api) -> None:
    account = api.enrol()
    first = api.post(f"{account}/earn", {"points": 5}, key="again")
    api.earn(account, 100)
    second = api.post(f"{account}/earn", {"points": 5}, key="again")
    assert (second.status, second.body) == (first.status, first.body)
    assert second.replayed
    assert not first.replayed
    assert api.get(account).body["balance"]["available"] == 105


def test_a_refusal_is_replayed_too(api: Api) -> None:
    account = api.enrol()
    first = api.post(f"{account}/redeem", {"points": 5}, key="r")
    api.earn(account, 100)
    second = api.post(f"{account}/redeem", {"points": 5}, key="r")
    assert (first.status, first.code) == (422, "insufficient_points")
    assert first.body["details"] == {"available": 0, "required": 5, "missing": 5}
    assert (second.status, second.code) == (422, "insufficient_points")
    assert second.body["details"] == first.body["details"]
    assert second.replayed


def test_a_key_used_for_something_else_is_refused(api: Api) -> None:
    account = api.enrol()
    api.post(f"{account}/earn", {"points": 5}, key="k")
    other = api.post(f"{account}/earn", {"points": 6}, key="k")
    assert (other.status, other.code) == (422, "key_reused")


def test_a_command_needs_a_key_unless_it_names_its_order(api: Api) -> None:
    account = api.enrol()
    bare = api.post(f"{account}/earn", {"points": 5})
    assert (bare.status, bare.code) == (400, "idempotency_key_required")
    order = {"points": 5, "reference": {"type": "order", "id": "9"}}
    assert api.post(f"{account}/earn", order).status == 201
    assert api.post(f"{account}/earn", order).replayed
    assert api.post(f"{account}/entries/1/reverse").code == "idempotency_key_required"


def test_a_redeem_up_to_spends_what_there_is(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 30)
    answer = api.post(f"{account}/redeem", {"points": 50, "up_to": True}, key="u")
    assert answer.status == 201
    assert answer.body["entry"]["amount"] == 30
    assert answer.body["balance"]["available"] == 0


def test_a_refund_gives_back_and_not_more_than_was_spent(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    spend = api.post(f"{account}/redeem", {"points": 60}, key="s").body["entry"]
    path = f"{account}/entries/{spend['sequence']}/refund"
    part = api.post(path, {"points": 20}, key="f1")
    assert part.body["balance"]["available"] == 60
    assert part.body["entry"]["relates_to"] == spend["sequence"]
    rest = api.post(path, key="f2")
    assert rest.body["balance"]["available"] == 100
    more = api.post(path, {"points": 1}, key="f3")
    assert (more.status, more.code) == (422, "exceeds_original")
    wrong = api.post(f"{account}/entries/1/refund", {}, key="f4")
    assert (wrong.status, wrong.code) == (422, "entry_not_reversible")
    absent = api.post(f"{account}/entries/99/refund", {}, key="f5")
    assert (absent.status, absent.code) == (404, "entry_not_found")
    absurd = api.post(f"{account}/entries/{'9' * 400}/refund", {}, key="f6")
    assert (absurd.status, absurd.code) == (404, "entry_not_found")


def test_a_reverse_follows_its_policy(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    api.post(f"{account}/redeem", {"points": 60}, key="s")
    path = f"{account}/entries/1/reverse"
    refused = api.post(path, {"policy": "refuse"}, key="v1")
    assert (refused.status, refused.code) == (422, "insufficient_points")
    done = api.post(path, {"policy": "debt"}, key="v2")
    assert done.status == 201
    assert done.body["balance"]["available"] == -60


def test_a_dry_run_answers_the_same_and_writes_nothing(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    dry = api.post(f"{account}/redeem?dry_run=true", {"points": 60}, key="d")
    assert dry.status == 200
    assert dry.body["balance"]["available"] == 40
    assert api.post(f"{account}/redeem?dry_run=true", {"points": 60}).status == 200
    assert api.get(account).body["balance"]["available"] == 100
    refused = api.post(f"{account}/redeem?dry_run=true", {"points": 600}, key="d")
    assert refused.code == "insufficient_points"
    real = api.post(f"{account}/redeem", {"points": 60}, key="d")
    assert real.status == 201
    assert not real.replayed


def test_no_account_holds_more_than_a_program_can_count(api: Api) -> None:
    account = api.enrol()
    for _ in range(9):
        api.earn(account, 10**15)
    answer = api.post(f"{account}/earn", {"points": 10**15}, key="l")
    assert (answer.status, answer.code) == (422, "limit_exceeded")
    assert api.get(account).body["balance"]["available"] == 9 * 10**15


def test_a_referred_member_must_exist(api: Api) -> None:
    account = api.enrol()
    api.enrol("bo")
    good = api.earn(account, 10, source="referral", referred_member="ext:bo")
    assert good["referred_member"].startswith("mem_")
    bad = api.post(
        f"{account}/earn", {"points": 1, "referred_member": "ext:nobody"}, key="n"
    )
    assert bad.status == 400
    assert bad.body["errors"][0]["pointer"] == "/referred_member"


def test_an_account_is_named_by_id_or_by_member_and_wallet(api: Api) -> None:
    account = api.enrol("gid://shop/Customer/7")
    entry = api.earn(account, 10)
    by_id = api.get(f"/v1/accounts/{entry['account']}")
    assert by_id.status == 200
    assert by_id.body == api.get(account).body
    assert api.get(f"{account}/entries/1").status == 200


def test_twins_that_arrive_together_happen_once(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    start = Barrier(6)

    def spend(_: int) -> Answer:
        twin = Api(program=api.program, secret=api.secret)
        try:
            start.wait(60)
            return twin.post(f"{account}/redeem", {"points": 60}, key="twin")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(spend, range(6)))
    assert [answer.status for answer in answers] == [201] * 6
    assert len({answer.response.content for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 5
    assert api.get(account).body["balance"]["available"] == 40
