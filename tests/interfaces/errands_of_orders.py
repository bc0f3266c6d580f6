"""How each refusal about orders, returns and activities is met: code -> the call."""

from __future__ import annotations

from tests.interfaces.conftest import Answer
from tests.interfaces.errands import Errand
from tests.interfaces.scene import Scene


def order_not_found(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, named={"order": "ext:nobody"})


def nobodys(scene: Scene, method: str, path: str) -> Answer:
    """Ask for what a scene has none of."""
    return scene.send(method, path)


ORDERS: dict[str, Errand] = {
    "order_not_found": order_not_found,
    "return_not_found": nobodys,
    "activity_not_found": nobodys,
}
