"""The Dockerfile without a container engine: its steps, in folders of this machine.

Addresses of the image (`/opt`, `/src`, `/var/lib/punchcard`) become folders below one
folder. What would change the machine itself (`useradd`) is not run.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
OF_THE_MACHINE = ("useradd",)

_address = re.compile(r"(?<![\w.-])/(?=(?:opt|src|var/lib/punchcard)\b)")


@dataclass
class Stage:
    """What stands between one FROM and the next."""

    image: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [rest for word, rest in self.steps if word == instruction]

    def last(self, instruction: str) -> str:
        return self.all(instruction)[-1]

    def words(self, instruction: str) -> list[str]:
        """Return the words of an instruction in its form of a JSON list."""
        text = self.last(instruction)
        return list(json.loads(text[text.index("[") :]))


def stages() -> list[Stage]:
    """Read the Dockerfile; each of its instructions stands on one line."""
    found: list[Stage] = []
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            found.append(Stage(image, name))
        elif line and word != "#":
            found[-1].steps.append((word, rest))
    return found


@dataclass
class Image:
    """What the steps have made, below a folder."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """Return a text with addresses of this machine in place of the image's."""
        return _address.sub(f"{self.folder}/", text)

    def build(self, stage: Stage) -> list[str]:
        """Take the steps of a stage; return the commands that were not run."""
        left_out = []
        work = self.folder
        for word, rest in stage.steps:
            if word == "WORKDIR":
                work = Path(self.here(rest))
                work.mkdir(parents=True, exist_ok=True)
            elif word == "COPY" and not rest.startswith("--from="):
                self._copy(work, rest)
            elif word == "ENV":
                name, _, value = rest.partition("=")
                self.env[name] = self.here(value)
            elif word == "RUN" and rest.startswith(OF_THE_MACHINE):
                left_out.append(rest)
            elif word == "RUN":
                self._run(work, rest)
        return left_out

    def command(self, words: list[str]) -> list[str]:
        """Return a command of the image as this machine finds it."""
        return [str(self.folder / "opt/punchcard/bin" / words[0]), *words[1:]]

    def _copy(self, work: Path, rest: str) -> None:
        *sources, to = shlex.split(rest)
        for source in sources:
            target = work / self.here(to)
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, target, ignore=ignored)
                continue
            into = target / Path(source).name if to.endswith("/") else target
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, into)

    def _run(self, work: Path, rest: str) -> None:
        # The machine's own Python, which the image's `python` is.
        path = f"{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            ["/bin/sh", "-c", self.here(rest)],
            cwd=work,
            env=kept | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (rest, done.stdout, done.stderr)
