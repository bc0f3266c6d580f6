"""What programs and wallets refuse, in order of precedence."""

from __future__ import annotations


class ProgramMalformed(ValueError):
    """A field of a program or wallet is not what it must be."""

    code = "malformed"

    def __init__(self, field: str, detail: str) -> None:
        """Take the field's name and a sentence about it."""
        self.field = field
        super().__init__(detail)


class ProgramNotFound(LookupError):
    """There is no such program."""

    code = "program_not_found"


class WalletNotFound(LookupError):
    """There is no such wallet."""

    code = "wallet_not_found"


class PlaceNotFound(LookupError):
    """There is no such place."""

    code = "place_not_found"


class ConfigurationNotFound(LookupError):
    """The program has no such version of its configuration."""

    code = "configuration_not_found"


class ConfigurationChanged(Exception):
    """Somebody saved another version of the configuration meanwhile."""

    code = "precondition_failed"


class ProgramSlugTaken(Exception):
    """Another program has this slug."""

    code = "program_slug_taken"


class WalletCodeTaken(Exception):
    """The program has a wallet with this code already."""

    code = "wallet_code_taken"


class PlaceCodeTaken(Exception):
    """The program has a place with this code already."""

    code = "place_code_taken"


class ClockNotInTest(Exception):
    """A live program has no clock of its own."""

    code = "clock_not_in_test"


class ClockBackwards(Exception):
    """A test clock only ever goes forward."""

    code = "clock_backwards"
