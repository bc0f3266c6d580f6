"""Other processes, and other users, that want the server of the same home."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

ROOT = os.geteuid() == 0
NOBODY = 65534
REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = os.pathsep.join([str(REPOSITORY), str(Path(psycopg.__file__).parents[1])])


def _python_for_everybody() -> str | None:
    """Find a python that an ordinary user may run too, with our packages."""
    system = f"/usr/bin/python3.{sys.version_info.minor}"
    for python in (sys.executable, system) if ROOT else ():
        try:
            subprocess.run(
                [python, "-B", "-c", "import psycopg, punchcard.project"],
                cwd=REPOSITORY,
                env=os.environ | {"PYTHONPATH": PACKAGES},
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                capture_output=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    return None


EVERYBODY = _python_for_everybody()

as_nobody = pytest.mark.skipif(
    EVERYBODY is None,
    reason="not root, or no python here that an ordinary user may read",
)
as_root = pytest.mark.skipif(not ROOT, reason="only root can become somebody else")


def other_process(
    code: str,
    home: Path,
    *,
    python: str = sys.executable,
    user: int | None = None,
    path: str = os.environ["PATH"],
) -> subprocess.Popen[str]:
    """Start a process that runs the code, with the home as its argument."""
    return subprocess.Popen(
        [python, "-B", "-c", code, str(home)],
        cwd=REPOSITORY,
        env=os.environ | {"PATH": path, "PYTHONPATH": PACKAGES},
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
