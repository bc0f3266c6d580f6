"""What members refuse, in order of precedence."""

from __future__ import annotations


class ExternalIdMalformed(ValueError):
    """An external id is 1 to 200 printable characters, with no space at the ends."""

    code = "malformed"

    def __init__(self, position: int) -> None:
        """Take the place in the list of the first one that is not."""
        self.position = position
        super().__init__(self.__doc__)


class MemberNotFound(LookupError):
    """There is no such member."""

    code = "member_not_found"
