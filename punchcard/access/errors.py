"""What access refuses, in order of precedence."""

from __future__ import annotations

from collections.abc import Sequence


class AccessMalformed(ValueError):
    """A field is not what it must be."""

    code = "malformed"

    def __init__(self, field: str, detail: str) -> None:
        """Take the field's name and a sentence about it."""
        self.field = field
        super().__init__(detail)


class TooManyAttempts(Exception):
    """This was tried too often; for how long it is shut, `retry_after` says."""

    code = "too_many_attempts"

    def __init__(self, retry_after: int) -> None:
        """Take the seconds until it may be tried again."""
        self.retry_after = retry_after
        super().__init__(self.__doc__)


class InvalidCredentials(Exception):
    """The e-mail address or the password is wrong, or gives no access here."""

    code = "invalid_credentials"


class TokenInvalid(Exception):
    """The token is forged, expired, used up or revoked."""

    code = "unauthenticated"


class LinkInvalid(Exception):
    """The link is unknown, was used, or has expired."""

    code = "link_invalid"


class ProgramRequired(Exception):
    """This person belongs to several programs: one must be named."""

    code = "program_required"

    def __init__(self, programs: Sequence[str]) -> None:
        """Take the slugs to choose from."""
        self.programs = list(programs)
        super().__init__(self.__doc__)


class UserNotFound(LookupError):
    """There is no such user."""

    code = "user_not_found"


class MembershipNotFound(LookupError):
    """There is no such membership."""

    code = "membership_not_found"


class ApiKeyNotFound(LookupError):
    """There is no such API key."""

    code = "api_key_not_found"


class MembershipExists(Exception):
    """This person belongs to the program already."""

    code = "membership_exists"


class LastAdmin(Exception):
    """A program keeps its last admin."""

    code = "last_admin"


class ApiKeyEnded(Exception):
    """The API key was revoked, or has expired."""

    code = "api_key_ended"
