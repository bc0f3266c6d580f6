"""Member files: what a row must say, and how members get into a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

import msgspec

from punchcard.interfaces.importing.columns import MEMBERS
from punchcard.interfaces.importing.csv_files import BadCell
from punchcard.interfaces.importing.running import Batch, FileImport, Keep
from punchcard.interfaces.importing.staging import Shape, Staged
from punchcard.journeys.import_members import Result, Terms, import_members
from punchcard.members.operations import NewMember, find_malformed
from punchcard.members.queries import Address, Consent, Person

TAGS_APART = ";"
_TEXTS = ("email", "phone", "given_name", "family_name", "language")
_ADDRESS = Address.__struct_fields__


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says."""

    external_id: str
    person: str
    """As JSON: the same people have the same."""


def read_member(cells: list[str], now: datetime) -> MemberRow:
    """Return the member that a row says.

    Raises:
        BadCell: one cell is not what it must be.
    """
    said = dict(zip(MEMBERS.all, cells, strict=True))
    person = Person(
        **{name: said[name] or None for name in _TEXTS},
        birth_date=_date(said["birth_date"]),
        address=_address(said),
        attributes=_json("attributes", said["attributes"], dict[str, Any], {}),
        tags=_tags(said["tags"]),
        consents=_json("consents", said["consents"], list[Consent], []),
    )
    member = NewMember(external_id=said["external_id"], person=person)
    malformed = find_malformed(members=[member], now=now).get(0)
    if malformed is not None:
        detail = str(malformed).rstrip(".")
        reason = f"is not what it must be: {detail[0].lower()}{detail[1:]}"
        raise BadCell(_column(malformed.field), reason)
    return MemberRow(
        external_id=member.external_id,
        person=msgspec.json.encode(person, order="deterministic").decode(),
    )


@dataclass
class MemberImport(FileImport[MemberRow]):
    """Members, by their external ids."""

    shape: ClassVar[Shape[MemberRow]] = Shape(
        kind=MemberRow,
        columns={"external_id": 'text COLLATE "C"', "person": "text"},
        identity=("external_id",),
        contents=("person",),
        order=("external_id",),
        named_by="external_id",
    )

    terms: Terms
    clock: Callable[[], datetime]

    def read(self, cells: list[str]) -> MemberRow:
        return read_member(cells, self.clock())

    def post(self, rows: list[Staged[MemberRow]], keep: Keep) -> Batch:
        firsts, others = self.first_of_their_id(rows)
        people = [
            NewMember(
                external_id=row.item.external_id,
                person=msgspec.json.decode(row.item.person, type=Person),
            )
            for row in firsts
        ]
        results = import_members(
            terms=self.terms,
            people=people,
            now=self.clock(),
            along=lambda came: keep(self._count(firsts, came, others)),
        )
        return self._count(firsts, results, others)

    def _count(
        self, rows: list[Staged[MemberRow]], results: Sequence[Result], others: Batch
    ) -> Batch:
        batch = Batch()
        for row, result in zip(rows, results, strict=True):
            self._count_one(batch, row, result)
        return others + batch

    def _count_one(self, batch: Batch, row: Staged[MemberRow], result: Result) -> None:
        match result.code:
            case "enrolled":
                batch.tally.applied += 1
                batch.tally.members += 1
            case "introduced":
                batch.tally.applied += 1
            case "known":
                batch.tally.known += 1
            case "conflict":
                columns = list(dict.fromkeys(map(_column, result.fields)))
                named = ", ".join(self.file.names.get(one, one) for one in columns)
                reason = f"is known already, with another {named}: change it there"
                self.refuse(batch, row, "external_id", reason)
            case _:
                reason = "was refused by the database; its log says why"
                self.refuse(batch, row, "external_id", reason)


def _column(field: str) -> str:
    """Return the column that a field of a member came from."""
    head, _, rest = field.partition("/")
    return rest if head == "address" and rest in _ADDRESS else head


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadCell("birth_date", "is no date, as in 1980-05-31") from None


def _address(said: dict[str, str]) -> Address | None:
    parts = {name: said[name] for name in _ADDRESS if said[name]}
    return Address(**parts) if parts else None


def _tags(text: str) -> list[str]:
    tags = (tag.strip() for tag in text.split(TAGS_APART))
    return list(dict.fromkeys(tag for tag in tags if tag))


def _json(column: str, text: str, kind: Any, nothing: Any) -> Any:
    if not text:
        return nothing
    try:
        return msgspec.json.decode(text, type=kind, strict=True)
    except (ValueError, RecursionError) as error:
        # What could not be read may be somebody's: only its place is told.
        said = str(error) if isinstance(error, msgspec.ValidationError) else "no JSON"
        raise BadCell(column, f"is not what it must be: {said}") from None
