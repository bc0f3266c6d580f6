"""Conditions: a line of CEL over named values, checked when saved, bounded when run.

CEL is the Common Expression Language: no loops of its own, no side effects, types.
What remains that could be slow (macros over lists, patterns) cannot be called here, so
a condition takes time proportional to its text and to the lists it looks at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from cel_expr_python import cel

Kind: TypeAlias = Literal[
    "bool", "int", "text", "instant", "texts", "attributes", "number"
]
"""`texts` is a list of text, `attributes` a map of text to anything."""

_TYPES: Mapping[Kind, cel.Type] = {
    "bool": cel.Type.BOOL,
    "int": cel.Type.INT,
    "number": cel.Type.DOUBLE,
    "text": cel.Type.STRING,
    "instant": cel.Type.TIMESTAMP,
    "texts": cel.Type.List(cel.Type.STRING),
    "attributes": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
}

LENGTH_MAX = 1000
"""Characters of a condition."""
DEPTH_MAX = 16
"""Brackets in brackets; the parser itself gives up at 32."""
LIST_MAX = 10_000
"""Elements of a list that a condition looks at."""
CALLS = frozenset(
    """
    has size contains startsWith endsWith int double string timestamp duration
    getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear
    getHours getMinutes getSeconds
    """.split()
)
"""What can be called. No macro (`all`, `exists`, `map` …): nested, they multiply."""

_TEXT = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\"""")
_ODD_TEXT = re.compile(r"[\w\x02]\x01|[\"'`]|//")
"""Other ways to write text (raw, tripled), and comments: calls could hide in them."""
_CONTROL = re.compile(r"[^\n\t\x20-\x7e\x80-\U0010ffff]")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
_WORD = re.compile(r"\w+")
_PLACE = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")

_NOISE = re.compile(r" expecting \{.*| \[INVALID_ARGUMENT\]| \(in container ''\)")


class ConditionMalformed(ValueError):
    """The text is no condition over these names; `line` and `column` say where."""

    def __init__(self, reason: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{line}:{column}: {reason}")
        self.reason = reason
        self.line = line
        self.column = column


class ConditionFailed(Exception):
    """A condition has no answer for these values: one is missing, or overflows."""


class Condition:
    """A condition that was checked, to be asked any number of times."""

    __slots__ = ("_expression", "names", "text")

    def __init__(
        self, text: str, names: frozenset[str], expression: cel.Expression
    ) -> None:
        self.text = text
        self.names = names
        """Of the variables, those that it looks at; others need not be given."""
        self._expression = expression

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Return whether the condition holds for `values`.

        Raises:
            ConditionFailed: a value that is needed is missing, of another kind, too
                large, or an operation has no result.
        """
        for name, value in values.items():
            if isinstance(value, (list, tuple)) and len(value) > LIST_MAX:
                raise ConditionFailed(f"{name} has more than {LIST_MAX} elements")
        try:
            answer = self._expression.eval(data=dict(values))
        except (RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise ConditionFailed(_first_line(str(error))) from error
        found = answer.value()
        # An error is a value of CEL, and would be true for Python.
        if not isinstance(found, bool):
            raise ConditionFailed(_first_line(str(found)))
        return found


def compile_condition(text: str, *, variables: Mapping[str, Kind]) -> Condition:
    """Check `text` against the names and kinds of `variables`; return the condition.

    Names may have dots (`member.level`). The same text is checked once a process.

    Raises:
        ConditionMalformed: too long or too nested, a call that is not for conditions,
            a syntax error, an unknown name, kinds that do not fit, or no yes or no.
    """
    return _compile(text, tuple(sorted(variables.items())))


@lru_cache(maxsize=4096)
def _compile(text: str, variables: tuple[tuple[str, Kind], ...]) -> Condition:
    _refuse_unbounded(text)
    try:
        expression = _environment(variables).compile(text)
    except (RuntimeError, ValueError) as error:
        raise _malformed(str(error)) from error
    found = expression.return_type()
    if found != cel.Type.BOOL:
        raise ConditionMalformed(f"must be true or false, and is {found.name()}")
    return Condition(text, _names_in(text, variables), expression)


def _names_in(text: str, variables: tuple[tuple[str, Kind], ...]) -> frozenset[str]:
    """Return the variables of which every word stands in the text: at least its own."""
    words = set(_WORD.findall(text))
    return frozenset(name for name, _ in variables if words.issuperset(name.split(".")))


@lru_cache(maxsize=64)
def _environment(variables: tuple[tuple[str, Kind], ...]) -> cel.Env:
    return cel.NewEnv(variables={name: _TYPES[kind] for name, kind in variables})


def _refuse_unbounded(text: str) -> None:
    if len(text) > LENGTH_MAX:
        raise ConditionMalformed(f"longer than {LENGTH_MAX} characters")
    control = _CONTROL.search(text)
    if control is not None:
        reason = "holds a control character"
        raise _at(text, control.start(), reason)
    # Plain text is marked, so that what follows looks at the rest alone.
    blank = _TEXT.sub(lambda found: "\x01" + "\x02" * (len(found[0]) - 1), text)
    odd = _ODD_TEXT.search(blank)
    if odd is not None:
        reason = "text is written '…' or \"…\", without prefix, and comments are not"
        raise _at(text, odd.start(), reason)
    depth = 0
    for at, character in enumerate(blank):
        depth += (character in "([{") - (character in ")]}")
        if depth > DEPTH_MAX:
            reason = f"more than {DEPTH_MAX} brackets in one another"
            raise _at(text, at, reason)
    for call in _CALL.finditer(blank):
        if call[1] not in CALLS and call[1] != "in":
            reason = f"{call[1]} cannot be called in a condition"
            raise _at(text, call.start(), reason)


def _at(text: str, offset: int, reason: str) -> ConditionMalformed:
    before = text[:offset]
    column = offset - before.rfind("\n")
    return ConditionMalformed(reason, line=before.count("\n") + 1, column=column)


def _malformed(message: str) -> ConditionMalformed:
    found = _PLACE.search(message)
    if found is None:
        return ConditionMalformed(_first_line(message))
    reason = _NOISE.sub("", found[3])
    line, column = max(int(found[1]), 1), max(int(found[2]), 1)
    return ConditionMalformed(reason, line=line, column=column)


def _first_line(message: str) -> str:
    return message.partition("\n")[0].strip()
