"""What a member may still achieve: how far they are, and how far it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    operation,
)
from punchcard.interfaces.api.references import resolve_member
from punchcard.journeys.orders.list_achievements import Achievement, list_achievements

from .decision_shapes import RuleCode


class PeriodAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A day, week, month or year of the program's calendar."""

    from_: Annotated[datetime, Meta(examples=["2026-01-01T00:00:00Z"])] = msgspec.field(
        name="from"
    )
    to: Annotated[
        datetime, Meta(description="Not included.", examples=["2027-01-01T00:00:00Z"])
    ]


class AchievementAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`points` when `target` is reached, and how far the member is."""

    rule: RuleCode
    name: Annotated[str, Meta(examples=["Ten coffees"])]
    trigger: Annotated[
        str,
        Meta(
            description="`order`, or `activity:` and a type of activity.",
            examples=["order"],
        ),
    ]
    campaign: str | None
    wallet: Annotated[str | None, Meta(description="Null: the program's first.")]
    points: Annotated[int, Meta(description="Each time.", examples=[50])]
    count: Annotated[
        Literal["times", "items", "spend"],
        Meta(
            description=(
                "What is counted: orders or activities, items, or what was paid for "
                "them with money, in minor units."
            ),
            examples=["items"],
        ),
    ]
    repeats: Annotated[
        bool, Meta(description="At every multiple of the target, or at the first.")
    ]
    counted: Annotated[
        int,
        Meta(description="What repeats begins at 0 when it is reached.", examples=[3]),
    ]
    target: Annotated[int, Meta(examples=[10])]
    reached: Annotated[
        int, Meta(description="How often, in this period.", examples=[0])
    ]
    open: Annotated[
        bool,
        Meta(
            description=(
                "Whether what happens now may count: the rule and its campaign are "
                "active, and today is within their dates."
            ),
            examples=[True],
        ),
    ]
    period: Annotated[
        PeriodAnswer | None,
        Meta(description="In which it counts now; null: it counts for ever."),
    ]


class MemberAchievements(msgspec.Struct, frozen=True, kw_only=True):
    """The achievements of a member, by the rules in force."""

    version: Annotated[
        int | None,
        Meta(
            description="Of the configuration in force; null: there is none.",
            examples=[1],
        ),
    ]
    data: list[AchievementAnswer]
    has_more: bool = False
    next_cursor: None = None


class AchievementsOfMember(Endpoint):
    """`/v1/members/{member}/achievements`."""

    @operation(
        Operation(
            id="listAchievements",
            summary="List a member's achievements",
            description=(
                "Every achievement of the rules in force now, by priority, and how "
                "far the member is in the period that has begun. What came back does "
                "not count."
            ),
            tag="members",
            scope="orders:read",
            answers={200: MemberAchievements},
            refusals=("member_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """List a member's achievements."""
        program = call.program.id
        member = resolve_member(program=program, text=call.path["member"])
        listed = list_achievements(program=program, member=member.id, at=call.now)
        data = [_render(one) for one in listed.found]
        return Answer(body=MemberAchievements(version=listed.version, data=data))


def _render(one: Achievement) -> AchievementAnswer:
    return AchievementAnswer(
        rule=one.rule.id,
        name=one.rule.name,
        trigger=one.rule.trigger,
        campaign=one.rule.campaign,
        wallet=one.rule.wallet,
        points=one.earn.points,
        count=one.earn.count,
        repeats=one.earn.repeats,
        counted=one.progress.counted,
        target=one.progress.target,
        reached=one.progress.reached,
        open=one.is_open,
        period=_period(one.counter.starts_at, one.counter.ends_at),
    )


def _period(
    starts_at: datetime | None, ends_at: datetime | None
) -> PeriodAnswer | None:
    if starts_at is None or ends_at is None:
        return None
    return PeriodAnswer(from_=starts_at, to=ends_at)
