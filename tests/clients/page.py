"""The page that tells how to generate a client: its commands, its code, its output."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "generate-a-client.md"
SERVED = "http://127.0.0.1:8000"
SECRET = "sk_test_…"


def blocks(heading: str) -> dict[str, str]:
    """Return the blocks under a heading by language; what is printed has none."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
    assert len(found) == 3, "how to generate, how to use, what it prints"
    return {language: textwrap.dedent(text) for language, text in found}


def command(text: str, address: str) -> list[str]:
    """Return the words of a block of one command, for the server at the address."""
    return shlex.split(text.replace(SERVED, address))


def filled_in(code: str, address: str, secret: str) -> str:
    """Return code of the page for the server at the address and a real key."""
    assert SERVED in code
    assert SECRET in code
    return code.replace(SERVED, address).replace(SECRET, secret)
