"""Clients that strangers' generators make of the document: as the page says, in use."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.clients.conftest import NODE, Workshop
from tests.clients.page import blocks, command, filled_in
from tests.interfaces.conftest import Api

BIN = Path(sys.executable).parent
NOT_OF_PYTHON = ["--config-file=", "--python-version=3.11", "--no-incremental"]


def _balance(api: Api) -> dict[str, int]:
    return dict(api.get("/v1/accounts/ext:nora@points").body["balance"])


def test_the_python_client_is_generated_typed_and_used(
    workshop: Workshop, address: str, api: Api
) -> None:
    page = blocks("Python")
    generator, *words = command(page["sh"], address)
    # What it would run on the files afterwards is no part of generating.
    (workshop.folder / "settings.yaml").write_text("post_hooks: []\n")
    quietly = ["--config", "settings.yaml", "--fail-on-warning"]
    made = workshop.run([str(BIN / generator), *words, *quietly])
    assert made.returncode == 0, made.stdout + made.stderr
    assert (made.stdout.strip(), made.stderr) == ("Generating punchcard_client", "")

    use = workshop.folder / "use.py"
    use.write_text(filled_in(page["py"], address, api.secret))
    typed = workshop.run(
        [str(BIN / "mypy"), "--strict", *NOT_OF_PYTHON, "punchcard_client", "use.py"]
    )
    assert typed.returncode == 0, typed.stdout + typed.stderr
    used = workshop.run([sys.executable, "-W", "error", str(use)])
    assert (used.stderr, used.stdout) == ("", page[""])
    assert _balance(api)["available"] == 100


def test_the_typescript_client_is_generated_compiled_and_used(
    workshop: Workshop, address: str, api: Api
) -> None:
    page = blocks("TypeScript")
    npx, generator, *words = command(page["sh"], address)
    assert npx == "npx"
    made = workshop.node(generator, *words)
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stderr == ""
    assert "warn" not in made.stdout.lower(), made.stdout

    use = workshop.folder / "use.ts"
    use.write_text(filled_in(page["ts"], address, api.secret))
    compiled = workshop.node("tsc", "--project", "tsconfig.json")
    assert compiled.returncode == 0, compiled.stdout
    used = workshop.run([str(NODE), "built/use.js"])
    assert (used.stderr, used.stdout) == ("", page[""])
    assert _balance(api)["available"] == 100
