"""One account of the reference model: what commands and time do to its points.

It shares no code with the product. An account is the list of its entries; each keeps
the numbers and the lots as they stood after it, so that the past is a shorter list.
Its calendar is UTC, its durations are days or seconds.
"""

import copy
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid5

LARGEST, DAY, NO_TIME = 2**53 - 1, timedelta(days=1), timedelta(0)
LIMITED = ("redeem", "reserve", "capture", "void", "transfer_out")
RELEASE, VOID, EXPIRE = 1, 2, 3  # the order at one instant


@dataclass
class Policy:
    pending: timedelta = NO_TIME
    validity: timedelta | None = None  # None: never expires
    grace: timedelta = 30 * DAY
    debt_policy: str = "debt"
    hold_time_max: timedelta = 7 * DAY
    idle: timedelta | None = None
    per_command: int | None = None
    per_day: int | None = None
    per_month: int | None = None


class Refused(Exception):
    """The command is refused: (code, details)."""


def refuse(code, **details):
    raise Refused(code, details)


class Lot(NamedTuple):
    sequence: int
    n: int
    root: int
    credited: int
    available_at: datetime | None  # None: waits for an event
    expires_at: datetime | None
    remaining: int
    state: str = "open"  # or "pending", "spent", "lapsed", "cancelled"
    lapsed: int = 0
    validity: timedelta | None = None  # what an activation counts anew

    name = property(lambda lot: (lot.sequence, lot.n))

    def moved(self, kind, points):
        """The lot after an entry of this kind gave it so many points (or took)."""
        left, lapsed = self.remaining + points, self.lapsed
        if self.state == "pending":
            state = "pending" if left else "cancelled"
        elif kind == "expire":
            state, lapsed = "lapsed", -points
        else:
            state = "open" if left else "spent"
        return self._replace(remaining=left, state=state, lapsed=lapsed)

    def ends_at(self, idle):
        return min((end for end in (self.expires_at, idle) if end), default=None)

    def is_over(self, t):
        return self.state == "lapsed" or bool(self.expires_at and self.expires_at <= t)


def in_spending_order(lots):
    found = [lot for lot in lots if lot.state == "open"]
    return sorted(found, key=lambda x: (x.expires_at is None, x.expires_at or 0, x))


def first(parts, points):
    """The first so many points of these parts: [(lot, points)]."""
    found = []
    for lot, part in parts:
        found.append((lot, min(part, points)))
        points -= min(part, points)
    return [(lot, part) for lot, part in found if part]


def take(lots, points):
    """Take from these lots in their order: [(lot, -points)], and what was missing."""
    parts = first([(lot, lot.remaining) for lot in lots], points)
    return [(lot, -part) for lot, part in parts], points - sum(p for _, p in parts)


def duration(text):
    """'P3D' or 'PT5S' (the model reads no others); None: unreadable."""
    found = re.fullmatch("P([0-9]+)D|PT([0-9]+)S", text)
    return found and timedelta(days=int(found[1] or 0), seconds=int(found[2] or 0))


def pending_of(command, policy):
    if command.pending in (None, "event"):
        return command.pending or policy.pending
    return duration(command.pending)


NUMBERS = ("balance", "pending_after", "reserved_after", "lifetime_after")
BEGINNING = {
    "sequence": 0,
    "effective_at": None,
    "lots": {},
    **dict.fromkeys(NUMBERS, 0),
}


