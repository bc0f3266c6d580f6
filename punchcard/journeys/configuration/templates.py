"""Documents to begin with: some programmes as they are found everywhere."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "template_files"


def list_templates() -> dict[str, str]:
    """Return the names of all templates, and what each is for, in a line."""
    return {path.stem: _summary(path) for path in sorted(_FOLDER.glob("*.yaml"))}


def find_template(*, name: str) -> str | None:
    """Return the YAML of a template, or None."""
    found = {path.stem: path for path in _FOLDER.glob("*.yaml")}.get(name)
    return None if found is None else found.read_text(encoding="utf-8")


def _summary(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ").partition(": ")[0]
