"""What a member file may look like, and what is said of what it may not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from punchcard.interfaces.importing.columns import MEMBERS
from punchcard.interfaces.importing.csv_files import open_csv
from punchcard.interfaces.importing.members import read_member
from punchcard.kernel.job_files import Fault
from punchcard.members.queries import Address, Person

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def read(path: Path, **mapping: str) -> tuple[dict[str, Person], list[Fault]]:
    faults: list[Fault] = []
    with open_csv(str(path), MEMBERS, mapping) as file:
        rows = list(file.rows(lambda cells: read_member(cells, NOW), faults.append))
    people = {
        row.item.external_id: msgspec.json.decode(row.item.person, type=Person)
        for row in rows
    }
    return people, faults


def write(folder: Path, header: str, *lines: str) -> Path:
    path = folder / "members.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("email", "anna", "an e-mail address"),
        ("email", "anna@x\x00", "an e-mail address"),
        ("phone", "06 12 34 56 78", "a phone number as in +33612345678"),
        ("given_name", "x" * 201, "1 to 200 printable"),
        ("family_name", " X", "1 to 200 printable"),
        ("birth_date", "31.05.1980", "is no date"),
        ("birth_date", "2026-05-31", "a day from 1850-01-01 to today"),
        ("language", "français", "a language tag of BCP 47"),
        ("postal_code", "x" * 21, "1 to 20 printable"),
        ("country", "France", "two capital letters"),
        ("tags", "x" * 51, "1 to 50 printable"),
        ("tags", ";".join(map(str, range(51))), "at most 50 tags"),
        ("attributes", "[]", "Expected `object`, got `array`"),
        ("attributes", "{", "no JSON"),
        ("attributes", "[" * 100_000, "is not what it must be"),
        ("attributes", r'{"a": "\u0000"}', "no NUL"),
        ("consents", "{}", "Expected `array`, got `object`"),
        ("consents", '[{"purpose": "mail"}]', "missing required field"),
    ],
)
def test_a_broken_row_is_named_and_the_rest_goes_on(
    tmp_path: Path, column: str, cell: str, reason: str
) -> None:
    header = f"external_id,{column}"
    quoted = cell.replace('"', '""')
    people, faults = read(write(tmp_path, header, "bo,", f'anna,"{quoted}"', "cy,"))
    assert list(people) == ["bo", "cy"]
    assert [(fault.line, fault.column) for fault in faults] == [(3, column)]
    assert reason in faults[0].reason


@pytest.mark.parametrize("name", ["", " anna", "x" * 201, "a\x00"])
def test_an_external_id_is_one(tmp_path: Path, name: str) -> None:
    people, faults = read(write(tmp_path, "external_id,email", f'"{name}",', "bo,"))
    assert list(people) == ["bo"]
    assert [(fault.line, fault.column) for fault in faults] == [(2, "external_id")]


def test_a_whole_person_is_read(tmp_path: Path) -> None:
    header = (
        "id,email,phone,given_name,family_name,birth_date,language,line1,city,country,"
        "tags,attributes,consents"
    )
    row = (
        "anna,anna@example.org,+33612345678,Anna,Ek,1980-05-31,fr,1 rue X,Lyon,FR,"
        'vip; news ;vip;,"{""shoe"": 38}",'
        '"[{""purpose"": ""mail"", ""granted"": true, ""source"": ""till"",'
        ' ""at"": ""2024-01-01T00:00:00Z""}]"'
    )
    people, faults = read(write(tmp_path, header, row), external_id="id")
    assert not faults
    anna = people["anna"]
    assert (anna.email, anna.birth_date) == ("anna@example.org", date(1980, 5, 31))
    assert anna.address == Address(line1="1 rue X", city="Lyon", country="FR")
    assert (anna.tags, anna.attributes) == (["vip", "news"], {"shoe": 38})
    assert [(said.purpose, said.granted) for said in anna.consents] == [("mail", True)]


def test_nothing_but_ids_will_do(tmp_path: Path) -> None:
    people, faults = read(write(tmp_path, "external_id", "anna", "bo"))
    assert (people, faults) == ({"anna": Person(), "bo": Person()}, [])
