"""What is refused of a configuration, in order of precedence."""

from __future__ import annotations

from collections.abc import Sequence

from punchcard.earning.checking import Mistake


class ConfigurationUnreadable(ValueError):
    """The text is no YAML or JSON; says at which line."""

    code = "configuration_unreadable"

    def __init__(self, detail: str, *, line: int = 1, column: int = 1) -> None:
        """Take a sentence, and where the reader gave up."""
        super().__init__(f"line {line}, column {column}: {detail}")
        self.line = line
        self.column = column


class ConfigurationMalformed(ValueError):
    """The configuration has mistakes; each with its place."""

    code = "configuration_malformed"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Take all mistakes, in the order of the document."""
        super().__init__(f"{mistakes[0].pointer}: {mistakes[0].detail}")
        self.mistakes = tuple(mistakes)
