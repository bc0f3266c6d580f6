"""What is insecure does not start, and says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.secret import SECRET_KEY

ROOT = Path(__file__).parents[2]
SECURE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "PUNCHCARD_SECRET_KEY": SECRET_KEY,
    "PUNCHCARD_ALLOWED_HOSTS": "loyalty.example.com",
    "PUNCHCARD_BEHIND_HTTPS_PROXY": "true",
}
OPEN = {"PUNCHCARD_BEHIND_HTTPS_PROXY": "false"}
OWN = {"PUNCHCARD_ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]"}


def start(home: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run the command as an installation with these settings would."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PUNCHCARD_")}
    return subprocess.run(
        [Path(sys.executable).with_name("punchcard"), *words],
        env=kept | SECURE | {"PUNCHCARD_HOME": str(home)} | extra,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


INSECURE = [
    ({"PUNCHCARD_SECRET_KEY": "short"}, "PUNCHCARD_SECRET_KEY can be guessed"),
    ({"PUNCHCARD_SECRET_KEY": "ab" * 40}, "PUNCHCARD_SECRET_KEY can be guessed"),
    (OWN | {"PUNCHCARD_SECRET_KEY": "short"}, "PUNCHCARD_SECRET_KEY can be guessed"),
    ({"PUNCHCARD_ALLOWED_HOSTS": "*"}, "PUNCHCARD_ALLOWED_HOSTS is `*`"),
    ({"PUNCHCARD_ALLOWED_HOSTS": "localhost,*"}, "PUNCHCARD_ALLOWED_HOSTS is `*`"),
    ({"PUNCHCARD_DEBUG": "true"}, "PUNCHCARD_DEBUG is on"),
    (OPEN, "set PUNCHCARD_BEHIND_HTTPS_PROXY=true"),
    ({"PUNCHCARD_JWT_SIGNING_KEY": "short"}, "PUNCHCARD_JWT_SIGNING_KEY is too short"),
    ({"PUNCHCARD_METRICS_TOKEN": "short"}, "PUNCHCARD_METRICS_TOKEN is too short"),
    ({"PUNCHCARD_LOG": "LOUD"}, "PUNCHCARD_LOG is 'LOUD': say DEBUG or INFO"),
]


@pytest.mark.parametrize(("extra", "sentence"), INSECURE)
def test_what_is_insecure_does_not_start(
    extra: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    refused = start(tmp_path, "up", **extra)
    assert refused.returncode == 1
    *before, said = refused.stderr.splitlines()
    assert said.startswith("punchcard: ")
    assert sentence in said
    assert not before or "PUNCHCARD_DEBUG" in extra
    assert refused.stdout == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({}, id="behind HTTPS"),
        pytest.param(OPEN | {"PUNCHCARD_PLAIN_HTTP": "true"}, id="said"),
        pytest.param(OPEN | OWN, id="its own machine"),
        pytest.param(OPEN | OWN | {"PUNCHCARD_DEBUG": "true"}, id="debugged there"),
    ],
)
def test_what_is_secure_does(extra: dict[str, str], tmp_path: Path) -> None:
    done = start(tmp_path, "manage", "check", **extra)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


def test_django_has_nothing_to_add(tmp_path: Path) -> None:
    done = start(tmp_path, "manage", "check", "--deploy", "--fail-level", "WARNING")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


def test_behind_https_what_came_openly_is_sent_there_but_health(tmp_path: Path) -> None:
    code = (
        "import django; django.setup();"
        "from django.test import Client;"
        "ask = lambda path, **more: Client().get(path, **more);"
        "host = dict(HTTP_HOST='loyalty.example.com');"
        "open_ = ask('/docs', **host);"
        "safe = ask('/docs', HTTP_X_FORWARDED_PROTO='https', **host);"
        "live = ask('/health/live', **host);"
        "print(open_.status_code, open_['Location'], safe.status_code,"
        " safe['Strict-Transport-Security'], live.status_code)"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PUNCHCARD_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | SECURE | {"PUNCHCARD_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [
        "301",
        "https://loyalty.example.com/docs",
        "200",
        "max-age=31536000",
        "200",
    ]
