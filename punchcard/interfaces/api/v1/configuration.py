"""A program's configuration: one document, versioned, in force from an instant on."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    Operation,
    operation,
)
from punchcard.interfaces.api.pagination import (
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    paginate,
)
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.interfaces.api.versions import etag, versions_to_change
from punchcard.journeys.configuration.apply_configuration import (
    Applied,
    apply_configuration,
)
from punchcard.journeys.configuration.document import whole
from punchcard.journeys.configuration.errors import ConfigurationMalformed
from punchcard.journeys.configuration.exporting import export_configuration, lean
from punchcard.journeys.configuration.texts import write_yaml
from punchcard.programs.queries import ConfigurationView, list_configurations

from .bodies import Instant
from .wallets import MEMBERS_PER_CALL

YAML = "application/yaml"
_CURSOR = "configurations"
_VERSION_MAX = 2**31 - 1
EXAMPLE: dict[str, Any] = {
    "wallets": [{"code": "points", "name": "Points", "validity": "P12M/month"}],
    "earning": {
        "rules": [
            {
                "id": "base",
                "earn": {"kind": "per_spend", "points": 1, "per": 100, "tax": "after"},
            }
        ]
    },
}

VersionNumber = Annotated[int, Meta(ge=1, le=_VERSION_MAX, description="1, 2, 3 …")]
Body = Annotated[
    dict[str, Any],
    Meta(
        description=(
            "Wallets, earning, activities, returns: as the reference of earning rules "
            "and the how-to say. An unknown field is a mistake."
        ),
        examples=[EXAMPLE],
    ),
]
ShownDocument = Annotated[
    dict[str, Any],
    Meta(description="Whole, with every default.", examples=[EXAMPLE]),
]
Note = Annotated[
    str,
    Meta(max_length=200, pattern=texts.whole(texts.PRINTABLE), description="Why."),
]


class ConfigQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Which configuration."""

    version: (
        Annotated[VersionNumber, Meta(description="This one, wherever in force.")]
        | None
    ) = None
    at: (
        Annotated[Instant, Meta(description="What is in force then; left out: now.")]
        | None
    ) = None


class ApplyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a document is applied."""

    effective_from: (
        Annotated[
            Instant,
            Meta(description="Since when its rules are in force; left out: from now."),
        ]
        | None
    ) = None
    note: Note | None = None
    dry_run: Annotated[
        bool, Meta(description="Answer what would be different, and write nothing.")
    ] = False


class VersionsQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of versions."""

    limit: Limit = 50
    cursor: Cursor | None = None


class ConfigurationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force, or one version."""

    version: Annotated[
        int | None, Meta(description="Null: there was none; nothing is earned.")
    ]
    effective_from: datetime | None
    note: str
    document: ShownDocument


class DifferenceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A place that is new, gone or otherwise."""

    kind: Literal["added", "removed", "changed"]
    pointer: Annotated[
        str,
        Meta(
            description="JSON pointer into the new document; of what is gone, the old.",
            examples=["/earning/rules/0/earn/points"],
        ),
    ]
    before: Annotated[Any, Meta(examples=[1])]
    after: Annotated[Any, Meta(examples=[2])]


class AppliedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is different by a document, and what came of it."""

    version: Annotated[
        int | None, Meta(description="Null: of a dry run that would make one.")
    ]
    created: Annotated[
        bool, Meta(description="False: it was in force already, and nothing was done.")
    ]
    effective_from: datetime
    document: ShownDocument
    differences: list[DifferenceAnswer]
    supersedes: Annotated[
        list[VersionNumber],
        Meta(description="Versions that were to be in force later, and will not be."),
    ]
    wallets_created: list[str]
    accounts_opened: int
    complete: Annotated[
        bool,
        Meta(
            description="Whether every member has an account in every wallet. If not, "
            "the same document again opens more."
        ),
    ]


class VersionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A version, without its document."""

    version: VersionNumber
    effective_from: datetime
    note: str
    actor: texts.Actor
    created_at: datetime


