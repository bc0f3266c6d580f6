"""What is said of orders, returns and activities over HTTP.

An order states its currency once; every amount of it, and of its returns, is a whole
number of minor units of that. Types are checked here, ranges and sense by the room, so
that in a batch each order has its own outcome.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.orders.queries import TenderKind

from .bodies import Instant, MemberText

ORDERS_MAX = 1_000
_AMOUNT_MAX = 10**15
_LINES_MAX = 1_000
_TENDERS_MAX = 50
_TEXT = {"minLength": 1, "maxLength": 200, "pattern": texts.PRINTABLE}


def _amount(description: str = "", *, least: int = 0, **more: Any) -> Meta:
    return Meta(
        description=description or "Minor units of the order's currency.",
        extra_json_schema={"minimum": least, "maximum": _AMOUNT_MAX},
        **more,
    )


def _text(example: str, description: str | None = None) -> Meta:
    return Meta(description=description, examples=[example], extra_json_schema=_TEXT)


Amount = Annotated[int, _amount()]
EntryText = Annotated[
    str,
    Meta(
        description=(
            "Of points: the redeem or capture that spent them, `acc_…/17` or "
            "`ext:<external id of the member>@<wallet>/17`. Then a return gives them "
            "back to the lots that they came from; without it the tender is "
            "information only."
        ),
        max_length=texts.ENTRY_MAX,
        pattern=texts.whole(texts.ENTRY),
    ),
]
CurrencySaid = Annotated[
    str,
    Meta(
        description="ISO 4217, the program's. Every amount is in minor units of it.",
        min_length=3,
        max_length=3,
        pattern=texts.whole(texts.CURRENCY),
        examples=["EUR"],
    ),
]
Happened = Annotated[
    Instant, Meta(description="When it happened.", examples=["2026-01-31T12:00:00Z"])
]
OrderName = Annotated[
    str,
    _text("1017", "Your id, unique in the program: told twice, it is one order."),
]
ReturnName = Annotated[
    str, _text("R-1", "Your id, unique in the program: told twice, it is one return.")
]
ActivityName = Annotated[
    str,
    _text("review-1", "Your id, unique in the program: told twice, it is one."),
]
OrderPlace = Annotated[
    str,
    Meta(
        description=(
            "Code of the place where it happens. A cashier's is one of their own, and "
            "may be left out when they have one."
        ),
        max_length=texts.CODE_MAX,
        pattern=texts.whole(texts.CODE),
        examples=["old-town"],
    ),
]
WholeReturn = Annotated[
    bool, Meta(description="All that is left, the shipping with it.", examples=[True])
]
Word = Annotated[
    str,
    Meta(
        description="What they did: a word of yours.",
        examples=["review"],
        extra_json_schema={
            "minLength": 1,
            "maxLength": 40,
            "pattern": texts.WORD,
        },
    ),
]
FactName = Annotated[
    str, Meta(extra_json_schema={"maxLength": 40, "pattern": texts.WORD})
]
Fact = (
    Annotated[
        str,
        Meta(extra_json_schema={"maxLength": 500, "pattern": texts.PRINTABLE_OR_NONE}),
    ]
    | Annotated[
        int, Meta(extra_json_schema={"minimum": -_AMOUNT_MAX, "maximum": _AMOUNT_MAX})
    ]
    | bool
)
FactsSaid = Annotated[
    dict[FactName, Fact],
    Meta(
        description="What is known of it: texts, whole numbers, true or false.",
        examples=[{"stars": 5}],
        extra_json_schema={"maxProperties": 50},
    ),
]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field that is not one is refused."""


class LineBody(_Body, frozen=True, kw_only=True):
    """So many of one thing, and what they cost together."""

    sku: Annotated[str, _text("beans-1kg")] | None = None
    name: Annotated[str, Meta(extra_json_schema=_TEXT)] | None = None
    category: Annotated[str, _text("coffee")] | None = None
    brand: Annotated[str, Meta(extra_json_schema=_TEXT)] | None = None
    quantity: Annotated[int, _amount("How many.", least=1)] = 1
    unit_price: Annotated[int, _amount(examples=[1200])]
    discount: Annotated[int, _amount("Taken off the whole line.")] = 0
    tax: Annotated[int, _amount("Of the whole line, after every discount.")] = 0


