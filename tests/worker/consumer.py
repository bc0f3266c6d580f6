"""A consumer of the event log, which may be killed at any moment.

`python -m tests.worker.consumer URL FOLDER`, with the secret of a key on standard
input. Writes each event down, a line for each, and then how far it has read: as
`docs/reference/events.md` says. Started again, it goes on from there.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx

PAGE = 50
PAUSE_SECONDS = 0.2
WORK_SECONDS = 0.1
"""What the work on a page takes: then, too, it may be killed."""


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    secret = sys.stdin.readline().strip()
    cursor = (folder / "cursor").read_text() if (folder / "cursor").exists() else ""
    with (
        (folder / "events").open("a") as events,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        # The last line may be torn: what follows is a line of its own.
        events.write("\n")
        while True:
            query: dict[str, str | int] = {"limit": PAGE}
            if cursor:
                query["cursor"] = cursor
            page = client.get(
                "/v1/events",
                params=query,
                headers={"Authorization": f"Bearer {secret}"},
            )
            if page.status_code == 429:
                time.sleep(1)
                continue
            page.raise_for_status()
            cursor = keep(page.json(), events, folder)
            if not page.json()["has_more"]:
                time.sleep(PAUSE_SECONDS)


def keep(page: dict[str, Any], events: Any, folder: Path) -> str:
    """Do the work, and only then remember that it is done; return the cursor."""
    for event in page["data"]:
        events.write(json.dumps(event) + "\n")
        events.flush()
    time.sleep(WORK_SECONDS)
    new = folder / "cursor.new"
    new.write_text(page["resume_cursor"])
    new.rename(folder / "cursor")
    return str(page["resume_cursor"])


def is_behind(folder: Path) -> bool:
    """Return whether it has done what it does not remember yet."""
    events, cursor = folder / "events", folder / "cursor"
    return cursor.exists() and events.stat().st_mtime_ns > cursor.stat().st_mtime_ns


def read_back(folder: Path) -> list[dict[str, Any]]:
    """Return what the consumer has written down, in its order; torn lines are none."""
    kept = []
    for line in (folder / "events").read_text().splitlines():
        try:
            kept.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return kept


if __name__ == "__main__":
    main()
