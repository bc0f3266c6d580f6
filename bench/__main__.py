"""`make bench`: how fast, against what, measured in one run on one machine."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import psycopg

from bench import classic, harness
from punchcard.project.servers.postgres import temporary


def main() -> None:
    """Measure everything round-robin and keep the figures in `bench/results`."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", default="", help="benches whose name has this word")
    options = parser.parse_args()
    with temporary("punchcard-bench-") as server:
        os.environ["PUNCHCARD_HOME"] = str(server.home)
        os.environ["DJANGO_SETTINGS_MODULE"] = "punchcard.project.settings"
        os.environ.pop("DATABASE_URL", None)
        os.environ["PUNCHCARD_ALLOWED_HOSTS"] = "localhost,127.0.0.1"
        os.environ["PUNCHCARD_RATE_LIMIT"] = "off"
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        conninfo = psycopg.conninfo.make_conninfo("", **server.dsn())
        benches = collect(conninfo, server.home, options.seconds)
        wanted = [bench for bench in benches if options.only in bench.name]
        found = harness.measure(
            wanted, rounds=options.rounds, conninfo=conninfo, progress=print
        )
        report = harness.report(found, conninfo=conninfo, data_folder=server.data)
        harness.show(report)
        print(harness.write(report))


def collect(conninfo: str, home: Path, seconds: float) -> list[harness.Bench]:
    """Return every bench: the baseline first."""
    from bench import engine, http, kinds, orders, paths

    classic.prepare(conninfo)
    return [
        *classic.benches(conninfo, seconds),
        *engine.benches(seconds),
        *kinds.benches(seconds),
        *orders.benches(seconds),
        *http.benches(home, seconds),
        *paths.benches(),
    ]


if __name__ == "__main__":
    main()
