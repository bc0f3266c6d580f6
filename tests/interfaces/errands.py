"""How each refusal of the ledger is met: code -> the call that meets it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.interfaces.conftest import Answer
from tests.interfaces.scene import Scene

Errand = Callable[[Scene, str, str], Answer]
"""(scene, method, address as the document writes it)"""
MOST = 10**15
TOO_MANY = 1_000
_WHY = {"reason": "A test"}


def _verb(path: str) -> str:
    return path.rpartition("/")[2]


def account_not_found(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, named={"account": "ext:nobody@points"})


# What the same key may stand for otherwise.
_OTHERWISE: dict[str, dict[str, Any]] = {
    "earn": {"points": 6},
    "redeem": {"points": 6},
    "reserve": {"points": 6},
    "adjust": {"points": 6, **_WHY},
    "transfer": {"points": 6, "to": "ext:bo@points"},
    "refund": {"points": 6},
    "reverse": {"points": 6},
    "capture": {"points": 6},
    "void": {"reference": {"type": "test", "id": "6"}},
    "activate": {"reference": {"type": "test", "id": "6"}},
    "cancel": {"reference": {"type": "test", "id": "6"}},
    "extend": {"points": 6, **_WHY},
    "lapse": {"points": 6, **_WHY},
    "freeze": {"reason": "Another test"},
    "unfreeze": {"reason": "Another test"},
    "close": {"reason": "Another test"},
    "wallets": {"code": "gold", "name": "Gold"},
}


def key_reused(scene: Scene, method: str, path: str) -> Answer:
    if _verb(path) in _OTHERWISE and not {
        "{job}",
        "{order}",
        "{return}",
    } & set(path.split("/")):
        scene.send(method, path)
        return scene.send(method, path, body=_OTHERWISE[_verb(path)])
    # Of what is no command a key stands for one request, whatever it is about.
    caller = scene.caller(method, path)
    caller.post(f"{scene.account}/unfreeze", _WHY, key="errand")
    return scene.send(method, path)


def account_closed(scene: Scene, method: str, path: str) -> Answer:
    scene.change("close")
    return scene.send(method, path)


def account_frozen(scene: Scene, method: str, path: str) -> Answer:
    scene.change("freeze")
    return scene.send(method, path)


def account_not_empty(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path)


def entry_not_found(scene: Scene, method: str, path: str) -> Answer:
    if path.endswith("/adjust"):
        body = {"points": 5, "lot": "999.1", **_WHY}
        return scene.send(method, path, body=body)
    absent = {"sequence": "999", "hold": "999", "lot": "999.1"}
    return scene.send(method, path, named=absent)


def entry_not_reversible(scene: Scene, method: str, path: str) -> Answer:
    other = scene.earned if path.endswith("/refund") else scene.spent
    return scene.send(method, path, named={"sequence": other})


def hold_not_open(scene: Scene, method: str, path: str) -> Answer:
    scene.api.post(f"{scene.account}/holds/{scene.held}/void", key="before")
    return scene.send(method, path)


def lot_not_pending(scene: Scene, method: str, path: str) -> Answer:
    scene.api.post(f"{scene.account}/lots/{scene.waiting}/cancel", key="before")
    return scene.send(method, path)


def exceeds_original(scene: Scene, method: str, path: str) -> Answer:
    body: dict[str, Any] = {"points": TOO_MANY}
    if path.endswith("/adjust"):
        body = {"points": -TOO_MANY, "lot": "1.1", **_WHY}
    elif path.endswith(("/extend", "/lapse")):
        body |= _WHY
    return scene.send(method, path, body=body)


def insufficient_points(scene: Scene, method: str, path: str) -> Answer:
    bodies: dict[str, dict[str, Any]] = {
        "reverse": {"policy": "refuse"},
        "adjust": {"points": -TOO_MANY, **_WHY},
        "transfer": {"points": TOO_MANY, "to": "ext:bo@points"},
    }
    body = bodies.get(_verb(path), {"points": TOO_MANY})
    return scene.send(method, path, body=body)


def limit_exceeded(scene: Scene, method: str, path: str) -> Answer:
    """Ask for more than the wallet lets be spent, or an account can count."""
    verb = _verb(path)
    if verb in {"redeem", "reserve", "transfer"}:
        narrow = Scene(limit_per_command=40)
        body = {**narrow.body(method, path), "points": 41}
        return narrow.send(method, path, body=body)
    earn = {"type": "earn", "points": MOST}
    up = {"type": "adjust", "points": MOST, **_WHY}
    debt = {"type": "adjust", "points": -MOST, "policy": "debt", **_WHY}
    if verb == "earn":
        scene.post_all(*[earn] * 9)
        return scene.send(method, path, body={"points": MOST})
    if verb == "adjust":
        scene.post_all(*[up] * 9)
        return scene.send(method, path, body={"points": MOST, **_WHY})
    spend = {"type": "redeem", "points": MOST}
    if verb == "refund":
        spent = scene.post_all(earn, spend, *[up] * 9)[1]["sequence"]
    else:
        spent = scene.post_all(earn, spend, *[debt] * 9)[0]["sequence"]
    return scene.send(method, path, named={"sequence": spent})


LEDGER: dict[str, Errand] = {
    "account_not_found": account_not_found,
    "key_reused": key_reused,
    "account_closed": account_closed,
    "account_frozen": account_frozen,
    "account_not_empty": account_not_empty,
    "entry_not_found": entry_not_found,
    "entry_not_reversible": entry_not_reversible,
    "hold_not_open": hold_not_open,
    "lot_not_pending": lot_not_pending,
    "exceeds_original": exceeds_original,
    "insufficient_points": insufficient_points,
    "limit_exceeded": limit_exceeded,
}