class TenderBody(_Body, frozen=True, kw_only=True):
    """What a part of the total was paid with."""

    kind: TenderKind
    amount: Annotated[int, _amount(least=1, examples=[1200])]
    entry: EntryText | None = None


Lines = Annotated[list[LineBody], Meta(extra_json_schema={"maxItems": _LINES_MAX})]
Tenders = Annotated[
    list[TenderBody], Meta(extra_json_schema={"maxItems": _TENDERS_MAX})
]


class OrderBody(_Body, frozen=True, kw_only=True):
    """An order as you know it. Once recorded, its contents never change."""

    external_id: OrderName
    member: Annotated[MemberText, Meta(examples=["ext:anna"])]
    occurred_at: Happened
    currency: CurrencySaid
    status: Literal["open", "paid"] = "paid"
    lines: Annotated[
        Lines,
        Meta(
            description="None: one line, of what the total leaves after shipping.",
            examples=[[{"sku": "beans-1kg", "category": "coffee", "unit_price": 1200}]],
        ),
    ] = []
    shipping: Amount = 0
    discount: Annotated[
        int, _amount("Of the whole order, beside those of its lines; spread over them.")
    ] = 0
    total: (
        Annotated[
            int,
            _amount("What the customer pays. Computed of lines, and then compared."),
        ]
        | None
    ) = None
    tax_included: Annotated[
        bool, Meta(description="Whether prices have the tax inside; else it is on top.")
    ] = True
    tenders: Annotated[
        Tenders, Meta(description="None of a paid order: all of it was money.")
    ] = []
    channel: (
        Annotated[
            str,
            Meta(
                description="Where it was bought: a word of yours.",
                extra_json_schema=_TEXT,
            ),
        ]
        | None
    ) = None
    place: OrderPlace | None = None


class OrderBatch(_Body, frozen=True, kw_only=True):
    """Orders, recorded and judged one after the other in this order."""

    orders: Annotated[list[OrderBody], Meta(min_length=1, max_length=ORDERS_MAX)]


class PayBody(_Body, frozen=True, kw_only=True):
    """An order was paid."""

    at: Annotated[Instant | None, Meta(description="When; left out: now.")] = None
    tenders: Annotated[
        Tenders,
        Meta(description="With what, if that was not told before; none: money."),
    ] = []


class MoveBody(_Body, frozen=True, kw_only=True):
    """An order was cancelled, or is open again."""

    at: Annotated[Instant | None, Meta(description="When; left out: now.")] = None


class ReturnedLineBody(_Body, frozen=True, kw_only=True):
    """Of one line, so many units or so much of its amount."""

    line: Annotated[
        int,
        Meta(
            description="Its number; 1 is the first.",
            examples=[1],
            extra_json_schema={"minimum": 1, "maximum": _LINES_MAX},
        ),
    ]
    quantity: (
        Annotated[int, _amount("How many units.", least=1, examples=[1])] | None
    ) = None
    amount: Annotated[int, _amount("Or how much of it.", least=1)] | None = None


class ReturnBody(_Body, frozen=True, kw_only=True):
    """What came back of an order: some lines and shipping, or `everything`."""

    external_id: ReturnName
    occurred_at: Happened
    lines: Annotated[
        list[ReturnedLineBody], Meta(extra_json_schema={"maxItems": _LINES_MAX})
    ] = []
    shipping: Amount = 0
    everything: WholeReturn = False
    refund: Annotated[
        Literal["none", "pending"],
        Meta(
            description=(
                "`pending`: money goes back, and nobody knows yet that it arrives. "
                "Then nothing is taken before you tell that it has; only what a "
                "program deducts from refunds is taken at once."
            )
        ),
    ] = "none"


class ReturnRefundBody(_Body, frozen=True, kw_only=True):
    """What became of the refund of a return."""

    outcome: Annotated[
        Literal["succeeded", "failed"],
        Meta(description="What failed may still succeed.", examples=["succeeded"]),
    ]
    occurred_at: Annotated[Instant | None, Meta(description="When; left out: now.")] = (
        None
    )


class ActivityBody(_Body, frozen=True, kw_only=True):
    """Something else that a member did."""

    external_id: ActivityName
    member: Annotated[MemberText, Meta(examples=["ext:anna"])]
    type: Word
    occurred_at: Happened
    place: OrderPlace | None = None
    facts: FactsSaid = {}
