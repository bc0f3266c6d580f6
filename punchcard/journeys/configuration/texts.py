"""Documents as text: YAML or JSON, with nothing in it that could mean two things.

Of YAML it is the core of 1.2: `no` and `22:00` are text, what is written twice is
refused, and nothing is referred to: aliases can make a small text an endless document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from datetime import date
from typing import Any

import yaml

from .errors import ConfigurationUnreadable
from .structure import escape

TEXT_MAX = 1_000_000
"""Characters of a document."""


def read_text(text: str) -> Any:
    """Return what a text says, as plain values; whether it makes sense is not known.

    Raises:
        ConfigurationUnreadable: it is neither YAML nor JSON.
    """
    if len(text) > TEXT_MAX:
        raise ConfigurationUnreadable(f"more than {TEXT_MAX} characters")
    if text.lstrip().startswith("{"):
        # YAML in braces is none of JSON, and JSON with tabs is none of YAML.
        try:
            return json.loads(text, object_pairs_hook=_without_twins)
        except ConfigurationUnreadable:
            raise
        except json.JSONDecodeError as error:
            if "\t" in text:
                place = {"line": error.lineno, "column": error.colno}
                raise ConfigurationUnreadable(error.msg, **place) from error
        except ValueError as error:
            # Python's own bound of digits.
            raise ConfigurationUnreadable("a number is too long") from error
        except RecursionError:
            raise ConfigurationUnreadable("nested too deeply") from None
    return _read_yaml(text)


def _read_yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        if mark is None:
            raise ConfigurationUnreadable(said) from error
        place = {"line": mark.line + 1, "column": mark.column + 1}
        raise ConfigurationUnreadable(said, **place) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        reason = f"the character #x{ord(text[error.position]):04x} is not allowed"
        raise ConfigurationUnreadable(reason, line=line) from error
    except RecursionError:
        raise ConfigurationUnreadable("nested too deeply") from None


def write_yaml(document: Any) -> str:
    """Return plain values as YAML."""
    return yaml.dump(
        document,
        Dumper=yaml.SafeDumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )


def line_of(text: str, pointer: str) -> int | None:
    """Return at which line of a text a place stands, or what is around it.

    None: it is too deep to say. The text was read before.
    """
    try:
        # A tab is white space of JSON and none of YAML; in what is quoted is none.
        is_json = text.lstrip().startswith("{")
        node = yaml.compose(text.replace("\t", " ") if is_json else text, _Loader)
    except (RecursionError, yaml.YAMLError):
        return None
    line = None if node is None else node.start_mark.line + 1
    for step in pointer.split("/")[1:]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if escape(key.value) == step:
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                return line
        elif isinstance(node, yaml.SequenceNode) and int(step) < len(node.value):
            node = node.value[int(step)]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ConfigurationUnreadable(f"{name!r} is said twice")
        made[name] = value
    return made


class _Loader(yaml.SafeLoader):
    """YAML without surprises."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _unread("anchors and aliases", event)
        if getattr(event, "tag", None) is not None:
            raise _unread("tags", event)
        return super().compose_node(parent, index)

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - as of the library
    ) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong("a name is text", key)
            if key.value in seen:
                raise _wrong(f"{key.value!r} is said twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int:
        try:
            return int(node.value)
        except ValueError as error:
            raise _wrong("the number is too long", node) from error

    def construct_date(self, node: yaml.ScalarNode) -> date:
        try:
            return date.fromisoformat(node.value)
        except ValueError as error:
            raise _wrong(f"there is no day {node.value}", node) from error


def _unread(what: str, event: yaml.Event) -> yaml.composer.ComposerError:
    mark: Any = event.start_mark
    return yaml.composer.ComposerError(None, None, f"{what} are not read", mark)


def _wrong(reason: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, reason, node.start_mark)


_WORDS = (
    ("null", r"(~|null|Null|NULL|)", [*"~nN", ""]),
    ("bool", r"(true|True|TRUE|false|False|FALSE)", [*"tTfF"]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", [*"-+0123456789"]),
    (
        "float",
        (
            r"[-+]?([0-9]*\.[0-9]+|[0-9]+\.)([eE][-+]?[0-9]+)?"
            r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
        ),
        [*"-+.0123456789"],
    ),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", [*"0123456789"]),
)
for _kind, _pattern, _first in _WORDS:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"({_pattern})\Z"), _first
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_date)
