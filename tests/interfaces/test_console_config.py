"""`punchcard config`, as somebody types it who keeps their programme in a file."""

from __future__ import annotations

import json

from punchcard.journeys.configuration.texts import read_text
from tests.interfaces.test_console import Console, console

__all__ = ["console"]

FIRST = """\
wallets:
  - {code: points, name: Points, validity: P12M/month}
  - {code: miles, name: Miles}
earning:
  rules:
    - id: base
      earn: {kind: per_spend, points: 1, per: 100, tax: after}
"""
WRONG = """\
wallets:
  - {code: points, name: Points, scale: 2}
earning:
  rules:
    - id: base
      earn: {kind: fixed, points: 1.5}
    - id: other
      earn: {kind: fixed, points: 1}
      when: >-
        order.nope
      wallet: stars
    - {id: third}
"""


def test_a_file_is_looked_at_applied_and_exported(console: Console) -> None:
    program = console.program("filed")
    console.folder.joinpath("people.csv").write_text("external_id\nanna\nbo\n")
    console.run("import", "members", "people.csv", *program)
    path = console.folder / "program.yaml"
    path.write_text(FIRST)
    for words in (("diff", path), ("apply", path, "--dry-run")):
        dry = console.run("config", *words, *program)
        assert dry.out.startswith(
            '~ /wallets/0/validity: null → "P12M/month"\n'
            '+ /wallets/1: {"code":"miles","name":"Miles"}\n'
            '+ /earning/rules/0: {"id":"base",'
        )
        assert "So it would be in `filed` from " in dry.out
    assert read_text(console.run("config", "export", *program).out) == {
        "wallets": [{"code": "points", "name": "Points"}]
    }
    done = console.run("config", "apply", path, "--note", "opening", *program)
    assert done.out.startswith(dry.out.partition("So it")[0])
    assert "Version 1 of `filed` is in force from " in done.out
    assert done.out.endswith("; 2 accounts of members are new.\n")
    again = console.run("config", "apply", path, *program)
    assert again.out == "Nothing is different in `filed`.\n"
    exported = console.run("config", "export", *program)
    assert exported.err.startswith("Version 1, in force from ")
    assert read_text(exported.out) == read_text(FIRST)
    # What was printed is applied, through a pipe and as JSON.
    path.write_text(exported.out)
    assert console.run("config", "diff", path, *program).out == again.out
    whole = console.run("config", "export", "--json", *program).out
    assert json.loads(whole)["wallets"][1]["grace"] == "P30D"
    path.write_text(whole)
    with path.open() as file:
        piped = console.run("config", "diff", "-", *program, stdin=file)
    assert piped.out == again.out


def test_all_mistakes_are_told_with_their_lines(console: Console) -> None:
    program = console.program("wrong")
    path = console.folder / "wrong.yaml"
    path.write_text(WRONG)
    refused = console.run("config", "apply", path, *program, code=1)
    assert refused.out == ""
    told = [line.removeprefix(f"{path}:") for line in refused.err.splitlines()]
    places = [line.split(": ")[:2] for line in told[:-1]]
    assert places == [
        ["2", "/wallets/0/scale"],
        ["6", "/earning/rules/0/earn/points"],
        ["9", "/earning/rules/1/when"],
        ["11", "/earning/rules/1/wallet"],
        ["12", "/earning/rules/2/earn"],
    ]
    assert told[-1] == f"punchcard: {path} has 5 mistakes; nothing was changed."
    path.write_text("wallets:\n  - {code: points\n")
    refused = console.run("config", "apply", path, *program, code=1)
    assert f"punchcard: {path}: line 3, column 1: " in refused.err
    path.write_text('{\n\t"colour": "red"}')
    refused = console.run("config", "diff", path, *program, code=1)
    assert f"{path}:2: /colour: `colour` is not a field here\n" in refused.err
    path.write_bytes(b"\xff")
    assert "not UTF-8" in console.run("config", "diff", path, *program, code=1).err
    missing = console.run("config", "diff", "no-such.yaml", *program, code=1)
    assert "no-such.yaml: No such file" in missing.err
    assert console.run("config", "export", *program).err == ""


def test_versions_wait_and_are_superseded(console: Console) -> None:
    program = console.program("later")
    path = console.folder / "later.yaml"
    for policy, words in (
        ("cap", ()),
        ("refuse", ("--effective-from", "2090-01-01")),
    ):
        path.write_text(f"returns: {{shortfall: {policy}}}\n")
        console.run("config", "apply", path, *words, *program)
    assert "shortfall: cap" in console.run("config", "export", *program).out
    for words in (("--at", "2090-01-01"), ("--version", "2")):
        found = console.run("config", "export", *words, *program)
        assert "shortfall: refuse" in found.out
        assert found.err == "Version 2, in force from 2090-01-01T00:00:00Z on:\n"
    missing = console.run("config", "export", "--version", "9", *program, code=1)
    assert "`later` has no version 9." in missing.err
    path.write_text("{}")
    stale = console.run("config", "apply", path, "--after", "1", *program, code=1)
    assert "The last version is not 1" in stale.err
    done = console.run("config", "apply", path, "--after", "2", *program)
    assert '~ /returns/shortfall: "cap" → null\n' in done.out
    assert "Version 2 will not come into force any more.\n" in done.out


def test_a_template_is_printed_and_applied(console: Console) -> None:
    program = console.program("cafe")
    listed = console.run("config", "templates").out
    names = [line.split()[0] for line in listed.splitlines()]
    assert len(names) == 4
    for name in names:
        text = console.run("config", "template", name).out
        path = console.folder / "template.yaml"
        path.write_text(text)
        assert "So it would be in `cafe`" in (
            console.run("config", "diff", path, *program).out
        )
    missing = console.run("config", "template", "bank", code=1)
    assert "There is no template `bank`; there is: airline-miles, " in missing.err
