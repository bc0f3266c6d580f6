"""What the texts of the API may be, by name; the document says it with these."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

_END = r"\Z"

ANY = r"^[^\u0000]*$"
"""PostgreSQL keeps no NUL, so no text of ours has one."""

PRINTABLE = r"^[^\u0000-\u001f\u007f-\u009f]+$"
"""Less than Python means by it: there are letters that only look like spaces."""

PRINTABLE_OR_NONE = r"^[^\u0000-\u001f\u007f-\u009f]*$"

DURATION = r"^P[0-9YMWDTHS.,]+$"
VALIDITY = r"^(never|(P[0-9YMWDTHS.,]+)?(/[a-z0-9,-]+)?)$"
PENDING = r"^(event|P[0-9YMWDTHS.,]+)$"

CODE = r"^[a-z0-9_-]+$"
CODE_MAX = 63

CURRENCY = r"^[A-Z]{3}$"
WORD = r"^[a-z][a-z0-9_]{0,39}$"

_UUID = "[0-7][0-9a-hjkmnp-tv-z]{25}"
_EXTERNAL = "ext:.{1,200}"
MEMBER = f"^(mem_{_UUID}|{_EXTERNAL})$"
ACCOUNT = f"^(acc_{_UUID}|{_EXTERNAL}@[a-z0-9][-_a-z0-9]{{0,62}})$"
PLACE = f"^(plc_{_UUID}|ext:[-_a-z0-9]{{1,{CODE_MAX}}})$"
PLACE_MAX = len("ext:") + CODE_MAX
NAMED_MAX = len("ext:") + 200
MEMBER_MAX = NAMED_MAX
ACCOUNT_MAX = MEMBER_MAX + len("@") + CODE_MAX
ENTRY = f"{ACCOUNT.removesuffix('$')}/[0-9]{{1,15}}$"
ENTRY_MAX = ACCOUNT_MAX + len("/") + 15
LOT = r"^[0-9]{1,15}(\.[0-9]{1,9})?$"
LOT_MAX = 25
SAMPLE = "01h455vb4pex5vsknk084sn02q"


def whole(pattern: str) -> str:
    """Return a pattern of the document as Python must be told it, to be parsed with.

    For Python `$` is before a newline at the end too; for a JSON schema it is not.
    """
    return pattern.removesuffix("$") + _END


def as_said(pattern: str) -> str:
    """Return a pattern that is parsed with as the document says it."""
    return f"{pattern.removesuffix(_END)}$" if pattern.endswith(_END) else pattern


def named(prefix: str) -> str:
    """Return what names an object: its TypeID, or `ext:` and the caller's own id."""
    return f"^({prefix}_{_UUID}|{_EXTERNAL})$"


def id_pattern(prefix: str) -> str:
    """Return what a TypeID looks like, as in `mem_01h455vb4pex5vsknk084sn02q`."""
    return f"{prefix}_{_UUID}"


def type_id(prefix: str) -> Meta:
    """Return how the document describes an id in an answer."""
    return Meta(
        examples=[f"{prefix}_{SAMPLE}"],
        extra_json_schema={
            "pattern": f"^{id_pattern(prefix)}$",
            "maxLength": len(prefix) + 1 + len(SAMPLE),
        },
    )


AccountId = Annotated[str, type_id("acc")]
MemberId = Annotated[str, type_id("mem")]
EntryId = Annotated[
    str,
    Meta(
        examples=[f"acc_{SAMPLE}/1"],
        extra_json_schema={
            "pattern": f"^{id_pattern('acc')}/[0-9]+$",
            "maxLength": 50,
        },
    ),
]
LotId = Annotated[
    str,
    Meta(examples=["1.1"], extra_json_schema={"pattern": LOT, "maxLength": LOT_MAX}),
]
Actor = Annotated[
    str,
    Meta(
        description="Whose credential it was, or `system`.",
        examples=[f"key_{SAMPLE}"],
        extra_json_schema={"maxLength": 200, "pattern": PRINTABLE},
    ),
]
