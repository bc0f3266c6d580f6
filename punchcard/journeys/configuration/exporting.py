"""A program's configuration as a document, to be kept, changed, and applied again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from punchcard.programs.queries import (
    WalletView,
    find_configurations,
    get_configuration,
    list_wallets,
)

from .document import Document, WalletDocument, parse_document
from .in_force import in_force


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A document, and of which version it is."""

    version: int | None
    """None: the program has no configuration at that instant, and grants nothing."""
    effective_from: datetime | None
    note: str
    document: Document


def export_configuration(
    *, program: UUID, at: datetime, version: int | None = None
) -> Exported:
    """Return what is in force at an instant, or one version, with the wallets of now.

    Wallets have no versions: what a version said of them may have been changed since.

    Raises:
        ConfigurationNotFound: the program has no such version.
    """
    if version is None:
        version = in_force(program=program, instants=[at])[at].version
        found = find_configurations(
            program=program, versions=[] if version is None else [version]
        )
    else:
        found = [get_configuration(program=program, version=version)]
    wallets = list_wallets(program=program)
    if not found:
        document = with_wallets_as_they_are(Document(), wallets)
        return Exported(version=None, effective_from=None, note="", document=document)
    (saved,) = found
    return Exported(
        version=saved.version,
        effective_from=saved.effective_from,
        note=saved.note,
        document=with_wallets_as_they_are(parse_document(saved.document), wallets),
    )


def documents_of(wallets: Iterable[WalletView]) -> dict[str, WalletDocument]:
    """Return wallets as a document says them, by code, the oldest first."""
    ordered = sorted(wallets, key=lambda wallet: (wallet.created_at, wallet.id))
    return {
        wallet.code: WalletDocument(
            **{name: getattr(wallet, name) for name in WalletDocument.__struct_fields__}
        )
        for wallet in ordered
    }


def with_wallets_as_they_are(
    document: Document, wallets: Sequence[WalletView]
) -> Document:
    """Return a document with the wallets that there are, in its own order."""
    there = documents_of(wallets)
    named = [wallet.code for wallet in document.wallets]
    codes = [*(code for code in named if code in there), *there]
    return msgspec.structs.replace(
        document, wallets=tuple(there[code] for code in dict.fromkeys(codes))
    )


def lean(value: Any) -> Any:
    """Return a part of a document as plain values, without what is so by default."""
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag_field
        said = {} if tag is None else {tag: value.__struct_config__.tag}
        for field in msgspec.structs.fields(value):
            part = getattr(value, field.name)
            if field.required or part != _default(field):
                said[field.encode_name] = lean(part)
        return said
    if isinstance(value, tuple):
        return [lean(part) for part in value]
    if isinstance(value, dict):
        return {name: lean(part) for name, part in value.items()}
    return value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory()
