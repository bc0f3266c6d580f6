"""Decide what a purchase or an activity earns, by which rules, and why not by others.

A pure function: a dry run is the same call. Rules that match compete, what is left is
worked out exactly and rounded once, and caps come last.
"""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from . import achieving
from .decisions import Award, Decision, Use, Verdict
from .documents import Achieve, Multiply, Rule, Ruleset
from .purchases import Counter, Purchase, Used
from .rules import capping, competing, granting, matching, multiplying
from .rules.basis import Base, base_of, counted_in, once
from .rules.competing import Candidate
from .rules.formula import divide
from .rules.matching import No
from .rules.multiplying import Multiplier
from .rules.preparing import Prepared, Ready, prepared
from .rules.windows import counter_of


def needed_facts(*, ruleset: Ruleset) -> frozenset[str]:
    """Return the names in `rules/facts.py` whose values `decide` looks at, and more."""
    return prepared(ruleset).facts


def needed_counters(
    *, ruleset: Ruleset, purchase: Purchase, zone: ZoneInfo
) -> tuple[Counter, ...]:
    """Return the counters whose values `decide` looks at for this purchase."""
    at = purchase.occurred_at
    playing = prepared(ruleset).playing(purchase.trigger)
    return tuple(counter_of(rule, per, at, zone) for rule, per in playing.counting)


def decide(
    *,
    ruleset: Ruleset,
    purchase: Purchase,
    zone: ZoneInfo,
    used: Mapping[Counter, Used],
) -> Decision:
    """Return what a purchase earns by the rules of a checked ruleset.

    `used` holds what the counters had counted before; a missing one is at 0. The
    decision's `uses` are what to add to them.
    """
    work = _Work(prepared(ruleset), purchase, zone, used)
    work.match()
    work.leave_out_others()
    candidates = work.candidates()
    losers = competing.outdone(candidates, work.rules.stackings)
    for rule_id, winner in losers.items():
        work.refused[rule_id] = No("outdone", winner)
    work.grant([one for one in candidates if one.rule.id not in losers])
    return Decision(
        awards=tuple(award for award in work.awards if award.points),
        looked_at=tuple([work.verdict(rule) for rule in work.rules.ordered]),
        uses=tuple(work.uses),
    )


