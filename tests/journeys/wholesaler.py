"""A wholesaler's purchases and refunds, as two files: real ones, or made up.

The real ones (a gift shop's, 2009 to 2011) do not ship with the project: where they
are absent, the made-up ones alone are replayed. They are of the same shape: purchases
that come back in several steps, refunds of several purchases, purchases that nobody
knows, and instants that several things share.
"""

from __future__ import annotations

import csv
import lzma
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from tests.sizes import SOAK

_DATA = Path(__file__).parents[3] / "shared/data"
_ORDERS = _DATA / "online_retail_orders_returns.csv.xz"
_LINKS = _DATA / "online_retail_return_links.csv.xz"
ORDER_COLUMNS = ("event_id", "ts", "customer", "kind", "amount_minor", "currency")
LINK_COLUMNS = ("refund_id", "purchase_id", "stock_code", "quantity", "amount_minor")
KINDS = ("made", "real") if _ORDERS.exists() else ("made",)
_ONE_IN = 61
"""So many of the real customers are replayed where the size is small."""

Files = tuple[Path, Path]


def files(kind: str, folder: Path) -> Files:
    """Return the files of orders and of links: the real ones whole, or cut down."""
    paths = folder / "orders.csv", folder / "links.csv"
    if kind == "made":
        _make_up(paths, Random(20260101), customers=9, events=160)
        return paths
    if SOAK:
        return _ORDERS, _LINKS
    with lzma.open(_ORDERS, "rt") as file:
        orders = [row for row in csv.DictReader(file) if _is_wanted(row["customer"])]
    wanted = {row["event_id"] for row in orders}
    with lzma.open(_LINKS, "rt") as file:
        links = [row for row in csv.DictReader(file) if row["refund_id"] in wanted]
    _write(paths[0], ORDER_COLUMNS, orders)
    _write(paths[1], LINK_COLUMNS, links)
    return paths


def _is_wanted(customer: str) -> bool:
    return int(customer) % _ONE_IN == 0


def _make_up(paths: Files, random: Random, *, customers: int, events: int) -> None:
    left: dict[str, dict[str, int]] = {str(n): {} for n in range(1, customers + 1)}
    orders, links = [], []
    at = datetime(2020, 1, 1)
    for number in range(events):
        at += timedelta(minutes=random.choice((0, 0, 1, 900, 50_000)))
        customer = random.choice(list(left))
        parts = _parts(left[customer], random) if random.random() < 0.45 else {}
        id_ = f"C{number}" if parts else str(number)
        amount = -sum(parts.values())
        if not parts:
            amount = random.choice((0, 1, 99, 100, 101, random.randrange(50_000)))
            left[customer][id_] = amount
        for purchase, part in parts.items():
            links.append((id_, purchase, "X", "1", part))
            if purchase:
                left[customer][purchase] -= part
        kind = "refund" if parts else "purchase"
        orders.append((id_, at.isoformat(), customer, kind, amount, "EUR"))
    _write(paths[0], ORDER_COLUMNS, _named(ORDER_COLUMNS, orders))
    _write(paths[1], LINK_COLUMNS, _named(LINK_COLUMNS, links))


def _parts(left: dict[str, int], random: Random) -> dict[str, int]:
    """Return what a refund brings back: of up to three purchases, or an unknown one."""
    some = [purchase for purchase, amount in left.items() if amount]
    named = random.sample(some, min(len(some), random.randrange(4)))
    parts = {
        purchase: random.choice((left[purchase], random.randint(1, left[purchase])))
        for purchase in named
    }
    if random.random() < 0.2:
        parts[""] = random.randint(1, 5_000)
    return parts


def _named(
    columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]
) -> list[dict[str, object]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _write(
    path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, object]]
) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
