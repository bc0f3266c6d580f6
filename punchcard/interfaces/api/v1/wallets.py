"""Wallets: the units that members of a program can hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    operation,
)
from punchcard.journeys.create_wallet import create_wallet
from punchcard.kernel.ids import typed
from punchcard.programs.queries import WalletView, list_wallets

from .bodies import Period, ValidityText

MEMBERS_PER_CALL = 20_000
"""Who get their account while the caller waits; the same call again goes on."""

_LIMIT_MAX = 10**15
_POLICIES = ["debt", "cap", "refuse"]

Code = Annotated[
    str,
    Meta(
        description="Unique in the program; names accounts, as in `ext:anna@miles`.",
        examples=["miles"],
        extra_json_schema={
            "maxLength": 63,
            "pattern": "^[a-z0-9]([-_]?[a-z0-9])*$",
        },
    ),
]
Name = Annotated[
    str,
    Meta(
        examples=["Miles"],
        extra_json_schema={
            "minLength": 1,
            "maxLength": 200,
            "pattern": texts.PRINTABLE,
        },
    ),
]
Scale = Annotated[
    int,
    Meta(
        description="Decimals of the unit: with 2, the amount 150 is 1.50.",
        examples=[2],
        extra_json_schema={"minimum": 0, "maximum": 9},
    ),
]
DebtPolicy = Annotated[
    str,
    Meta(
        description="When a reverse finds too little: go below zero, write it off, or "
        "refuse.",
        extra_json_schema={"enum": _POLICIES},
    ),
]
PointLimit = Annotated[
    int,
    Meta(
        description="Minor units that may leave an account at most.",
        extra_json_schema={"minimum": 1, "maximum": _LIMIT_MAX},
    ),
]


class WalletBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wallet and the policy that its points live by."""

    code: Code
    name: Name
    scale: Scale = 0
    pending_period: Annotated[
        Period, Meta(description="Until earned points can be spent.")
    ] = "PT0S"
    validity: (
        Annotated[ValidityText, Meta(description="From then on; left out: for ever.")]
        | None
    ) = None
    grace: Annotated[
        Period, Meta(description="Of refunded points that had lapsed meanwhile.")
    ] = "P30D"
    debt_policy: DebtPolicy = "debt"
    hold_time_max: Annotated[
        Period, Meta(description="How long points can be held at most.")
    ] = "P7D"
    idle: (
        Annotated[
            Period,
            Meta(description="Without an earn or a spend for so long, all lapse."),
        ]
        | None
    ) = None
    limit_per_command: PointLimit | None = None
    limit_per_day: PointLimit | None = None
    limit_per_month: PointLimit | None = None


class WalletAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet and its policy."""

    id: Annotated[str, Meta(examples=["wal_01h455vb4pex5vsknk084sn02q"])]
    code: Code
    name: Name
    scale: Scale
    pending_period: str
    validity: str | None
    grace: str
    debt_policy: str
    hold_time_max: str
    idle: str | None
    limit_per_command: int | None
    limit_per_day: int | None
    limit_per_month: int | None
    created_at: datetime


class NewWalletAnswer(WalletAnswer, frozen=True, kw_only=True):
    """A wallet, and how far its accounts are."""

    accounts_opened: Annotated[int, Meta(description="By this call.")]
    complete: Annotated[
        bool,
        Meta(
            description="Whether every member has an account. If not, the same call "
            "again, without a key or with a new one, opens more."
        ),
    ]


class WalletList(msgspec.Struct, frozen=True, kw_only=True):
    """All wallets of a program, by code."""

    data: list[WalletAnswer]
    has_more: bool = False
    next_cursor: None = None


class Wallets(Endpoint):
    """`/v1/wallets`."""

    @operation(
        Operation(
            id="createWallet",
            summary="Create a wallet",
            description=(
                "Makes the wallet, and an account in it for every member. The same "
                "wallet again answers 200 and opens what accounts are missing."
            ),
            tag="program",
            scope="program:write",
            body=WalletBody,
            answers={201: NewWalletAnswer, 200: NewWalletAnswer},
            refusals=("wallet_code_taken",),
            key="optional",
            one_transaction=False,
            example={
                "code": "miles",
                "name": "Miles",
                "scale": 2,
                "validity": "P2Y",
                "limit_per_day": 500_000,
            },
        )
    )
    def post(self, call: Call[WalletBody, NoQuery]) -> Answer:
        """Create a wallet."""
        said = msgspec.structs.asdict(call.body)
        made = create_wallet(
            program=call.program.id,
            author=call.author,
            now=call.now,
            most=MEMBERS_PER_CALL,
            **said,
        )
        answer = NewWalletAnswer(
            **_rendered(made.wallet),
            accounts_opened=made.accounts_opened,
            complete=made.complete,
        )
        return Answer(body=answer, status=201 if made.created else 200)

    @operation(
        Operation(
            id="listWallets",
            summary="List the wallets",
            description="All of the program, by code.",
            tag="program",
            scope="program:read",
            answers={200: WalletList},
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """List the wallets."""
        wallets = list_wallets(program=call.program.id)
        return Answer(body=WalletList(data=[render_wallet(one) for one in wallets]))


def render_wallet(wallet: WalletView) -> WalletAnswer:
    """Return a wallet as it is answered."""
    return WalletAnswer(**_rendered(wallet))


def _rendered(wallet: WalletView) -> dict[str, Any]:
    said = msgspec.structs.asdict(wallet)
    said["id"] = typed("wal", said.pop("id"))
    del said["program"]
    return said