class _Work:
    """A decision while it is made."""

    def __init__(
        self,
        rules: Prepared,
        purchase: Purchase,
        zone: ZoneInfo,
        used: Mapping[Counter, Used],
    ) -> None:
        self.rules = rules
        self.at = purchase.occurred_at
        self.zone = zone
        self.used = used
        self.setting = matching.Setting(purchase, zone)
        self.playing = rules.playing(purchase.trigger)
        self.refused: dict[str, No] = dict(self.playing.never)
        self.bases: list[tuple[Rule, Base]] = []
        self.multipliers: list[Multiplier] = []
        self.awards: list[Award] = []
        self.uses: list[Use] = []
        self.granted: dict[str, int] = {}

    def match(self) -> None:
        """Sort the rules into bases, multipliers and refused."""
        for ready in self.playing.rules:
            for check in ready.checks:
                refusal = check(self.setting)
                if refusal is not None:
                    break
            else:
                refusal = self._take_up(ready)
            if refusal is not None:
                self.refused[ready.rule.id] = refusal

    def _take_up(self, ready: Ready) -> No | None:
        rule, chosen = ready.rule, ready.choose(self.setting)
        if rule.lines is not None and not chosen:
            return No("no_line_matches")
        if isinstance(rule.earn, Multiply):
            self.multipliers.append(Multiplier(rule, rule.earn.factor, chosen))
            return None
        if isinstance(rule.earn, Achieve):
            return self._count_on(
                rule, rule.earn, counted_in(rule.earn, chosen, self.setting)
            )
        base = base_of(rule, chosen, self.setting)
        if base is None or not any(base.basis.values()):
            return No("nothing_to_earn_on")
        self.bases.append((rule, base))
        return None

    def _count_on(self, rule: Rule, earn: Achieve, more: int) -> No | None:
        """Count towards an achievement, also where others leave out its points."""
        counter = achieving.achievement_counter(
            rule=rule.id, earn=earn, at=self.at, zone=self.zone
        )
        used = self.used.get(counter, Used())
        reached, progress = achieving.count_on(earn=earn, used=used, more=more)
        if more:
            self.uses.append(Use(counter=counter, counted=more))
        self.granted[rule.id] = 0
        if not reached:
            before = progress.reached and not earn.repeats
            detail = f"{progress.counted} of {progress.target}"
            return No("reached_before" if before else "not_reached", detail)
        self.bases.append((rule, once(rule, earn.points, reached)))
        return None

    def leave_out_others(self) -> None:
        """Refuse every rule outside of an exclusive group that grants: the first's."""
        exclusive = self.rules.exclusive
        matched = [rule for rule, _ in self.bases]
        group = next((one.group for one in matched if one.group in exclusive), None)
        if group is None:
            return
        for rule in [*matched, *(one.rule for one in self.multipliers)]:
            if rule.group != group:
                self.refused[rule.id] = No("excluded", group)
        self.bases = [one for one in self.bases if one[0].group == group]
        self.multipliers = [one for one in self.multipliers if one.rule.group == group]

    def candidates(self) -> list[Candidate]:
        """Return the rules that grant by themselves, worked out."""
        found = []
        chains = multiplying.Chains(
            self.multipliers, self.rules.multiplied, self.rules.stackings
        )
        for rule, base in self.bases:
            chain = chains.of(rule, base)
            asked = granting.ask(base, chain)
            total = asked[0].total
            allowed = capping.allow(rule, total, self.at, self.zone, self.used)
            found.append(Candidate(rule, base, asked, allowed))
        return found

    def grant(self, winners: list[Candidate]) -> None:
        """Award what each rule grants: the bases, then each multiplier on all."""
        for one in winners:
            self._award(one, 0, one.allowed)
            self._count(one.rule, one.allowed, one.chain[0].total)
        for multiplier in self.multipliers:
            self._multiply(multiplier.rule, winners)

    def _multiply(self, rule: Rule, winners: list[Candidate]) -> None:
        found = [
            (one, place, competing.reduced(asked.total, one))
            for one in winners
            for place, asked in enumerate(one.chain)
            if place and asked.link.rule is rule
        ]
        if not found:
            self.refused[rule.id] = No("nothing_to_multiply")
            return
        asked = [points for _, _, points in found]
        total = sum(asked)
        allowed = capping.allow(rule, total, self.at, self.zone, self.used)
        parts = asked if allowed.points == total else divide(allowed.points, asked)
        for (one, place, points), part in zip(found, parts, strict=True):
            code = allowed.code if part < points else one.allowed.code
            self._award(one, place, capping.Allowed(part, code, allowed.detail))
        self._count(rule, allowed, total)

    def _award(self, one: Candidate, place: int, allowed: capping.Allowed) -> None:
        asked = one.chain[place]
        self.awards.append(granting.award_of(one.rule, one.base, asked, allowed))

    def _count(self, rule: Rule, allowed: capping.Allowed, asked: int) -> None:
        self.granted[rule.id] = allowed.points
        if not asked:
            self.refused[rule.id] = No("rounds_to_nothing")
        elif allowed.code is not None:
            self.refused[rule.id] = No(allowed.code, allowed.detail)
        self.uses += capping.uses_of(rule, allowed.points, self.at, self.zone)

    def verdict(self, rule: Rule) -> Verdict:
        """Return what became of a rule."""
        points = self.granted.get(rule.id)
        refusal = self.refused.get(rule.id)
        return Verdict(
            rule=rule.id,
            matched=points is not None,
            points=points or 0,
            code=None if refusal is None else refusal.code,
            detail="" if refusal is None else refusal.detail,
        )
