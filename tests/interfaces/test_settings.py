"""Settings from the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from punchcard.project import env
from tests.secret import SECRET_KEY


def test_a_database_url_is_read() -> None:
    url = "postgresql://ann%40:p%2Fw@db.example:6432/punch%20card?sslmode=require"
    assert env.database(url) == {
        "NAME": "punch card",
        "USER": "ann@",
        "PASSWORD": "p/w",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }
    socket = env.database("postgres:///punchcard?host=/run/postgresql")
    assert (socket["HOST"], socket["PORT"]) == ("/run/postgresql", "")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://a/b",
        "postgresql://host",
        "postgresql://host/",
        "postgresql://host:x/b",
        "postgresql://[::1/b",
    ],
)
def test_a_wrong_database_url_is_named_without_its_password(url: str) -> None:
    with pytest.raises(env.EnvironmentMistake, match="DATABASE_URL"):
        env.database(url)


def test_a_setting_may_stand_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text("hush\n")
    monkeypatch.setenv("PC_X_FILE", str(path))
    assert env.text("PC_X") == "hush"
    monkeypatch.setenv("PC_X", "loud")
    with pytest.raises(env.EnvironmentMistake, match="not both"):
        env.text("PC_X")
    monkeypatch.delenv("PC_X")
    monkeypatch.setenv("PC_X_FILE", str(tmp_path / "absent"))
    with pytest.raises(env.EnvironmentMistake, match="PC_X_FILE"):
        env.text("PC_X")


def test_a_wrong_setting_is_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PC_X", "maybe")
    with pytest.raises(env.EnvironmentMistake):
        env.flag("PC_X", default=True)
    with pytest.raises(env.EnvironmentMistake):
        env.number("PC_X", default=1)
    monkeypatch.setenv("PC_X", "on")
    assert env.flag("PC_X", default=False)
    monkeypatch.setenv("PC_X", "7")
    assert env.number("PC_X", default=1) == 7
    monkeypatch.setenv("PC_X", " a, b ,")
    assert env.words("PC_X") == ["a", "b"]
    monkeypatch.delenv("PC_X")
    assert env.optional("PC_X") is None
    assert env.number("PC_X", default=1) == 1
    with pytest.raises(env.EnvironmentMistake, match="Set PC_X"):
        env.text("PC_X")
    assert env.choice("PC_X", "b", ("a", "b")) == "b"
    monkeypatch.setenv("PC_X", "c")
    with pytest.raises(env.EnvironmentMistake, match="'c': say a or b"):
        env.choice("PC_X", "b", ("a", "b"))


def _settings(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PUNCHCARD_")}
    kept.pop("DATABASE_URL", None)
    code = (
        "from punchcard.project import settings as s;"
        "print(s.SECRET_KEY, s.DATABASES['default']['NAME'])"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env=kept | {"PUNCHCARD_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_for_trying_out_a_secret_key_is_made_once_and_nothing_is_started(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    first, second = _settings(home), _settings(home)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert len(first.stdout.split()[0]) > 50
    assert [path.name for path in home.iterdir()] == ["secret_key"]
    assert (home / "secret_key").stat().st_mode & 0o777 == 0o600


def test_with_a_database_of_ones_own_the_secret_must_be_given(tmp_path: Path) -> None:
    url = "postgresql://db/loyalty"
    refused = _settings(tmp_path, DATABASE_URL=url)
    assert "PUNCHCARD_SECRET_KEY" in refused.stderr
    refused = _settings(tmp_path, DATABASE_URL=url, PUNCHCARD_SECRET_KEY=SECRET_KEY)
    assert "PUNCHCARD_ALLOWED_HOSTS" in refused.stderr
    good = _settings(
        tmp_path,
        DATABASE_URL=url,
        PUNCHCARD_SECRET_KEY=SECRET_KEY,
        PUNCHCARD_ALLOWED_HOSTS="localhost",
    )
    assert good.stdout == f"{SECRET_KEY} loyalty\n"


@pytest.mark.parametrize(
    ("url", "client", "celery"),
    [
        ("redis://h", "redis://h/0", "redis://h/0"),
        ("redis://u:p%2F@h:1/2", "redis://u:p%2F@h:1/2", "redis://u:p%2F@h:1/2"),
        ("rediss://h/1", *["rediss://h/1?ssl_cert_reqs=required"] * 2),
        ("rediss://h?ssl_cert_reqs=none", *["rediss://h/0?ssl_cert_reqs=none"] * 2),
        ("unix:///s%25", "unix:///s%25?db=0", "redis+socket:///s%25?virtual_host=0"),
        (
            "redis+socket://:p@/run/v.sock?virtual_host=3",
            "unix://:p@/run/v.sock?db=3",
            "redis+socket://:p@/run/v.sock?virtual_host=3",
        ),
    ],
)
def test_a_redis_url_is_read_in_the_words_of_both_libraries(
    url: str, client: str, celery: str
) -> None:
    assert env.broker(url) == (client, celery)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "amqp://u:hush@host",
        "redis://:hush@",
        "redis://:hush@host:x/0",
        "redis://:hush@host/name",
        "unix://host",
        "unix://:hush@host/run/valkey.sock",
        "unix:///run/valkey.sock?db=x",
        "redis+socket://",
    ],
)
def test_a_wrong_redis_url_is_named_without_its_password(url: str) -> None:
    with pytest.raises(env.EnvironmentMistake, match="REDIS_URL") as refused:
        env.broker(url)
    assert "hush" not in str(refused.value)


def test_a_pooler_stands_beside_the_database() -> None:
    said = {
        "DATABASE_URL": "postgresql://ann@db.example/points",
        "PUNCHCARD_POOLER_URL": "postgresql://ann@pool.example:6432/points?sslmode=require",
    }
    script = (
        "from punchcard.project.settings import DATABASES as d\n"
        "for name in d:\n"
        "    o = d[name]['OPTIONS']\n"
        "    print(name, d[name]['HOST'], o['prepare_threshold'], 'options' in o,\n"
        "        o.get('sslmode'), d[name].get('DISABLE_SERVER_SIDE_CURSORS'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ
        | said
        | {"PUNCHCARD_SECRET_KEY": SECRET_KEY, "PUNCHCARD_ALLOWED_HOSTS": "localhost"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "default pool.example None False require True",
        "direct db.example 5 True None None",
    ]
