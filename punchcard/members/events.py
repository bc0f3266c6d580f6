"""What members announce."""

from __future__ import annotations

from typing import Literal, TypeAlias

MemberEvent: TypeAlias = Literal["member.enrolled", "member.changed", "member.erased"]
