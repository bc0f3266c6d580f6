"""What was decided about an order or an activity, as callers see it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.earning.decisions import Part, Verdict
from punchcard.earning.queries import AwardView, DecisionView
from punchcard.interfaces.api import texts
from punchcard.kernel.ids import typed

_RULE = Meta(description="Code of the rule.", examples=["base"])
_RATIO = {"maxLength": 100, "pattern": "^-?[0-9]+(/[0-9]+)?$"}

RuleCode = Annotated[str, _RULE]


class PartAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An award's part on one line, on the shipping, or on the order as a whole."""

    line: Annotated[
        int | Literal["shipping"] | None,
        Meta(description="A line's number; null: the order as a whole.", examples=[1]),
    ]
    basis: Annotated[
        int, Meta(description="What the rate applies to.", examples=[1200])
    ]
    beneath: Annotated[
        str,
        Meta(
            description="The factor up to which others have granted already.",
            examples=["0"],
            extra_json_schema=_RATIO,
        ),
    ]
    factor: Annotated[
        str,
        Meta(
            description="The factor up to which this one grants: `3`, or `3/2`.",
            examples=["1"],
            extra_json_schema=_RATIO,
        ),
    ]
    points: Annotated[int, Meta(examples=[12])]


class AwardAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule granted, how that was worked out, and where it stands.

    The sum over its parts of basis x factor x `rate` / `per`, rounded once, less what
    is beneath, cut down by a cap.
    """

    n: Annotated[int, Meta(examples=[1])]
    rule: RuleCode
    of: Annotated[
        str | None, Meta(description="Of a multiplier: the rule that it multiplies.")
    ]
    campaign: str | None
    wallet: Annotated[str | None, Meta(description="Null: the program's first.")]
    kind: Annotated[str, Meta(examples=["per_spend"])]
    rate: Annotated[str, Meta(examples=["1"], extra_json_schema=_RATIO)]
    per: Annotated[int, Meta(examples=[100])]
    whole_steps: bool
    rounding: Annotated[str, Meta(examples=["floor"])]
    rounding_per: Annotated[str, Meta(examples=["order"])]
    asked: Annotated[int, Meta(description="Points before caps.", examples=[12])]
    cap: Annotated[
        str | None, Meta(description="What made `points` less than `asked`.")
    ]
    points: Annotated[int, Meta(examples=[12])]
    taken: Annotated[int, Meta(description="How many of them returns have taken back.")]
    validity: str | None
    entry: Annotated[
        texts.EntryId | None, Meta(description="The earn that has it, with others.")
    ]
    refusal: Annotated[
        str | None, Meta(description="Why the ledger has none of it: a refusal's code.")
    ]
    parts: list[PartAnswer]


class VerdictAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a rule that was looked at."""

    rule: RuleCode
    matched: Annotated[bool, Meta(examples=[True])]
    points: Annotated[int, Meta(examples=[12])]
    code: Annotated[
        str | None,
        Meta(description="Why it granted nothing, or less than it asked."),
    ]
    detail: Annotated[str, Meta(examples=[""])]


class EarningDecisionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was earned, by which rules, and what each rule said."""

    payment: Annotated[
        int,
        Meta(
            description="Of an order: its how many-th payment this is of.", examples=[1]
        ),
    ]
    version: Annotated[
        int | None,
        Meta(
            description="Of the configuration in force; null: there was none.",
            examples=[1],
        ),
    ]
    points: Annotated[int, Meta(examples=[12])]
    occurred_at: datetime
    decided_at: datetime
    awards: list[AwardAnswer]
    looked_at: Annotated[
        list[VerdictAnswer], Meta(description="Every rule there was, in order.")
    ]


class TakingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken back of what one rule granted."""

    rule: RuleCode
    of: Annotated[
        str | None, Meta(description="Of a multiplier: the rule that it multiplies.")
    ]
    points: Annotated[int, Meta(examples=[12])]
    entry: Annotated[
        texts.EntryId | None,
        Meta(description="The reverse; null: the ledger had nothing of it."),
    ]


def render_decision(decision: DecisionView) -> EarningDecisionAnswer:
    """Return a decision as callers see it."""
    return EarningDecisionAnswer(
        payment=decision.payment,
        version=decision.version,
        points=decision.points,
        occurred_at=decision.occurred_at,
        decided_at=decision.decided_at,
        awards=[_award(award) for award in decision.awards],
        looked_at=[_verdict(verdict) for verdict in decision.looked_at],
    )


def render_decisions(decisions: Iterable[DecisionView]) -> list[EarningDecisionAnswer]:
    """Return decisions as callers see them."""
    return [render_decision(decision) for decision in decisions]


def entry_name(account: UUID | None, sequence: int | None) -> str | None:
    """Return what an entry is called, `acc_…/17`, where there is one."""
    if account is None or sequence is None:
        return None
    return f"{typed('acc', account)}/{sequence}"


def _award(view: AwardView) -> AwardAnswer:
    award = view.award
    return AwardAnswer(
        n=view.n,
        rule=award.rule,
        of=award.of,
        campaign=award.campaign,
        wallet=award.wallet,
        kind=award.kind,
        rate=award.rate,
        per=award.per,
        whole_steps=award.whole_steps,
        rounding=award.rounding,
        rounding_per=award.rounding_per,
        asked=award.asked,
        cap=award.cap,
        points=award.points,
        taken=view.taken,
        validity=award.validity,
        entry=entry_name(view.account, view.sequence),
        refusal=view.refusal,
        parts=[_part(part) for part in award.parts],
    )


def _part(part: Part) -> PartAnswer:
    return PartAnswer(
        line=part.line,
        basis=part.basis,
        beneath=part.beneath,
        factor=part.factor,
        points=part.points,
    )


def _verdict(verdict: Verdict) -> VerdictAnswer:
    return VerdictAnswer(
        rule=verdict.rule,
        matched=verdict.matched,
        points=verdict.points,
        code=verdict.code,
        detail=verdict.detail,
    )
