"""Every operation of the API, as its addresses declare them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from punchcard.interfaces.api.endpoint import Endpoint, Operation
from punchcard.interfaces.api.urls import urlpatterns

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


class Declared(NamedTuple):
    """One method of one address."""

    path: str
    """As the document writes it: `/v1/users/{user}`."""
    method: str
    operation: Operation


OPERATIONS = [
    Declared(PARAMETER.sub(r"{\1}", f"/{pattern.pattern}"), method, operation)
    for pattern in urlpatterns
    if issubclass(getattr(pattern.callback, "cls", object), Endpoint)
    for method, operation in pattern.callback.cls.operations.items()
]

NAMES = {
    "account": "ext:anna@points",
    "member": "ext:anna",
    "sequence": "1",
    "hold": "1",
    "lot": "1.1",
    "wallet": "points",
    "place": "ext:old-town",
}


def fill(path: str, names: Mapping[str, Any] = NAMES) -> str:
    """Return an address with names in it; what has none is an id that nobody has."""
    return re.sub(r"{(\w+)}", lambda found: str(names.get(found[1], "nobody")), path)
