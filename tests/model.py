"""The serial reference model of the ledger: one command after another, plain lists.

It shares no code with the product; every number is summed anew from the rows.
"""

import copy
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

LARGEST = 2**53 - 1
SOURCES = "purchase referral bonus admin redemption transfer topup system".split()
POLICIES = (None, "debt", "cap", "refuse")
NOT_REMEMBERED = ("malformed", "account_not_found", "key_reused")
TEXTS = {"reference_type": 40, "reference_id": 200, "actor": 200, "description": 2000}
STATED = ("points", "up_to", "reference_type", "reference_id", "entry", "policy",
    "pending", "validity", "expires_at", "at", "source", "referred_member")  # fmt: skip
RELEASE, VOID, EXPIRE = 1, 2, 3  # the order at one instant (no holds yet: no VOID)


@dataclass
class Policy:
    pending: timedelta = timedelta(0)
    validity: timedelta | None = None  # None: never expires
    grace: timedelta = timedelta(days=30)
    debt_policy: str = "debt"


@dataclass
class Outcome:
    account: object
    code: str
    sequence: int
    entry: dict | None = None
    details: dict = field(default_factory=dict)
    decided_at: datetime | None = None
    replayed: bool = False


class Refused(Exception):
    def __init__(self, code, **details):
        self.code, self.details = code, details


def insufficient(account, required, missing):
    return Refused("insufficient_points", available=account.available,
                   required=required, missing=missing)  # fmt: skip


@dataclass(eq=False)
class Lot:
    sequence: int
    n: int
    credited: int
    root: int
    available_at: datetime | None  # None: waits for an event
    expires_at: datetime | None
    waiting: bool = False  # not released yet
    allocations: list = field(default_factory=list)  # (sequence of entry, ± points)

    remaining = property(lambda lot: lot.credited + sum(p for _, p in lot.allocations))
    is_pending = property(lambda lot: lot.waiting and lot.remaining > 0)
    is_open = property(lambda lot: not lot.waiting and lot.remaining > 0)

    def taken_by(self, entries):
        return -sum(points for entry, points in self.allocations if entry in entries)


def spending_order(lot):
    return lot.expires_at is None, lot.expires_at or 0, lot.sequence, lot.n


def take(lots, points):
    """Take from these lots in their order: [(lot, -points)], and what was missing."""
    moves = []
    for lot in lots:
        taken = min(points, lot.remaining)
        points -= taken
        moves += [(lot, -taken)] if taken else []
    return moves, points


def duration(text):
    """'P3D' or 'PT5S' (the model reads no others); None: unreadable."""
    found = re.fullmatch("P([0-9]+)D|PT([0-9]+)S", text)
    return found and timedelta(days=int(found[1] or 0), seconds=int(found[2] or 0))


def key_and_fingerprint(command):
    kind, key = type(command).__name__.lower(), getattr(command, "key", None)
    if key is None and kind in ("earn", "redeem"):
        of_order = command.reference_type == "order" and command.reference_id
        key = f"{kind}:order:{command.reference_id}" if of_order else None
    return key, [kind, *(getattr(command, name, None) for name in STATED)]


class Account:
    def __init__(self):
        self.status = "open"  # or "frozen", "closed"
        self.entries, self.lots = [], []
        self.effective_at = None
        self.keys = {}  # key: (fingerprint, first outcome)

    available = property(lambda self: sum(e["available"] for e in self.entries))
    pending = property(lambda self: sum(e["pending"] for e in self.entries))
    reserved = property(lambda self: sum(e["reserved"] for e in self.entries))
    lifetime = property(lambda self: sum(e["amount"] for e in self.typed("earn")))
    last_sequence = property(lambda self: len(self.entries))
    numbers = property(lambda a: (a.available, a.pending, a.reserved, a.lifetime))

    def typed(self, kind):
        return [e for e in self.entries if e["type"] == kind]

    def open_lots(self):
        return sorted((lot for lot in self.lots if lot.is_open), key=spending_order)

    def write(self, t, kind, amount, available, pending, relates_to=None,
              moves=(), opens=(), metadata=None):  # fmt: skip
        """Append one entry with its lots and allocations; a rise first repays debt."""
        entry = {
            "sequence": self.last_sequence + 1, "type": kind, "amount": amount,
            "available": available, "pending": pending, "reserved": 0,
            "balance": self.available + available,
            "pending_after": self.pending + pending,
            "reserved_after": self.reserved,
            "lifetime_after": self.lifetime + (amount if kind == "earn" else 0),
            "effective_at": t, "relates_to": relates_to, "metadata": metadata or {},
        }  # fmt: skip
        total = abs(entry["balance"]) + entry["pending_after"] + entry["reserved_after"]
        if max(total, entry["lifetime_after"]) > LARGEST:
            raise Refused("limit_exceeded")
        debt = max(-self.available, 0)
        self.entries.append(entry)
        self.effective_at = t
        self.lots.extend(opens)
        for lot, points in moves:
            lot.allocations.append((entry["sequence"], points))
        if available > 0:  # in debt no lot was open: those open now are the risen ones
            for lot, points in take(self.open_lots(), min(debt, available))[0]:
                lot.allocations.append((entry["sequence"], points))
        return entry

    def next_expiry(self):
        """When open points expire next, and how many."""
        dated = [lot for lot in self.open_lots() if lot.expires_at]
        first = dated[0].expires_at if dated else None
        return first, sum(lot.remaining for lot in dated if lot.expires_at == first)

    def settle(self, until):
        """Write what fell due up to this instant, by due time."""
        while True:
            due, floor = [], self.effective_at
            for lot in self.lots:
                where = lot.sequence, lot.n, lot
                if lot.is_pending and lot.available_at:
                    due.append((max(lot.available_at, floor), RELEASE, *where))
                if lot.is_open and lot.expires_at:
                    due.append((max(lot.expires_at, floor), EXPIRE, *where))
            due = sorted(d for d in due if d[0] <= until)
            if not due:
                return
            t, kind, sequence, _, lot = due[0]
            if kind == RELEASE:
                p, lot.waiting = lot.remaining, False
                self.write(t, "release", p, p, -p, relates_to=sequence)
            else:
                moves = [(d[4], -d[4].remaining) for d in due if d[:2] == (t, EXPIRE)]
                change = sum(points for _, points in moves)
                self.write(t, "expire", -change, change, 0, moves=moves)


