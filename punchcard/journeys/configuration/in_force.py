"""What is in force in a programme at some instants."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import msgspec

from punchcard.programs.queries import find_configurations, versions_at

from .document import EMPTY, Document, parse_document

KEPT = 1_000
"""Documents that a process remembers: each a few kilobytes."""


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force at an instant."""

    version: int | None
    """None: the program had no configuration then, and grants nothing."""
    document: Document


def in_force(
    *, program: UUID, instants: Collection[datetime]
) -> dict[datetime, InForce]:
    """Return what is in force at each instant.

    One statement, and another where there are versions that this process has not seen.
    """
    versions = versions_at(program=program, instants=instants)
    asked = {version for version in versions.values() if version is not None}
    documents = documents_of(program=program, versions=asked)
    return {
        at: InForce(
            version=version, document=EMPTY if version is None else documents[version]
        )
        for at, version in versions.items()
    }


def documents_of(*, program: UUID, versions: Collection[int]) -> dict[int, Document]:
    """Return versions' documents; one statement where some were not seen yet."""
    known = {version: _remembered(program, version) for version in versions}
    missing = [version for version, kept in known.items() if not kept]
    if missing:
        for found in find_configurations(program=program, versions=missing):
            # A version never changes, so that what was parsed once holds for ever.
            known[found.version].append(parse_document(found.document))
    return {version: kept[0] for version, kept in known.items()}


@lru_cache(maxsize=KEPT)
def _remembered(program: UUID, version: int) -> list[Document]:  # noqa: ARG001
    """Return the place for a version's document: empty until it is read."""
    return []