class Account:
    def __init__(self, policy=None, account_id=None):
        self.policy, self.id, self.status = policy, account_id, "open"
        self.entries, self.keys = [], {}  # key: (fingerprint, first outcome)

    last = property(lambda self: self.entries[-1] if self.entries else BEGINNING)
    last_sequence = property(lambda self: self.last["sequence"])
    effective_at = property(lambda self: self.last["effective_at"])
    available = property(lambda self: self.last["balance"])
    lots = property(lambda self: list(self.last["lots"].values()))
    open_lots = property(lambda self: in_spending_order(self.lots))
    numbers = property(lambda self: tuple(self.last[name] for name in NUMBERS))

    def typed(self, *kinds):
        return [e for e in self.entries if e["type"] in kinds]

    @property
    def open_holds(self):
        resolved = [e["relates_to"] for e in self.typed("capture", "void")]
        return [e for e in self.typed("reserve") if e["sequence"] not in resolved]

    def idle_ahead(self):
        """When all lots then open lapse for want of activity; None: never, or past."""
        active = self.typed("earn", "redeem", "capture")
        if not active or not self.policy.idle:
            return None
        idle = active[-1]["effective_at"] + self.policy.idle
        return idle if idle > self.effective_at else None

    def copied(self, last=None):
        """A copy with the first so many entries (None: with all)."""
        then = copy.copy(self)
        then.entries, then.keys = self.entries[:last], dict(self.keys)
        return then

    def as_of(self, instant):
        """A copy of the account as it was, or will be, at this instant."""
        then = self.copied(sum(e["effective_at"] <= instant for e in self.entries))
        if then.last is self.last:
            then.settle(instant)
        return then

    def next_expiry(self):
        """When open points expire next, and how many."""
        ends = [(lot.ends_at(self.idle_ahead()), lot) for lot in self.open_lots]
        at = min((end for end, _ in ends if end), default=None)
        return at, sum(lot.remaining for end, lot in ends if end and end == at)

    def write(
        self,
        t,
        kind,
        amount,
        available,
        pending=0,
        reserved=0,
        moves=(),
        opens=(),
        **facts,
    ):
        """Append one entry with its lots and allocations; a rise first repays debt."""
        before, lots = self.last, self.last["lots"] | {lot.name: lot for lot in opens}
        lots |= {lot.name: lots[lot.name].moved(kind, p) for lot, p in moves}
        # In debt no lot was open: those open now are the risen ones.
        debt = max(min(-self.available, available), 0)
        repaid, _ = take(in_spending_order(lots.values()), debt)
        lots |= {lot.name: lot.moved(kind, p) for lot, p in repaid}
        entry = {
            "sequence": self.last_sequence + 1,
            "type": kind,
            "amount": amount,
            "available": available,
            "pending": pending,
            "reserved": reserved,
            "balance": before["balance"] + available,
            "pending_after": before["pending_after"] + pending,
            "reserved_after": before["reserved_after"] + reserved,
            "lifetime_after": before["lifetime_after"] + amount * (kind == "earn"),
            "effective_at": t,
            "relates_to": None,
            "metadata": {},
            "lots": lots,
            "moves": [*moves, *repaid],
        } | facts
        *total, lifetime = (abs(entry[name]) for name in NUMBERS)
        if max(sum(total), lifetime) > LARGEST:
            refuse("limit_exceeded", limit="total", maximum=LARGEST)
        self.entries.append(entry)
        return entry

    def settle(self, until):
        """Write what fell due up to this instant, by due time."""
        idle = self.idle_ahead()
        while self.entries:
            floor = self.effective_at
            idle = idle if idle and idle >= floor else None  # it passes once
            waiting = [x for x in self.lots if x.state == "pending"]
            due = [(x.available_at, RELEASE, x.sequence, x) for x in waiting]
            due += [(e["expires_at"], VOID, e["sequence"], e) for e in self.open_holds]
            due += [(x.ends_at(idle), EXPIRE, *x.name, x) for x in self.open_lots]
            due = [(max(at, floor), *what) for at, *what in due if at]
            due = sorted(what for what in due if what[0] <= until)
            if not due:
                return
            t, kind, *_, what = due[0]
            if kind == RELEASE:
                self.make_available("release", t, what)
            elif kind == VOID:
                self.resolve("void", t, what, 0)
            else:
                moves = [(d[-1], -d[-1].remaining) for d in due if d[:2] == (t, EXPIRE)]
                p = sum(p for _, p in moves)
                self.write(t, "expire", -p, p, moves=moves)

    def new_lot(self, points, t, ends, root=None, n=1):
        sequence = self.last_sequence + 1
        return Lot(sequence, n, root or sequence, points, t, ends, points)

    def earn(self, command, t):
        p, pending = command.points, pending_of(command, self.policy)
        validity = duration(command.validity or "PT0S") or self.policy.validity
        validity = None if command.expires_at else validity
        at = None if pending == "event" else t + pending
        ends = at + validity if at and validity else command.expires_at
        lot = self.new_lot(p, at, ends)._replace(validity=validity)
        if at == t:
            return self.write(t, "earn", p, p, opens=[lot])
        return self.write(t, "earn", p, 0, p, opens=[lot._replace(state="pending")])

    def make_available(self, kind, t, lot):
        p, lot = lot.remaining, lot._replace(state="open")
        return self.write(t, kind, p, p, -p, opens=[lot], relates_to=lot.sequence)

    def activate(self, command, t):
        lot = self.pending_lot(command)
        ends = t + lot.validity if lot.validity else lot.expires_at
        lot = lot._replace(available_at=t, expires_at=ends)
        return self.make_available("activate", t, lot)

    def cancel(self, command, t):
        lot = self.pending_lot(command)
        p, moves = lot.remaining, [(lot, -lot.remaining)]
        return self.write(t, "cancel", p, 0, -p, 0, moves, relates_to=lot.sequence)

    def named_lot(self, command):
        name = "{}.{}".format(*command.lot)
        return self.last["lots"].get(command.lot) or refuse("entry_not_found", lot=name)

    def pending_lot(self, command):
        lot = self.named_lot(command)
        if lot.state != "pending":
            refuse("lot_not_pending", lot="{}.{}".format(*lot.name), state=lot.state)
        return lot

    def refuse_for_want(self, required, missing):
        said = {"available": self.available, "required": required, "missing": missing}
        refuse("insufficient_points", **said)

    def limits(self, t):
        """The wallet's limits: (maximum or None, what of it is used, in words)."""
        day = t.replace(hour=0, minute=0, second=0, microsecond=0)
        month = day.replace(day=1)
        following = (month + 32 * DAY).replace(day=1)
        yield self.policy.per_command, 0, {"limit": "per_command"}
        periods = {"per_day": (day, day + DAY), "per_month": (month, following)}
        for limit, (begins, ends) in periods.items():
            spent = [e for e in self.typed(*LIMITED) if e["effective_at"] >= begins]
            used = max(0, -sum(e["available"] for e in spent))
            said = {"limit": limit, "used": used, "resets_at": ends}
            yield getattr(self.policy, limit), used, said

    def spend(self, command, t):
        """The points that may be spent now, and the lots they come from."""
        required = 1 if getattr(command, "up_to", False) else command.points
        if required > self.available:
            self.refuse_for_want(required, required - self.available)
        points = min(command.points, self.available)
        for maximum, used, said in self.limits(t):
            left = points if maximum is None else maximum - used
            if required > left:
                refuse("limit_exceeded", **said, maximum=maximum, required=required)
            points = min(points, left)
        return points, take(self.open_lots, points)[0]

    def redeem(self, command, t):
        p, moves = self.spend(command, t)
        return self.write(t, "redeem", p, -p, moves=moves)

    def reserve(self, command, t):
        p, moves = self.spend(command, t)
        stated = duration(command.time_to_live or "PT0S")
        ends = t + (stated or self.policy.hold_time_max)
        return self.write(t, "reserve", p, -p, 0, p, moves, expires_at=ends)

    def transfer(self, command, t, receiver):
        p, moves = self.spend(command, t)
        here, there = self.last_sequence + 1, receiver.last_sequence + 1
        parts = enumerate(moves, 1)
        lots = [receiver.new_lot(-q, t, x.expires_at, None, n) for n, (x, q) in parts]
        link = {"transfer": uuid5(self.id, f"transfer {here}")}
        back = {"other_account": self.id, "other_sequence": here}
        forth = {"other_account": receiver.id, "other_sequence": there}
        receiver.write(t, "transfer_in", p, p, opens=lots, **link, **back)
        return self.write(t, "transfer_out", p, -p, moves=moves, **link, **forth)

    def open_hold(self, command):
        holds = {e["sequence"]: e for e in self.typed("reserve")}
        hold = holds.get(command.hold) or refuse("entry_not_found", hold=command.hold)
        if hold not in self.open_holds:
            refuse("hold_not_open", hold=command.hold)
        return hold

    def capture(self, command, t):
        hold = self.open_hold(command)
        points = hold["amount"] if command.points is None else command.points
        if points > hold["amount"]:
            refuse("exceeds_original", left=hold["amount"])
        return self.resolve("capture", t, hold, points)

    def void(self, command, t):
        return self.resolve("void", t, self.open_hold(command), 0)

    def resolve(self, kind, t, hold, kept):
        held, facts = hold["amount"], {"relates_to": hold["sequence"]}
        facts |= self.give_back(hold, held, held - kept, t, NO_TIME)
        return self.write(t, kind, kept or held, held - kept, 0, -held, **facts)

    def give_back(self, spend, kept, points, t, grace):
        """Of what a spend took and keeps, give back the last so many points.

        They return to the lots they left; those of a lapsed lot open a new one.
        """
        if spend["type"] == "capture":  # its hold took what it keeps
            spend = self.entries[spend["relates_to"] - 1]
        taken = first([(lot, -p) for lot, p in spend["moves"]], kept)
        moves, opens = [], []
        for lot, part in first(reversed(taken), points):
            now = self.last["lots"][lot.name]
            ends = t + grace if now.root == now.sequence else t  # one grace, not two
            if now.is_over(t):
                opens.append(self.new_lot(part, t, ends, now.root, len(opens) + 1))
            else:
                moves.append((now, part))
        return {"moves": moves, "opens": opens}

    def undone(self, command, types, undoing):
        """What already undid the named entry, how much is left, how much is asked."""
        if command.entry > self.last_sequence:
            refuse("entry_not_found", entry=command.entry)
        original = self.entries[command.entry - 1]
        if original["type"] not in types:
            refuse("entry_not_reversible", type=original["type"])
        earlier = self.typed(*undoing)
        earlier = [e for e in earlier if e["relates_to"] == command.entry]
        left = original["amount"] - sum(e["amount"] for e in earlier)
        points = left if command.points is None else command.points
        if not 1 <= points <= left:
            refuse("exceeds_original", left=left)
        return earlier, left, points

    def refund(self, command, t):
        _, left, p = self.undone(command, ["redeem", "capture"], ["refund"])
        spend, facts = self.entries[command.entry - 1], {"relates_to": command.entry}
        facts |= self.give_back(spend, left, p, t, self.policy.grace)
        return self.write(t, "refund", p, p, **facts)

    def reverse(self, command, t):
        earlier, _, points = self.undone(command, ["earn"], ["reverse", "cancel"])
        own = [lot for lot in self.lots if lot.root == command.entry]
        others = [lot for lot in self.open_lots if lot not in own]
        lapsed = sum(lot.lapsed for lot in own)
        lapsed -= sum(e["metadata"].get("lapsed", 0) for e in earlier)

        pending, left = take([lot for lot in own if lot.state == "pending"], points)
        from_own, rest = take(in_spending_order(own), left)
        lapsed = min(lapsed, rest)
        from_others, missing = take(others, rest - lapsed)
        facts = {"pending": left - points, "relates_to": command.entry}
        facts["moves"] = pending + from_own + from_others
        facts["policy"] = command.policy or self.policy.debt_policy
        taken = left - lapsed - missing
        return self.correct("reverse", t, points, taken, missing, lapsed, **facts)

    def correct(self, kind, t, points, taken, missing, lapsed, policy, **facts):
        """Write a correction downwards; its policy says what becomes of the rest."""
        if missing and policy == "refuse":
            self.refuse_for_want(points, missing)
        written_off = missing if policy == "cap" else 0
        noted = {"lapsed": lapsed, "written_off": written_off}
        noted = {name: p for name, p in noted.items() if p}
        owed = missing - written_off
        return self.write(t, kind, points, -taken - owed, metadata=noted, **facts)

    def adjust(self, command, t):
        p, lot = command.points, self.named_lot(command) if command.lot else None
        if p > 0:
            validity = duration(command.validity or "PT0S") or self.policy.validity
            ends = command.expires_at or (validity and t + validity)
            fresh = self.new_lot(p, t, ends, lot and lot.root)
            return self.write(t, "adjust", p, p, opens=[fresh])
        lots = [x for x in self.open_lots if lot in (None, x)]
        moves, missing = take(lots, -p)
        if lot and missing:
            refuse("exceeds_original", left=-p - missing)
        facts = {"policy": command.policy or "refuse", "moves": moves}
        return self.correct("adjust", t, -p, -p - missing, missing, 0, **facts)
