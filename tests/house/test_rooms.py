"""What a linter cannot see: front doors, arrows between tables, sizes, names."""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "punchcard"
ROOMS = ("earning", "orders", "ledger", "members", "access", "programs")
FRONT_DOORS = {"operations", "queries", "events", "errors", "apps"}
LEDGER_DOORS = FRONT_DOORS | {
    "balances",
    "commands",
    "entries",
    "forecasting",
    "histories",
    "outcomes",
    "rebuilding",
    "sealing",
    "sweeping",
    "verifying",
}
EARNING_DOORS = FRONT_DOORS | {
    "achieving",
    "checking",
    "deciding",
    "decisions",
    "documents",
    "purchases",
    "returning",
}
FLOORS = {
    "programs": 0,
    "ledger": 1,
    "members": 1,
    "access": 1,
    "orders": 2,
    "earning": 3,
}
DOORS = {
    "ledger": LEDGER_DOORS,
    "earning": EARNING_DOORS,
    "orders": FRONT_DOORS | {"histories"},
}
DRAWERS = {"utils", "common", "helpers", "core", "misc", "base", "managers", "util"}
MODEL = (ROOT / "tests" / "model.py", ROOT / "tests" / "model_account.py")
MODEL_LINES_MAX = 300
"""Of code, as Python counts them: a statement is one, a docstring none."""
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 500


def modules() -> Iterator[Path]:
    for folder in (PACKAGE, ROOT / "bench"):
        for path in sorted(folder.rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_rooms_are_entered_through_their_front_doors() -> None:
    trespasses = []
    for path in modules():
        here = path.relative_to(ROOT).parts
        for name in imports(path):
            parts = name.split(".")
            if parts[0] != "punchcard" or len(parts) < 3 or parts[1] not in ROOMS:
                continue
            if len(here) > 1 and here[1] == parts[1]:
                continue
            if parts[2] not in DOORS.get(parts[1], FRONT_DOORS):
                trespasses.append(f"{'/'.join(here)} imports {name}")
    assert not trespasses, trespasses


def test_foreign_keys_point_down_and_have_no_reverse_names() -> None:
    from django.apps import apps

    wrong = []
    for config in apps.get_app_configs():
        if config.label not in FLOORS:
            continue
        for model in config.get_models():
            for field in model._meta.get_fields():
                target = getattr(field, "remote_field", None)
                if target is None or field.auto_created or not field.concrete:
                    continue
                other = field.related_model._meta.app_label
                if FLOORS[other] > FLOORS[config.label] or (
                    FLOORS[other] == FLOORS[config.label] and other != config.label
                ):
                    wrong.append(f"{model.__name__}.{field.name} -> {other}")
                if not target.hidden:
                    wrong.append(f"{model.__name__}.{field.name}: related_name '+'")
    assert not wrong, wrong


def test_functions_fit_a_screen_and_modules_a_sitting() -> None:
    long = []
    for path in modules():
        text = path.read_text()
        lines = text.count("\n")
        if lines > MODULE_LINES_MAX:
            long.append(f"{path.relative_to(ROOT)} has {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                size = (node.end_lineno or 0) - node.lineno + 1
                if size > FUNCTION_LINES_MAX:
                    long.append(f"{path.relative_to(ROOT)}: {node.name} {size} lines")
    assert not long, long


def test_no_drawer_without_a_subject() -> None:
    drawers = [
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.stem in DRAWERS
    ]
    assert not drawers, drawers


def test_the_clock_is_read_in_one_place() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.name != "clock.py"
        and re.search(r"datetime\.now\(|timezone\.now\(|utcnow\(", path.read_text())
        and "bench" not in path.parts
    ]
    assert not readers, readers


def test_transactions_are_opened_by_kernel_transactions_alone() -> None:
    openers = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.name != "transactions.py"
        and re.search(r"transaction\.atomic|\batomic\(|on_commit\(", path.read_text())
    ]
    assert not openers, openers


def test_oracles_import_the_standard_library_only() -> None:
    foreign = []
    for path in (ROOT / "tests" / "oracles").glob("*.py"):
        for name in imports(path):
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names:
                foreign.append(f"{path.name} imports {name}")
    assert not foreign, foreign


def test_the_model_shares_no_code_with_the_product() -> None:
    for part in MODEL:
        tops = {name.partition(".")[0] for name in imports(part)}
        assert tops <= {*sys.stdlib_module_names, "tests"}, part
        ours = {name for name in imports(part) if name.startswith("tests.")}
        assert all(name.startswith("tests.model_account") for name in ours), part


@pytest.mark.parametrize("part", MODEL, ids=lambda part: part.stem)
def test_the_model_is_short(part: Path) -> None:
    text = part.read_text()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = sum(token.type == tokenize.NEWLINE for token in tokens)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, documented)]
    lines -= sum(ast.get_docstring(node) is not None for node in nodes)
    assert lines <= MODEL_LINES_MAX, lines


def test_every_make_target_has_a_line_of_help() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):(?!=)(.*)$", text, re.MULTILINE)
    assert {"setup", "up", "demo", "test", "soak", "mutants", "check", "bench"} <= {
        name for name, _ in targets
    }
    assert not [name for name, rest in targets if "## " not in rest]


@pytest.mark.parametrize(
    "name", ["uv.lock", ".ci/uv-requirements.txt", "pyproject.toml"]
)
def test_no_registry_is_named_in_a_file(name: str) -> None:
    hosts = re.findall(r"https?://([^/\"'\s]+)", (ROOT / name).read_text())
    assert set(hosts) <= {"registry.invalid"}, set(hosts)


def test_the_lock_file_of_the_clients_says_what_and_not_where_from() -> None:
    locked = json.loads((ROOT / "tests/clients/package-lock.json").read_text())
    packages = {name: one for name, one in locked["packages"].items() if name}
    assert len(packages) > 100
    assert all("integrity" in package for package in packages.values())
    assert not any("resolved" in package for package in packages.values())