class ProgramConfig(Endpoint):
    """`/v1/program/config`."""

    @operation(
        Operation(
            id="getConfiguration",
            summary="Look up the configuration",
            description=(
                "What is in force now or `at` an instant, or one `version`, with the "
                "wallets of now. With `Accept: application/yaml` it is the document "
                "alone, as YAML, without what is so by default. Applied as it is, it "
                "changes nothing. The ETag is of its version, `0` of none."
            ),
            tag="program",
            scope="config:read",
            query=ConfigQuery,
            answers={200: ConfigurationAnswer},
            refusals=("configuration_not_found",),
            version="told",
        )
    )
    def get(self, call: Call[NoBody, ConfigQuery]) -> Answer:
        """Look up the configuration."""
        query = call.query
        if query.version is not None and query.at is not None:
            detail = "Say `version` or `at`, not both."
            wrong = FieldError(code="wrong_value", detail=detail, parameter="at")
            raise Problem("malformed", detail, errors=[wrong])
        found = export_configuration(
            program=call.program.id, version=query.version, at=query.at or call.now
        )
        headers = {"ETag": etag(found.version or 0)}
        if YAML in call.request.META.get("HTTP_ACCEPT", ""):
            file = BytesIO(write_yaml(lean(found.document)).encode())
            return Answer(file=file, media_type=YAML, headers=headers)
        answer = ConfigurationAnswer(
            version=found.version,
            effective_from=found.effective_from,
            note=found.note,
            document=whole(found.document),
        )
        return Answer(body=answer, headers=headers)

    @operation(
        Operation(
            id="applyConfiguration",
            summary="Apply a configuration",
            description=(
                "Makes the wallets that are new, changes the policies of others for "
                "all that is done from now on, and saves the next version, whose rules "
                "are in force from `effective_from` on. A wallet that is not named "
                "stays as it is; code, scale and `idle` never change. What is in force "
                'already makes no version. `If-Match` says after which version, `"0"` '
                "after none, `*` after any. All mistakes are told at once."
            ),
            tag="program",
            scope="config:write",
            body=Body,
            query=ApplyQuery,
            answers={200: AppliedAnswer},
            refusals=(
                "precondition_required",
                "precondition_failed",
                "configuration_malformed",
            ),
            version="demanded",
            example=EXAMPLE,
        )
    )
    def put(self, call: Call[dict[str, Any], ApplyQuery]) -> Answer:
        """Apply a configuration."""
        try:
            applied = apply_configuration(
                program=call.program.id,
                document=call.body,
                author=call.author,
                now=call.now,
                effective_from=call.query.effective_from,
                after=versions_to_change(call.request),
                note=call.query.note or "",
                dry_run=call.query.dry_run,
                most=MEMBERS_PER_CALL,
            )
        except ConfigurationMalformed as error:
            raise malformed_configuration(error) from error
        is_planned = call.query.dry_run and applied.created
        headers = {} if is_planned else {"ETag": etag(applied.version or 0)}
        return Answer(body=_applied(applied), headers=headers)


class ConfigVersions(Endpoint):
    """`/v1/program/config/versions`."""

    @operation(
        Operation(
            id="listConfigurations",
            summary="List the configuration's versions",
            description=(
                "The newest first. Of those that are in force from an instant or "
                "earlier the newest counts."
            ),
            tag="program",
            scope="config:read",
            query=VersionsQuery,
            answers={200: Page[VersionAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, VersionsQuery]) -> Answer:
        """List the configuration's versions."""
        place = decode_cursor(call.query.cursor, _CURSOR, tuple[str, VersionNumber])
        page = paginate(
            list_configurations(
                program=call.program.id,
                limit=call.query.limit + 1,
                before=place[0] if place else None,
            ),
            limit=call.query.limit,
            render=_version,
            cursor=lambda found: encode_cursor(_CURSOR, found.version),
        )
        return Answer(body=page)


def malformed_configuration(error: ConfigurationMalformed) -> Problem:
    """Return the problem that names all mistakes."""
    errors = [
        FieldError(code=one.code, detail=one.detail, pointer=one.pointer)
        for one in error.mistakes
    ]
    first = errors[0]
    more = f" And {len(errors) - 1} more." if len(errors) > 1 else ""
    detail = f"`{first.pointer}`: {first.detail}.{more}"
    return Problem("configuration_malformed", detail, errors=errors)


def _applied(applied: Applied) -> AppliedAnswer:
    return AppliedAnswer(
        version=applied.version,
        created=applied.created,
        effective_from=applied.effective_from,
        document=whole(applied.document),
        differences=[
            DifferenceAnswer(**msgspec.structs.asdict(one))
            for one in applied.differences
        ],
        supersedes=list(applied.supersedes),
        wallets_created=list(applied.wallets_created),
        accounts_opened=applied.accounts_opened,
        complete=applied.complete,
    )


def _version(view: ConfigurationView) -> VersionAnswer:
    return VersionAnswer(
        version=view.version,
        effective_from=view.effective_from,
        note=view.note,
        actor=view.actor,
        created_at=view.created_at,
    )