class Model:
    def __init__(self, policy):
        self.policy, self.accounts = policy, {}

    def open_account(self, account_id):
        self.accounts.setdefault(account_id, Account())

    def state_as_of(self, account_id, instant):
        """A copy of the account as it was, or will be, at this instant."""
        then = copy.deepcopy(self.accounts[account_id])
        if not then.entries or instant >= then.effective_at:
            then.settle(instant)
            return then
        then.entries = [e for e in then.entries if e["effective_at"] <= instant]
        then.lots = [lot for lot in then.lots if lot.sequence <= then.last_sequence]
        for lot in then.lots:
            lot.allocations = [a for a in lot.allocations if a[0] <= then.last_sequence]
            lot.waiting = lot.available_at is None or lot.available_at > instant
        return then

    def as_of(self, account_id, instant):
        return self.state_as_of(account_id, instant).numbers

    def post(self, commands, now, atomic=False):
        trial = copy.deepcopy(self) if atomic else None
        for index, command in enumerate(commands if atomic else []):
            no = trial.run(command, now)
            if no.code != "applied":
                if not no.replayed:
                    no = self.answer(command, no.code, no.decided_at, None, no.details)
                outcomes = [self.answer(each, "not_applied") for each in commands]
                return [*outcomes[:index], no, *outcomes[index + 1 :]]
        return [self.run(command, now) for command in commands]

    def answer(self, command, code, t=None, entry=None, details=None):
        """The outcome as the account stands now; remembered unless it must not be."""
        account = self.accounts.get(command.account, Account())
        sequence = entry["sequence"] if entry else account.last_sequence
        outcome = Outcome(command.account, code, sequence, entry, details or {}, t)
        key, fingerprint = key_and_fingerprint(command)
        if key is not None and code not in (*NOT_REMEMBERED, "not_applied"):
            account.keys[key] = (fingerprint, outcome)
        return outcome

    def run(self, command, now):
        kind, stated = type(command).__name__.lower(), command.at or now
        key, fingerprint = key_and_fingerprint(command)
        if stated > now or (kind != "settle" and self.is_malformed(command, key)):
            return self.answer(command, "malformed")
        if command.account not in self.accounts:
            return self.answer(command, "account_not_found")
        account = self.accounts[command.account]
        if key in account.keys:
            known, first = account.keys[key]
            if known != fingerprint:
                return self.answer(command, "key_reused")
            return replace(first, replayed=True)
        if kind == "earn" and self.has_bad_dates(command, stated):
            return self.answer(command, "malformed")
        t = max(stated, account.effective_at or stated)
        account.settle(t)
        if kind == "settle":
            return self.answer(command, "applied", t)
        try:
            if account.status == "closed":
                raise Refused("account_closed")
            if account.status == "frozen" and kind == "redeem":
                raise Refused("account_frozen")
            entry = getattr(self, kind)(account, command, t)
        except Refused as refused:
            return self.answer(command, refused.code, t, None, refused.details)
        account.settle(t)
        return self.answer(command, "applied", t, entry)

    def is_malformed(self, command, key):
        """Judged from the command alone, whatever the clock and the wallet say."""
        kind, points = type(command).__name__, command.points
        undoes, metadata = kind in ("Refund", "Reverse"), command.metadata or {}
        texts = {name: getattr(command, name) or "" for name in TEXTS}
        said = repr([texts, metadata]).replace("\\\\", "")  # NUL reads \\x00
        well_formed = (
            isinstance(key, str) and 1 <= len(key) <= 200 and key.isprintable(),
            "\\x00" not in said,
            all(len(text) <= TEXTS[name] for name, text in texts.items()),
            (command.reference_type is None) == (command.reference_id is None),
            not {"lapsed", "written_off"} & set(metadata),
            command.source in SOURCES,
            (type(points) is int and 1 <= points <= 10**15)
            or (undoes and points is None),
            not undoes or (type(command.entry) is int and command.entry >= 1),
            kind != "Reverse" or command.policy in POLICIES,
            kind != "Earn" or self.has_good_durations(command),
        )
        return not all(well_formed)

    def has_good_durations(self, command):
        at, expires_at, validity = command.at, command.expires_at, command.validity
        good = validity is None or (duration(validity) and not expires_at)
        good = good and not (at and expires_at and expires_at <= at)
        return good and self.pending_of(command) is not None

    def has_bad_dates(self, command, stated):
        """Counted from the clock, so that a late retry must find its key first."""
        pending, expires_at = self.pending_of(command), command.expires_at
        try:
            available_at = stated + (timedelta(0) if pending == "event" else pending)
            ends = available_at + duration(command.validity or "PT1S")
        except OverflowError:
            return True
        return (expires_at or ends) <= available_at

    def pending_of(self, command):
        if command.pending in (None, "event"):
            return command.pending or self.policy.pending
        return duration(command.pending)

    def earn(self, account, command, t):
        pending, stated = self.pending_of(command), command.validity
        validity = duration(stated) if stated else self.policy.validity
        available_at = None if pending == "event" else t + pending
        ends = available_at + validity if available_at and validity else None
        expires_at = command.expires_at or ends
        sequence, p = account.last_sequence + 1, command.points
        waits = available_at != t
        lot = Lot(sequence, 1, p, sequence, available_at, expires_at, waits)
        return account.write(t, "earn", p, p * (not waits), p * waits, opens=[lot])

    def redeem(self, account, command, t):
        required = 1 if command.up_to else command.points
        if required > account.available:
            raise insufficient(account, required, required - account.available)
        points = min(command.points, account.available)
        moves, _ = take(account.open_lots(), points)
        return account.write(t, "redeem", points, -points, 0, moves=moves)

    def undone(self, account, command, types):
        """What already undid the named entry, and how much is to be undone now."""
        if command.entry > account.last_sequence:
            raise Refused("entry_not_found")
        original = account.entries[command.entry - 1]
        if original["type"] not in types:
            raise Refused("entry_not_reversible")
        undoing = account.typed(type(command).__name__.lower())
        earlier = [e for e in undoing if e["relates_to"] == command.entry]
        rest = original["amount"] - sum(e["amount"] for e in earlier)
        points = rest if command.points is None else command.points
        if not 1 <= points <= rest:
            raise Refused("exceeds_original")
        return earlier, points

    def refund(self, account, command, t):
        earlier, points = self.undone(account, command, ("redeem", "capture"))
        done, rest, moves, opens = sum(e["amount"] for e in earlier), points, [], []
        for lot in sorted(account.lots, key=spending_order, reverse=True):
            taken = lot.taken_by([command.entry])
            skipped = min(done, taken)  # went back with an earlier refund
            back = min(rest, taken - skipped)
            done, rest = done - skipped, rest - back
            if back and (lot.expires_at is None or lot.expires_at > t):
                moves.append((lot, back))
            elif back:
                until = t + self.policy.grace if lot.sequence == lot.root else t
                sequence, n = account.last_sequence + 1, len(opens) + 1
                opens.append(Lot(sequence, n, back, lot.root, t, until))
        undoes = command.entry
        return account.write(t, "refund", points, points, 0, undoes, moves, opens)

    def reverse(self, account, command, t):
        earlier, points = self.undone(account, command, ("earn",))
        own = [lot for lot in account.lots if lot.root == command.entry]
        own_open = [lot for lot in account.open_lots() if lot in own]
        others = [lot for lot in account.open_lots() if lot not in own]
        expires = [e["sequence"] for e in account.typed("expire")]
        lapsed = sum(lot.taken_by(expires) for lot in own)
        lapsed -= sum(e["metadata"].get("lapsed", 0) for e in earlier)

        cancelled, rest = take([lot for lot in own if lot.is_pending], points)
        from_own, rest = take(own_open, rest)
        lapsed = min(lapsed, rest)
        from_others, rest = take(others, rest - lapsed)
        policy = command.policy or self.policy.debt_policy
        if rest and policy == "refuse":
            raise insufficient(account, points, rest)
        written_off = rest if policy == "cap" else 0

        moves = cancelled + from_own + from_others
        pending = sum(p for _, p in cancelled)
        available = sum(p for _, p in moves) - pending - (rest - written_off)
        facts = {"lapsed": lapsed, "written_off": written_off}
        facts = {name: p for name, p in facts.items() if p > 0}
        return account.write(t, "reverse", points, available, pending,
                             command.entry, moves, (), facts)  # fmt: skip
