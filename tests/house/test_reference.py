"""The generated parts of the documentation are what the code says now."""

from __future__ import annotations

from pathlib import Path

import pytest

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference"
STALE = "is stale: run `make schema` and commit what it wrote"

pytestmark = pytest.mark.usefixtures("committing")


def test_the_openapi_document_is_not_stale() -> None:
    from punchcard.interfaces.api.documents import openapi_document

    assert (REFERENCE / "openapi.json").read_bytes() == openapi_document(), STALE


def test_the_schema_is_not_stale() -> None:
    from punchcard.interfaces.console.reference import schema_text
    from punchcard.project.servers.postgres import find_binaries

    assert (REFERENCE / "schema.sql").read_text() == schema_text(find_binaries()), STALE
