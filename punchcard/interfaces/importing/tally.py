"""What became of the rows of a file, as numbers that can be added up and kept."""

from __future__ import annotations

from typing import Self

import msgspec


class WalletTally(msgspec.Struct, kw_only=True):
    """What a file of balances brings into one wallet."""

    members: int = 0
    """Who have at least one lot of the file, new or known."""
    lots: int = 0
    points: int = 0
    new_lots: int = 0
    new_points: int = 0
    first_member: str = ""
    last_member: str = ""
    """Rows come member by member, and a member's may begin in one batch."""

    def count(self, *, member: str, points: int, is_new: bool) -> None:
        """Count a lot."""
        if self.last_member != member:
            self.members += 1
            self.first_member = self.first_member or member
            self.last_member = member
        self.lots += 1
        self.points += points
        if is_new:
            self.new_lots += 1
            self.new_points += points

    def __add__(self, later: Self) -> WalletTally:
        """Return both, of which `later` came after this one."""
        is_same = self.last_member == later.first_member != ""
        return WalletTally(
            members=self.members + later.members - is_same,
            lots=self.lots + later.lots,
            points=self.points + later.points,
            new_lots=self.new_lots + later.new_lots,
            new_points=self.new_points + later.new_points,
            first_member=self.first_member or later.first_member,
            last_member=later.last_member or self.last_member,
        )


class Tally(msgspec.Struct, kw_only=True):
    """What became of the rows of a file."""

    applied: int = 0
    known: int = 0
    nothing: int = 0
    """Rows that say nothing which could be applied."""
    broken: int = 0
    members: int = 0
    """Members that were not there before."""
    wallets: dict[str, WalletTally] = {}
    """Of balances: by the wallet's code."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.applied + self.known + self.nothing + self.broken

    @property
    def changed(self) -> bool:
        """Whether anything is there that was not before."""
        return bool(self.applied or self.members)

    def __add__(self, later: Self) -> Tally:
        """Return both, of which `later` came after this one."""
        codes = dict.fromkeys([*self.wallets, *later.wallets])
        none = WalletTally()
        return Tally(
            applied=self.applied + later.applied,
            known=self.known + later.known,
            nothing=self.nothing + later.nothing,
            broken=self.broken + later.broken,
            members=self.members + later.members,
            wallets={
                code: self.wallets.get(code, none) + later.wallets.get(code, none)
                for code in codes
            },
        )
