"""The how-to of earning rules: its documents are applied, its codes are the code's."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from punchcard.journeys.configuration.apply_configuration import apply_configuration
from punchcard.journeys.configuration.texts import read_text
from punchcard.journeys.create_program import create_program
from punchcard.kernel.audit import Author

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "how-to" / "write-earning-rules.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
CHECKED = [
    "earning/checking.py",
    *(
        f"journeys/configuration/{name}.py"
        for name in ("checking", "structure", "apply_configuration")
    ),
]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_page_has_documents() -> None:
    assert len(BLOCKS) == 5


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("block", BLOCKS)
def test_every_document_of_the_page_is_applied(block: str) -> None:
    program = create_program(
        slug=f"p{secrets.token_hex(6)}",
        name="Shop",
        mode="test",
        currency="EUR",
        now=NOW,
    ).program.id
    made = []
    for _ in range(2):
        applied = apply_configuration(
            program=program,
            document=read_text(block),
            author=Author(actor="console", program=program),
            now=NOW,
        )
        made.append(applied.created)
    assert made == [True, False]
    assert applied.document.earning.rules


def test_every_code_of_a_mistake_is_on_the_page() -> None:
    section = TEXT.partition("## When something is wrong\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    source = "".join((ROOT / "punchcard" / name).read_text() for name in CHECKED)
    found = set()
    for before in (
        r"_mistake\(\s*[^,]+,",
        r"code=",
        r"_wrong\([^,]+,",
        r"return",
        r"_Wrong\(",
        r"_NAMES =",
    ):
        found |= set(re.findall(rf'{before}\s*"([a-z]+_[a-z_]+|overlap)"', source))
    assert set(told) == found
    assert len(told) == len(found)
