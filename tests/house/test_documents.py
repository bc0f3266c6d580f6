"""The pages say what is so: codes, settings, links, commands, requests, tables."""

from __future__ import annotations

import argparse
import ast
import json
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any, get_args

import pytest
from django.core import mail

from punchcard.access.queries import ROLES, SCOPES, scopes_of_role
from punchcard.interfaces.api.problems import TABLE
from punchcard.interfaces.api.v1.events import EventType
from punchcard.interfaces.console.parser import build_parser
from punchcard.kernel.metrics import REGISTRY
from punchcard.ledger.errors import NOT_REMEMBERED, REFUSALS
from punchcard.ledger.events import AccountEvent, EntryEvent
from punchcard.members.events import MemberEvent
from punchcard.orders.events import ActivityEvent, OrderEvent

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
HEADINGS = ["Situation", "Decision", "Consequences", "What would change our mind"]
DECISION_LINES_MAX = 40
NOT_IN_GIT = {".punchcard", ".venv", ".env"}
SERVED = "http://127.0.0.1:8000"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield (language, text) of the fenced blocks of a page, without indentation."""
    found = re.findall(
        r"^ *```(\w*)\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL
    )
    yield from ((language, textwrap.dedent(text)) for language, text in found)


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(
        r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL
    )


def with_block(language: str, having: str = "") -> list[Any]:
    return [
        pytest.param(page, id=name_of(page))
        for page in PAGES
        if any(kind == language and having in text for kind, text in blocks(page))
    ]


# --------------------------------------------------------------------- refusals


def test_the_page_of_refusals_is_the_code_in_order() -> None:
    text = (DOCS / "reference" / "refusals.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.*) \|$", text, re.MULTILINE)
    codes = [code for code, _, _ in rows]
    assert codes[: len(REFUSALS)] == list(REFUSALS)
    assert len(set(codes)) == len(codes)
    assert set(codes) == set(TABLE)
    assert {code: int(status) for code, status, _ in rows} == {
        code: row.status for code, row in TABLE.items()
    }
    kept = {code: rest.rpartition("|")[2].strip() for code, _, rest in rows}
    assert {code: kept[code] for code in REFUSALS} == {
        code: "no" if code in NOT_REMEMBERED else "yes" for code in REFUSALS
    }


def test_the_ledger_s_codes_stand_in_the_table_in_order() -> None:
    ours = [code for code in TABLE if code in REFUSALS]
    assert ours == list(REFUSALS)


# --------------------------------------------------------------------- settings


def settings_in_code() -> set[str]:
    names = set()
    for path in (ROOT / "punchcard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if re.fullmatch(
                    r"PUNCHCARD_[A-Z_]+|DATABASE_URL|REDIS_URL", node.value
                ):
                    names.add(node.value)
    return names


def test_every_setting_is_documented() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()
    example = (ROOT / ".env.example").read_text()
    named = r"PUNCHCARD_[A-Z_]+|DATABASE_URL|REDIS_URL"
    assert (
        set(re.findall(rf"^\| `({named})` \|", page, re.MULTILINE))
        == settings_in_code()
    )
    assert (
        set(re.findall(rf"^# ({named})=", example, re.MULTILINE)) == settings_in_code()
    )


def test_every_metric_has_its_line_and_every_line_a_metric() -> None:
    page = (DOCS / "reference" / "metrics.md").read_text()
    counted = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
    }
    door = ROOT / "punchcard" / "interfaces" / "api" / "metrics.py"
    read = set(re.findall(r'"(punchcard_\w+)"', door.read_text()))
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == counted | read


# ------------------------------------------------------------------------ roles


def test_the_page_of_roles_is_the_code_in_order() -> None:
    text = (DOCS / "reference" / "roles.md").read_text()
    (head,) = re.findall(r"^\| scope \| (.*) \| allows \|$", text, re.MULTILINE)
    roles = head.split(" | ")
    assert roles == list(ROLES)
    shown = re.findall(r"^\| `(\w+:\w+)` \|(.*)\| [^|]+ \|$", text, re.MULTILINE)
    assert [scope for scope, _ in shown] == list(SCOPES)
    for scope, cells in shown:
        said = dict(zip(roles, map(str.strip, cells.split("|")), strict=True))
        assert said == {
            role: ("own" if role == "member" else "✓")
            if scope in scopes_of_role(role)
            else ""
            for role in roles
        }


# ----------------------------------------------------------------------- events


def test_the_page_of_events_is_the_code_in_order() -> None:
    text = (DOCS / "reference" / "events.md").read_text()
    shown = re.findall(r"^\| `(\w+\.\w+)` \| [^|]+ \|$", text, re.MULTILINE)
    announced = (EntryEvent, AccountEvent, MemberEvent, OrderEvent, ActivityEvent)
    assert shown == [name for names in announced for name in get_args(names)]
    assert list(get_args(EventType)) == shown, "and what a list can be narrowed to"


# --------------------------------------------------------------------- links, files


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings]
    return {re.sub(r"\s", "-", heading.strip()) for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_internal_links_resolve(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        if not other.exists() or (anchor and anchor not in anchors(other)):
            broken.append(target)
    assert not broken, broken


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_pages_name_exist(page: Path) -> None:
    tops = {path.name for path in ROOT.iterdir()} | {
        path.name for path in (ROOT / "punchcard").iterdir()
    }
    missing = []
    for name in re.findall(r"`([\w.-]+(?:/[\w.-]+)+|[A-Z]+\.md)/?`", prose(page)):
        top = name.split("/")[0]
        if top not in tops or top in NOT_IN_GIT:
            continue
        here = ROOT / name, ROOT / "punchcard" / name, ROOT / "punchcard/ledger" / name
        if not any(path.exists() for path in here):
            missing.append(name)
    assert not missing, missing


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+)", prose(page))
        waiting += [(page.parent / link).resolve() for link in links]
    assert not [name_of(page) for page in PAGES if page not in seen]


# --------------------------------------------------------------------- commands


def make_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z-]+):(?!=)", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_in_pages_exist(page: Path) -> None:
    said = [text for kind, text in blocks(page) if kind in ("sh", "bash")]
    said += re.findall(r"`([^`\n]+)`", prose(page))
    found = {
        word
        for text in said
        for word in re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)
    }
    assert found <= make_targets(), found - make_targets()


def commands_of(parser: argparse.ArgumentParser, name: str = "") -> Iterator[str]:
    """Yield the names of all commands, as in `import orders`."""
    actions = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for action in actions:
        for word, below in action.choices.items():
            yield from commands_of(below, f"{name} {word}".strip())
    if not actions:
        yield name


def test_every_command_has_its_line_in_order() -> None:
    page = (DOCS / "reference" / "console.md").read_text()
    rows = re.findall(r"^\| `([a-z ]+)` \|", page, re.MULTILINE)
    assert rows == list(commands_of(build_parser()))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_punchcard_commands_in_pages_parse(page: Path) -> None:
    for kind, text in blocks(page):
        if kind not in ("sh", "bash"):
            continue
        for line in re.findall(r"^\S*bin/punchcard (.*)$", text, re.MULTILINE):
            build_parser().parse_args(shlex.split(line.partition(" > ")[0]))


# --------------------------------------------------------------------- decisions


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_decisions_are_short_and_have_their_headings(page: Path) -> None:
    text = page.read_text()
    number, _, slug = page.stem.partition("-")
    assert text.startswith(f"# {number} "), "the title begins with the number"
    assert text.count("\n") <= DECISION_LINES_MAX
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert re.fullmatch(r"[a-z0-9-]+", slug)


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    listed = (DOCS / "decisions" / "README.md").read_text()
    assert [page.name for page in DECISIONS if f"({page.name})" not in listed] == []


# --------------------------------------------------------------------- STYLE.md


def test_every_enforcer_named_in_style_exists() -> None:
    text = (ROOT / "STYLE.md").read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in tests, name
    contracts = (ROOT / "pyproject.toml").read_text()
    for name in re.findall(r'import contract "([^"]+)"', text):
        assert f'name = "{name}"' in contracts, name
    ledger = ROOT / "punchcard" / "ledger"
    guards = (ledger / "sql" / "0001_guards.up.sql").read_text()
    guards += (ledger / "models.py").read_text()
    for names in re.findall(r"(?:triggers?|constraints?) ((?:`\w+`(?:, )?)+)", text):
        for name in re.findall(r"`(\w+)`", names):
            assert name in guards, name


# --------------------------------------------------------------------- what runs


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("page", with_block("sh", having="curl"))
def test_the_requests_of_a_page_are_answered_as_it_says(page: Path) -> None:
    """Run every curl of a page; a json block shows a part of the last answer.

    What a reader copies from an answer or a letter is called by a name: see `LEARNED`.
    """
    from punchcard.interfaces.jobs.running import work_on_jobs
    from tests.interfaces.conftest import make_api

    api, answer, requests = make_api(), None, 0
    learned: dict[str, str] = {}
    file = b""
    for kind, text in blocks(page):
        file = text.encode() if kind == "csv" else file
        if kind == "json" and answer is not None:
            missing = difference(json.loads(text), answer.body)
            assert not missing, f"{missing}\n{json.dumps(answer.body, indent=2)}"
            answer = None
        if kind not in ("sh", "bash") or "curl" not in text:
            continue
        for words in curls(text):
            # Only what a page shows as refused may be.
            assert answer is None or answer.status < 300, answer.body
            method, path, headers, body = request(
                [Template(word).safe_substitute(learned) for word in words]
            )
            requests += 1
            kind_of_body = headers.pop("Content-Type", "application/json")
            sent = file if body is FILE else body
            answer = api.call(
                method, path, sent, headers=headers, content_type=kind_of_body
            )
            learned |= learn(answer.response)
            if body is FILE:
                # A worker does it while the reader reads on.
                work_on_jobs()
    assert answer is None or answer.status < 300, answer.body
    assert requests


FILE = object()
"""A file is sent: the last that the page shows."""

LEARNED = {
    "JOB": r"\b(job_[0-9a-z]{26})\b",
    "PERSON": r"\b(usr_[0-9a-z]{26})\b",
    "MEMBERSHIP": r"\b(mbr_[0-9a-z]{26})\b",
    "KEY_ID": r"\b(key_[0-9a-z]{26})\b",
    "ACCESS": r'"access":"([^"]+)"',
    "REFRESH": r'"refresh":"([^"]+)"',
}
"""`$NAME` in a page -> what it is: the last that an answer showed."""


def learn(response: Any) -> dict[str, str]:
    """Return what a reader would copy now; the token is that of the last letter."""
    text = "" if response.streaming else response.content.decode()
    letter = mail.outbox[-1].body if mail.outbox else ""
    found = {name: re.search(pattern, text) for name, pattern in LEARNED.items()}
    found["TOKEN"] = re.search(r"^([A-Za-z0-9_-]{43})$", letter, re.MULTILINE)
    return {name: match[1] for name, match in found.items() if match}


def curls(text: str) -> Iterator[list[str]]:
    """Yield the words after each `curl`, our address and header put in."""
    ours = text.replace("$API", f"{SERVED}/v1").replace('-H "$AUTH"', "")
    words = shlex.split(ours.replace("\\\n", " "))
    starts = [place for place, word in enumerate(words) if word == "curl"]
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        yield words[start + 1 : end]


def request(words: list[str]) -> tuple[str, str, dict[str, str], Any]:
    headers: dict[str, str] = {}
    body: Any = None
    path = method = ""
    rest = iter(words)
    for word in rest:
        if word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-X":
            method = next(rest)
        elif word == "-T":
            body, method = FILE, "PUT"
            assert next(rest).endswith(".csv")
        elif word == "--json":
            body = json.loads(next(rest))
        elif word.startswith("http"):
            path = word.removeprefix(SERVED)
        else:
            assert word in ("-s", "-i", "-si"), word
    return method or ("GET" if body is None else "POST"), path, headers, body


def difference(shown: Any, real: Any, place: str = "") -> str:
    """Return where the real answer lacks what is shown; `…` stands for anything."""
    if isinstance(shown, dict) and isinstance(real, dict):
        parts = [difference(v, real.get(k), f"{place}/{k}") for k, v in shown.items()]
    elif isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        pairs = zip(shown, real, strict=True)
        parts = [difference(a, b, f"{place}/{n}") for n, (a, b) in enumerate(pairs)]
    elif isinstance(shown, str) and shown.endswith("…") and isinstance(real, str):
        parts = ["" if real.startswith(shown[:-1]) else f"{place}: {real!r}"]
    else:
        parts = ["" if shown == real else f"{place}: {shown!r} is shown, not {real!r}"]
    return next(filter(None, parts), "")


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("page", with_block("ledger"))
def test_the_tables_of_a_page_come_true(page: Path) -> None:
    from tests.notation import play

    for kind, text in blocks(page):
        if kind == "ledger":
            play(text)


@pytest.mark.usefixtures("committing")
def test_the_life_of_a_point_shows_the_rows_that_are_written() -> None:
    from tests.builders import START
    from tests.notation import play

    page = DOCS / "explanation" / "life-of-a-point.md"
    story = play(next(text for kind, text in blocks(page) if kind == "ledger"))
    number = r" *([+−\d]*) *\|"
    pattern = rf"^\| (\d+) \| (\w+) \|{number * 6} (.*)\|$"
    shown = re.findall(pattern, page.read_text(), re.MULTILINE)
    assert len(shown) == len(story.entries())
    for row, entry in zip(shown, story.entries(), strict=True):
        numbers = [int(text.replace("−", "-") or 0) for text in row[2:8]]
        assert (int(row[0]), row[1], *numbers) == (
            entry.sequence,
            entry.type,
            entry.amount,
            entry.available,
            entry.pending,
            entry.balance,
            entry.lifetime_after,
            (entry.effective_at - START).days,
        )


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("page", with_block("python"))
def test_the_python_of_a_page_runs(page: Path) -> None:
    text = "\n".join(text for kind, text in blocks(page) if kind == "python")
    exec(compile(text, name_of(page), "exec"), {"__name__": "page"})
