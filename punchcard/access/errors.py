"""What access refuses, in order of precedence."""

from __future__ import annotations


class AccessMalformed(ValueError):
    """A field of an API key is not what it must be."""

    code = "malformed"

    def __init__(self, field: str, detail: str) -> None:
        """Take the field's name and a sentence about it."""
        self.field = field
        super().__init__(detail)


class ApiKeyNotFound(LookupError):
    """There is no such API key."""

    code = "api_key_not_found"
