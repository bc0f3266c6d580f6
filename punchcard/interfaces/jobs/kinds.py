"""What may be asked for: each kind of job, what it is told, and what it may touch.

A job's options are one of these structs, kept as JSON; its `kind` says which.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from punchcard.access.queries import Scope
from punchcard.interfaces.api import texts
from punchcard.interfaces.importing.columns import (
    BALANCES,
    MEMBERS,
    ORDERS,
    RETURNS,
    Columns,
)

Kind = Literal[
    "import_members",
    "import_orders",
    "import_returns",
    "import_balances",
    "export_members",
    "export_balances",
    "export_entries",
]

_COLUMN_MAX = 200
_Names = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40)],
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=_COLUMN_MAX,
                pattern=texts.whole(texts.PRINTABLE),
            ),
        ],
    ],
    Meta(
        description="Our name of a column → the file's, where that is another.",
        max_length=30,
        examples=[{"external_id": "customer_no"}],
    ),
]
_Wallet = Annotated[
    str,
    Meta(
        description="Code of a wallet of the program.",
        pattern=texts.whole(texts.CODE),
        max_length=texts.CODE_MAX,
        examples=["points"],
    ),
]
_Duration = Annotated[
    str,
    Meta(
        description="ISO 8601 duration; left out: as the wallet has it.",
        pattern=texts.whole(texts.DURATION),
        max_length=40,
        examples=["P12M"],
    ),
]
_Validity = Annotated[
    str,
    Meta(
        description="As of an earn; left out: as the wallet has it.",
        pattern=texts.whole(texts.VALIDITY),
        min_length=2,
        max_length=40,
        examples=["P12M"],
    ),
]
_Instant = Annotated[
    datetime, Meta(tz=True, description="RFC 3339, with its offset from UTC.")
]


class Options(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
):
    """What a job is told."""


class ImportMembers(Options, frozen=True, kw_only=True, tag="import_members"):
    """Enrol the members of a file, with what it says of them."""

    columns: _Names = {}


class ImportOrders(Options, frozen=True, kw_only=True, tag="import_orders"):
    """Post what the orders of a file earned, at the time they happened."""

    wallet: _Wallet = "points"
    points_per_unit: (
        Annotated[
            str,
            Meta(
                description=(
                    "Points for each whole unit of currency. Left out: as the program's"
                    " rules say, or 1 where it has none."
                ),
                pattern=texts.whole(r"^[0-9]{1,9}(\.[0-9]{1,9})?$"),
                max_length=19,
                examples=["1"],
            ),
        ]
        | None
    ) = None
    pending: _Duration | None = None
    validity: _Validity | None = None
    columns: _Names = {}


class ImportReturns(Options, frozen=True, kw_only=True, tag="import_returns"):
    """Record what came back of orders, and take back what it had earned."""

    columns: _Names = {}


class ImportBalances(Options, frozen=True, kw_only=True, tag="import_balances"):
    """Write what members hold elsewhere, lot by lot."""

    wallet: _Wallet = "points"
    at: _Instant | None = None
    reason: Annotated[
        str,
        Meta(
            description="Of rows that have none of their own.",
            min_length=1,
            max_length=2_000,
            pattern=texts.whole(texts.PRINTABLE),
        ),
    ] = "Opening balance"
    enrol: Annotated[
        bool, Meta(description="Enrol members that are not there yet.")
    ] = False
    columns: _Names = {}


class ExportMembers(Options, frozen=True, kw_only=True, tag="export_members"):
    """Write down who the members are; the file can be imported again."""


class ExportBalances(Options, frozen=True, kw_only=True, tag="export_balances"):
    """Write down what every member holds in a wallet."""

    wallet: _Wallet = "points"
    as_of: _Instant | None = None


class ExportEntries(Options, frozen=True, kw_only=True, tag="export_entries"):
    """Write down the entries of a wallet, account by account."""

    wallet: _Wallet = "points"
    effective_from: _Instant | None = None
    effective_to: (
        Annotated[datetime, Meta(tz=True, description="Not included.")] | None
    ) = None


AnyJob: TypeAlias = (
    ImportMembers
    | ImportOrders
    | ImportReturns
    | ImportBalances
    | ExportMembers
    | ExportBalances
    | ExportEntries
)

COLUMNS: dict[str, Columns] = {
    "import_members": MEMBERS,
    "import_orders": ORDERS,
    "import_returns": RETURNS,
    "import_balances": BALANCES,
}
"""Of the kinds that read a file."""

_DECODE = {
    kind.__struct_config__.tag: msgspec.json.Decoder(kind) for kind in get_args(AnyJob)
}


def kind_of(options: AnyJob) -> str:
    """Return the name of a kind."""
    return str(options.__struct_config__.tag)


def options_of(kind: str, told: dict[str, Any]) -> AnyJob:
    """Return what a job is told, from what was kept of it."""
    found: AnyJob = _DECODE[kind].decode(msgspec.json.encode(told))
    return found


def scopes_of(kind: str, told: dict[str, Any]) -> tuple[Scope, ...]:
    """Return what whoever asks for a job must be allowed to do besides.

    A job may do no more than its caller could do call by call.
    """
    if kind == "import_balances" and told.get("enrol"):
        return ("ledger:adjust", "members:write")
    return _SCOPES[kind]


_SCOPES: dict[str, tuple[Scope, ...]] = {
    "import_members": ("members:write",),
    "import_orders": ("ledger:earn", "members:write"),
    "import_returns": ("orders:write",),
    "import_balances": ("ledger:adjust",),
    "export_members": ("members:export",),
    "export_balances": ("ledger:read", "members:read"),
    "export_entries": ("ledger:read", "members:read"),
}
