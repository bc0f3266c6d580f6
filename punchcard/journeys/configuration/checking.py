"""What is wrong with a configuration: all of it, each with its place and reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from punchcard.earning.checking import Mistake
from punchcard.earning.checking import check as check_ruleset
from punchcard.programs.operations import find_wallet_faults

from .document import WORD, Document, WalletDocument
from .errors import ConfigurationMalformed
from .structure import Structure, escape, shown

MISTAKES_MAX = 100
"""How many are told."""

FIXED = {
    "scale": "the amounts of a wallet that is there are in its minor units",
    "idle": "it counts from what was done before, which is not to change",
}
"""What of a wallet is for ever, and why."""

_NAMES = "name_unknown"
_ACTIVITY = "activity:"


def check_document(
    raw: object, *, wallets: Mapping[str, WalletDocument] | None = None
) -> Document:
    """Return the document that plain values are.

    `wallets` are those that the program has, by code.

    Raises:
        ConfigurationMalformed: it has mistakes; all of them.
    """
    structure = Structure(raw, Document)
    document = msgspec.convert(structure.sound, Document)
    mistakes = list(structure.mistakes)
    for mistake in _mistakes(document, wallets or {}):
        place = structure.place_of(mistake.pointer)
        if mistake.code == _NAMES and _is_left_out(raw, place, structure):
            continue
        mistakes.append(msgspec.structs.replace(mistake, pointer=place))
    if mistakes:
        order = _Order(raw)
        raise ConfigurationMalformed(sorted(mistakes, key=order.of)[:MISTAKES_MAX])
    return document


def _mistakes(
    document: Document, known: Mapping[str, WalletDocument]
) -> Iterator[Mistake]:
    yield from _of_wallets(document, known)
    for mistake in check_ruleset(ruleset=document.earning):
        pointer = f"/earning{mistake.pointer}"
        yield msgspec.structs.replace(mistake, pointer=pointer)
    codes = {wallet.code for wallet in document.wallets} | known.keys()
    for at, rule in enumerate(document.earning.rules):
        place = f"/earning/rules/{at}"
        if rule.wallet is not None and rule.wallet not in codes:
            detail = f"there is no wallet {rule.wallet}"
            yield Mistake(pointer=f"{place}/wallet", code=_NAMES, detail=detail)
        activity = rule.trigger.removeprefix(_ACTIVITY)
        if activity != rule.trigger:
            yield from _of_trigger(f"{place}/trigger", activity, document)
    yield from _of_activities(document)
    returns = document.returns
    if returns.shortfall == "deduct_from_refund" and returns.value is None:
        detail = "`deduct_from_refund` needs to know what points are worth"
        yield Mistake(pointer="/returns/value", code="missing_field", detail=detail)


def _of_trigger(place: str, activity: str, document: Document) -> Iterator[Mistake]:
    if re.fullmatch(WORD, activity) is None:
        detail = f"{activity} is no type of activities: a word of a-z, 0-9 and _"
        yield Mistake(pointer=place, code="wrong_value", detail=detail)
    elif document.activities and activity not in document.activities:
        detail = f"there is no activity {activity}"
        yield Mistake(pointer=place, code=_NAMES, detail=detail)


def _of_wallets(
    document: Document, known: Mapping[str, WalletDocument]
) -> Iterator[Mistake]:
    seen: set[str] = set()
    for at, wallet in enumerate(document.wallets):
        place = f"/wallets/{at}"
        if wallet.code in seen:
            detail = f"{wallet.code} is there already"
            yield Mistake(pointer=f"{place}/code", code="id_twice", detail=detail)
        seen.add(wallet.code)
        for fault in find_wallet_faults(**msgspec.structs.asdict(wallet)):
            pointer = f"{place}/{fault.field}"
            yield Mistake(pointer=pointer, code="wrong_value", detail=str(fault))
        there = known.get(wallet.code)
        for field, why in FIXED.items():
            if there is None or getattr(wallet, field) == getattr(there, field):
                continue
            detail = f"it is {shown(getattr(there, field))}, and stays so: {why}"
            pointer = f"{place}/{field}"
            yield Mistake(pointer=pointer, code="cannot_change", detail=detail)


def _of_activities(document: Document) -> Iterator[Mistake]:
    for type_, activity in document.activities.items():
        for at, name in enumerate(activity.required):
            if name not in activity.facts:
                pointer = f"/activities/{escape(type_)}/required/{at}"
                detail = f"there is no fact {name}"
                yield Mistake(pointer=pointer, code=_NAMES, detail=detail)


def _is_left_out(raw: object, pointer: str, structure: Structure) -> bool:
    """Return whether a name is missing only as what it names has mistakes itself."""
    if structure.is_torn:
        return True
    value = raw
    for step in pointer.split("/")[1:]:
        value = value[step] if isinstance(value, dict) else value[int(step)]  # type: ignore[index]
    name = value.removeprefix(_ACTIVITY) if isinstance(value, str) else value
    return name in structure.left_out


class _Order:
    """The order in which places stand in a document."""

    def __init__(self, raw: object) -> None:
        self._raw = raw

    def of(self, mistake: Mistake) -> tuple[int, ...]:
        """Return where a mistake stands: after its parent, before its next sibling."""
        value, order = self._raw, []
        for step in mistake.pointer.split("/")[1:]:
            if isinstance(value, dict):
                names = [escape(name) for name in value]
                found = names.index(step) if step in names else len(names)
                value = value.get(step)
            elif isinstance(value, (list, tuple)):
                found = int(step)
                value = value[found] if found < len(value) else None
            else:
                break
            order.append(found)
        return tuple(order)
