"""The serial reference model of the ledger: one command after another, plain rows.

Here: what is malformed, keys, batches, the order of refusals. What a command does to
an account stands in `model_account`. Neither shares code with the product.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.model_account import (
    LARGEST,
    NO_TIME,
    Account,
    Policy,
    Refused,
    duration,
    pending_of,
    refuse,
)

__all__ = ["LARGEST", "Account", "Model", "Outcome", "Policy", "duration"]

NOT_REMEMBERED = ("malformed", "account_not_found", "key_reused", "not_applied")
FREEZABLE = ("redeem", "reserve", "transfer")
MOST = 10**15
SOURCES = "purchase referral bonus admin redemption transfer topup system".split()
TEXTS = {
    "reference_type": 40,
    "reference_id": 200,
    "actor": 200,
    "description": 2000,
    "reason": 2000,
}
STATED = (
    "points up_to reference_type reference_id entry hold lot to policy pending "
    "validity expires_at time_to_live at source referred_member"
).split()


def key_and_fingerprint(command):
    """The key, stated or made from an order reference, and what the caller said."""
    kind, key = type(command).__name__.lower(), getattr(command, "key", None)
    if key is None and kind in ("earn", "redeem"):
        of_order = command.reference_type == "order" and command.reference_id
        key = f"{kind}:order:{command.reference_id}" if of_order else None
    return key, [kind, *(getattr(command, name, None) for name in STATED)]


def is_sequence(number):
    return type(number) is int and number >= 1


FORMS = {
    "source": lambda source: source in SOURCES,
    "points": lambda points: type(points) is int and 1 <= abs(points) <= MOST,
    "entry": is_sequence,
    "hold": is_sequence,
    "lot": lambda lot: all(map(is_sequence, lot)),
    "policy": lambda policy: policy in ("debt", "cap", "refuse"),
    "pending": lambda text: text == "event" or duration(text) is not None,
    "validity": duration,  # of some length: zero is false
    "time_to_live": duration,
}


def is_malformed(command, key):
    """Whether the command makes no sense, whatever the clock and the wallet say."""
    kind = type(command).__name__
    if kind == "Settle":
        return False
    said = {name: getattr(command, name) for name in command.__struct_fields__}
    has = {name for name in said if said[name] not in (None, "")}
    texts = {name: said.get(name) or "" for name in TEXTS}
    written = repr([texts, command.metadata]).replace("\\\\", "")  # NUL reads \\x00
    downwards = (said.get("points") or 1) < 0
    well_formed = (
        isinstance(key, str) and 1 <= len(key) <= 200 and key.isprintable(),
        "\\x00" not in written,
        all(len(text) <= TEXTS[name] for name, text in texts.items()),
        (command.reference_type is None) == (command.reference_id is None),
        not {"lapsed", "written_off"} & set(command.metadata or {}),
        all(FORMS[n](said[n]) for n in FORMS if said.get(n) is not None),
        not downwards or kind == "Adjust",
        not {"validity", "expires_at"} <= has,
        not {"at", "expires_at"} <= has or command.expires_at > command.at,
        kind != "Transfer" or command.to != command.account,
        kind != "Adjust" or goes_together(has, downwards),
    )
    return not all(well_formed)


def goes_together(has, downwards):
    """Of an adjust: a plus has no policy, a minus no dates, one lot no policy."""
    wrong = {"description"} | ({"validity", "expires_at"} if downwards else {"policy"})
    wrong |= {"policy"} if "lot" in has else set()
    return {"reason", "actor"} <= has and not wrong & has


@dataclass
class Outcome:
    account: object
    code: str
    sequence: int
    entry: dict | None = None
    details: dict = field(default_factory=dict)
    decided_at: datetime | None = None
    replayed: bool = False


class Model:
    def __init__(self, policy):
        self.policy, self.accounts = policy, {}

    def open_account(self, account_id):
        self.accounts.setdefault(account_id, Account(self.policy, account_id))

    def copied(self):
        trial = Model(self.policy)
        trial.accounts = {name: each.copied() for name, each in self.accounts.items()}
        return trial

    def as_of(self, account_id, instant):
        return self.accounts[account_id].as_of(instant).numbers

    def change_status(self, account_id, status, now):
        """Settle, then freeze, close or open; return the status before."""
        then = self.accounts[account_id].copied()
        then.settle(now)
        if then.status == "closed" != status:
            refuse("account_closed")
        if status == "closed" and any(then.numbers[:3]):
            refuse("account_not_empty")
        before, then.status, self.accounts[account_id] = then.status, status, then
        return before

    def post(self, commands, now, atomic=False):
        trial = self.copied() if atomic else None
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
        if key is not None and code not in NOT_REMEMBERED:
            account.keys[key] = (fingerprint, outcome)
        return outcome

    def run(self, command, now):
        kind, stated = type(command).__name__.lower(), command.at or now
        key, fingerprint = key_and_fingerprint(command)
        if stated > now or is_malformed(command, key):
            return self.answer(command, "malformed")
        named = [command.account, *([command.to] if kind == "transfer" else [])]
        if not self.accounts.keys() >= set(named):
            return self.answer(command, "account_not_found")
        account, *others = parties = [self.accounts[each] for each in named]
        if key in account.keys:
            known, first_outcome = account.keys[key]
            if known != fingerprint:
                return self.answer(command, "key_reused")
            return replace(first_outcome, replayed=True)
        if self.has_bad_dates(command, stated):
            return self.answer(command, "malformed")
        t = max([stated] + [each.effective_at for each in parties if each.entries])
        for each in parties:
            each.settle(t)
        if kind == "settle":
            return self.answer(command, "applied", t)
        try:
            if "closed" in [each.status for each in parties]:
                refuse("account_closed")
            if account.status == "frozen" and kind in FREEZABLE:
                refuse("account_frozen")
            entry = getattr(account, kind)(command, t, *others)
        except Refused as refused:
            return self.answer(command, refused.args[0], t, None, refused.args[1])
        for each in parties:
            each.settle(t)
        return self.answer(command, "applied", t, entry)

    def has_bad_dates(self, command, stated):
        """Counted from the clock, so that a late retry must find its key first."""
        said = {name: getattr(command, name) for name in command.__struct_fields__}
        lives = said.get("validity") or said.get("time_to_live") or "PT1S"
        pending = pending_of(command, self.policy) if "pending" in said else "event"
        try:
            begins = stated + (NO_TIME if pending == "event" else pending)
            ends = said.get("expires_at") or begins + duration(lives)
        except OverflowError:
            return True
        longest = self.policy.hold_time_max if "time_to_live" in said else timedelta.max
        return ends <= begins or duration(lives) > longest
