"""What belongs to a session of the database stands where a session is ours."""

from __future__ import annotations

import ast
import re
from pathlib import Path

CODE = Path(__file__).parents[2] / "punchcard"
OF_A_SESSION = re.compile(
    r"\bpg_(try_)?advisory_(un)?lock|\bWITH HOLD\b|\bCREATE TEMP|\bLISTEN \w"
    r"|\bset_config\([^()]*,\s*(FALSE|false)\s*\)"
)


def statements(path: Path) -> list[str]:
    """Return the text of a file that may be SQL: no docstrings, no comments."""
    if path.suffix == ".sql":
        return [re.sub(r"--.*", "", path.read_text())]
    tree = ast.parse(path.read_text())
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in told
    ]


def test_what_needs_a_session_goes_past_a_pooler() -> None:
    found = {
        str(path.relative_to(CODE)): "direct_alias()" in path.read_text()
        for path in [*CODE.rglob("*.py"), *CODE.rglob("*.sql")]
        if any(OF_A_SESSION.search(text) for text in statements(path))
    }
    assert found == {
        "interfaces/importing/staging.py": True,
        "interfaces/console/schema.py": True,
    }
