"""What members refuse, in order of precedence."""

from __future__ import annotations


class MemberMalformed(ValueError):
    """A field of a member is not what it must be."""

    code = "malformed"

    def __init__(self, position: int, field: str, detail: str) -> None:
        """Take the place in the list, the field's path (`address/city`), a sentence.

        The sentence never repeats what was said: it may be somebody's address.
        """
        self.position = position
        self.field = field
        super().__init__(detail)


class ExternalIdMalformed(MemberMalformed):
    """An external id is 1 to 200 printable characters, with no space at the ends."""

    def __init__(self, position: int) -> None:
        """Take the place in the list of the first one that is not."""
        super().__init__(position, "external_id", str(self.__doc__))


class MemberNotFound(LookupError):
    """There is no such member."""

    code = "member_not_found"


class MemberErased(LookupError):
    """The member was erased: there is nobody to know anything about."""

    code = "member_erased"


class MemberChanged(Exception):
    """The member is not of the version that was to be changed."""

    code = "precondition_failed"

    def __init__(self, version: int) -> None:
        """Take the version that it is of now."""
        self.version = version
        super().__init__()
