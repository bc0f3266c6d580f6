"""How each refusal about orders, returns and activities is met: code -> the call."""

from __future__ import annotations

from typing import Any

from tests.interfaces import errands_of_people
from tests.interfaces.conftest import Answer
from tests.interfaces.errands import Errand
from tests.interfaces.ordering import NOON, PER_EURO, an_order, configure
from tests.interfaces.scene import Scene

CARD = {"kind": "card", "amount": 1200}


def _said(scene: Scene, method: str, path: str, **body: Any) -> Answer:
    return scene.send(method, path, body=scene.body(method, path) | body)


def _said_twice(scene: Scene, method: str, path: str, **body: Any) -> Answer:
    """Tell it as one should, and again otherwise."""
    assert scene.send(method, path, key="before").status == 201
    return _said(scene, method, path, **body)


def nobodys(scene: Scene, method: str, path: str) -> Answer:
    """Ask for what a scene has none of."""
    return scene.send(method, path)


def member_not_found(scene: Scene, method: str, path: str) -> Answer:
    if "{member}" in path:
        return errands_of_people.member_not_found(scene, method, path)
    return _said(scene, method, path, member="ext:nobody")


def member_erased(scene: Scene, method: str, path: str) -> Answer:
    if "{member}" in path:
        return errands_of_people.member_erased(scene, method, path)
    erased = scene.api.post("/v1/members/ext:anna/erase").body["id"]
    return _said(scene, method, path, member=erased)


def order_not_found(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, named={"order": "ext:nobody"})


def return_not_found(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, named={"return": "ext:nobody"})


def currency_differs(scene: Scene, method: str, path: str) -> Answer:
    return _said(scene, method, path, currency="USD")


def tender_entry_not_found(scene: Scene, method: str, path: str) -> Answer:
    """Pay with what was earned, not spent."""
    entry = f"ext:anna@points/{scene.earned}"
    tender = {"kind": "points", "amount": 1200, "entry": entry}
    return _said(scene, method, path, tenders=[tender])


def total_differs(scene: Scene, method: str, path: str) -> Answer:
    return _said(scene, method, path, total=1)


def tenders_differ(scene: Scene, method: str, path: str) -> Answer:
    return _said(scene, method, path, tenders=[CARD | {"amount": 1}])


def order_reused(scene: Scene, method: str, path: str) -> Answer:
    if path.endswith("/pay"):
        paid = {"order": scene.order}
        return scene.send(method, path, named=paid, body={"tenders": [CARD]})
    return _said_twice(scene, method, path, channel="web")


def return_reused(scene: Scene, method: str, path: str) -> Answer:
    return _said_twice(scene, method, path, everything=False, shipping=1)


def activity_reused(scene: Scene, method: str, path: str) -> Answer:
    return _said_twice(scene, method, path, facts={"stars": 1})


def order_cannot_move(scene: Scene, method: str, path: str) -> Answer:
    """Pay what is cancelled, cancel what came back; the rest wants a paid one."""
    order = scene.open_order
    if path.endswith("/pay"):
        assert scene.api.post(f"/v1/orders/{order}/cancel", {}).status == 200
    elif path.endswith("/cancel"):
        order = scene.order
        scene.send("POST", "/v1/orders/{order}/returns", key="before")
    return scene.send(method, path, named={"order": order})


def refund_ended(scene: Scene, method: str, path: str) -> Answer:
    """Tell that it failed after it has succeeded."""
    assert scene.send(method, path, key="before").status == 200
    return _said(scene, method, path, outcome="failed")


def line_not_found(scene: Scene, method: str, path: str) -> Answer:
    lines = [{"line": 9, "quantity": 1}]
    return _said(scene, method, path, everything=False, lines=lines)


def exceeds_order(scene: Scene, method: str, path: str) -> Answer:
    lines = [{"line": 1, "quantity": 9}]
    return _said(scene, method, path, everything=False, lines=lines)


def points_spent(scene: Scene, method: str, path: str) -> Answer:
    """Take back what a program does not take back, once it is spent."""
    refuse = {"shortfall": "refuse"}
    configure(scene.api, {"earn": PER_EURO}, returns=refuse)
    order = an_order(scene.api, "earning", status="open")
    assert scene.api.post(f"/v1/orders/{order}/pay", {}).body["entries"]
    named = {"order": order}
    if "{return}" in path:
        back = {"external_id": "back", "occurred_at": NOON.isoformat()}
        said = back | {"everything": True, "refund": "pending"}
        told = scene.api.post(f"/v1/orders/{order}/returns", said)
        named = {"return": told.body["return"]["id"]}
    scene.empty()
    return scene.send(method, path, named=named)


def activity_type_unknown(scene: Scene, method: str, path: str) -> Answer:
    configure(scene.api, activities={"check_in": {}})
    return scene.send(method, path)


def activity_facts_malformed(scene: Scene, method: str, path: str) -> Answer:
    configure(scene.api, activities={"review": {"facts": {"stars": "text"}}})
    return scene.send(method, path)


ORDERS: dict[str, Errand] = {
    "member_not_found": member_not_found,
    "member_erased": member_erased,
    "order_not_found": order_not_found,
    "return_not_found": return_not_found,
    "activity_not_found": nobodys,
    "currency_differs": currency_differs,
    "tender_entry_not_found": tender_entry_not_found,
    "total_differs": total_differs,
    "tenders_differ": tenders_differ,
    "order_reused": order_reused,
    "return_reused": return_reused,
    "activity_reused": activity_reused,
    "order_cannot_move": order_cannot_move,
    "refund_ended": refund_ended,
    "line_not_found": line_not_found,
    "exceeds_order": exceeds_order,
    "points_spent": points_spent,
    "activity_type_unknown": activity_type_unknown,
    "activity_facts_malformed": activity_facts_malformed,
}
