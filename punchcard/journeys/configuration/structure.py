"""What of plain values does not fit a struct: every place of it, and what is left.

msgspec stops at the first mistake. Who writes a configuration wants to hear of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

from punchcard.earning.checking import Mistake

_NOT_SOUND: Final = object()
_ECHO_MAX = 100
THINGS_MAX = 1_000
"""Of rules and the like in a list."""
WORDS_MAX = 10_000
"""Of words in a list, as in the articles that a rule is for."""


class Structure:
    """Plain values held against a kind of struct."""

    def __init__(self, value: object, kind: Any) -> None:
        """Look through `value`, from its top to its last leaf."""
        self.mistakes: list[Mistake] = []
        self.left_out: set[str] = set()
        """Names that a piece which is left out was to be known by."""
        self.is_torn = False
        """Whether there is no telling which names: what should hold them does not."""
        self._kept: dict[str, list[int]] = {}
        self.sound: Any = self._look(value, kind, "")
        """What fits: a wrong value is as if it was not said."""
        if self.sound is _NOT_SOUND:
            self.sound = {}

    def place_of(self, pointer: str) -> str:
        """Return where a place of what is sound stands in the whole."""
        steps, place, sound = pointer.split("/")[1:], "", ""
        for step in steps:
            kept = self._kept.get(sound)
            sound = f"{sound}/{step}"
            place += f"/{step if kept is None else kept[int(step)]}"
        return place

    def _look(self, value: object, kind: Any, place: str, sound: str = "") -> Any:
        """Return what is sound of a value; `sound` is its place in what is."""
        kind = _chosen(value, kind)
        if isinstance(kind, _Wrong):
            return self._wrong(f"{place}{kind.below}", kind.code, kind.detail)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._look_at_struct(value, kind, place, sound)
        if get_origin(kind) is tuple:
            return self._look_at_list(value, get_args(kind)[0], place, sound)
        if get_origin(kind) is dict:
            return self._look_at_map(value, get_args(kind), place, sound)
        misfit = _misfit(value, kind)
        return value if misfit is None else self._wrong(place, *misfit)

    def _wrong(self, place: str, code: str, detail: str) -> Any:
        self.mistakes.append(Mistake(pointer=place, code=code, detail=detail))
        return _NOT_SOUND

    def _look_at_struct(
        self, value: object, kind: type[msgspec.Struct], place: str, sound: str
    ) -> Any:
        if not isinstance(value, dict):
            self.is_torn = self.is_torn or place.count("/") < 2
            return self._wrong(
                place, "wrong_type", _not("here stand fields with names", value)
            )
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        tag = kind.__struct_config__.tag_field
        made: dict[str, Any] = {} if tag is None else {tag: value[tag]}
        for name in value:
            if name not in fields and (tag is None or name != tag):
                detail = _unknown(name, [*fields, *([tag] if tag else [])])
                self._wrong(f"{place}/{escape(name)}", "unknown_field", detail)
        is_whole = True
        for name, field in fields.items():
            below = f"{place}/{name}"
            if name in value:
                part = self._look(value[name], field.type, below, f"{sound}/{name}")
                if part is not _NOT_SOUND:
                    made[name] = part
            elif field.required:
                self._wrong(below, "missing_field", f"`{name}` is missing")
            is_whole = is_whole and (name in made or not field.required)
        return made if is_whole else self._leave_out(value)

    def _leave_out(self, value: dict[Any, Any]) -> object:
        names = (value.get("id"), value.get("code"))
        self.left_out.update(name for name in names if isinstance(name, str))
        return _NOT_SOUND

    def _look_at_list(self, value: object, kind: Any, place: str, sound: str) -> Any:
        if not isinstance(value, (list, tuple)):
            self.is_torn = True
            return self._wrong(place, "wrong_type", _not("here stands a list", value))
        if len(value) > (most := WORDS_MAX if str in _plain(kind) else THINGS_MAX):
            self.is_torn = True
            detail = f"here may stand {most:,}, not {len(value):,}"
            return self._wrong(place, "wrong_value", detail)
        made: list[Any] = []
        kept: list[int] = []
        for at, one in enumerate(value):
            part = self._look(one, kind, f"{place}/{at}", f"{sound}/{len(made)}")
            if part is not _NOT_SOUND:
                made.append(part)
                kept.append(at)
        if len(kept) < len(value):
            self._kept[sound] = kept
        return made

    def _look_at_map(
        self, value: object, kinds: tuple[Any, ...], place: str, sound: str
    ) -> Any:
        if not isinstance(value, dict):
            self.is_torn = True
            return self._wrong(
                place, "wrong_type", _not("here stand fields with names", value)
            )
        if len(value) > THINGS_MAX:
            self.is_torn = True
            detail = f"here may stand {THINGS_MAX:,}, not {len(value):,}"
            return self._wrong(place, "wrong_value", detail)
        made = {}
        for name, one in value.items():
            below = f"/{escape(name)}"
            misfit = _misfit(name, kinds[0])
            if misfit is not None:
                self._wrong(f"{place}{below}", *misfit)
                continue
            part = self._look(one, kinds[1], f"{place}{below}", f"{sound}{below}")
            if part is _NOT_SOUND:
                self.left_out.add(name)
            else:
                made[name] = part
        return made


def escape(step: object) -> str:
    """Return a name as a step of a JSON pointer."""
    return _cut(str(step)).replace("~", "~0").replace("/", "~1")


def shown(value: object) -> str:
    """Return a value as a document has it, or the beginning of one."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _cut(repr(value))


class _Wrong(msgspec.Struct, frozen=True):
    code: str
    detail: str
    below: str = ""


def _chosen(value: object, kind: Any) -> Any:
    """Return which of several kinds a value is meant to be."""
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    if value is None and NoneType in get_args(kind):
        return NoneType
    structs = [
        one for one in get_args(kind) if isinstance(one, type) and _is_struct(one)
    ]
    if len(structs) > 1 and isinstance(value, dict):
        return _tagged(value, structs)
    return structs[0] if structs else kind


def _tagged(value: dict[Any, Any], structs: list[type[msgspec.Struct]]) -> Any:
    field = structs[0].__struct_config__.tag_field or ""
    by_tag = {one.__struct_config__.tag: one for one in structs}
    if field not in value:
        return _Wrong("missing_field", f"`{field}` is missing", f"/{field}")
    tag = value[field]
    if not isinstance(tag, str) or tag not in by_tag:
        return _Wrong("wrong_value", _none_of(tag, by_tag), f"/{field}")
    return by_tag[tag]


def _is_struct(kind: type) -> bool:
    return issubclass(kind, msgspec.Struct)


def _misfit(value: object, kind: Any) -> tuple[str, str] | None:
    """Return a code and a sentence about a value that has no parts."""
    if isinstance(value, float):
        takes_text = str in _plain(kind)
        how = f'as text: "{value}"' if takes_text else "as a whole number"
        return "wrong_type", f"{value} is a float: write it {how}"
    if isinstance(value, str):
        if "\0" in value or not _is_unicode(value):
            return "wrong_value", "it has a character that cannot be kept"
    elif str in _plain(kind) and _is_mistaken_for_text(value, kind):
        return "wrong_type", f"{_cut(str(value))} is no text: write it in quotes"
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        words = [one for part in _parts(kind) for one in _words(part)]
        if words:
            return "wrong_value", _none_of(value, words)
        reason = str(error).replace(r"\\Z'", "$'")
        if ", got " in reason:
            return "wrong_type", reason
        return "wrong_value", f"{shown(value)}: {reason}"
    return None


def _is_mistaken_for_text(value: object, kind: Any) -> bool:
    """Return whether a bare word of YAML is no text where there must be some."""
    return int not in _plain(kind) and isinstance(value, (date, bool, int))


def _parts(kind: Any) -> Iterator[Any]:
    """Yield what a kind is made of, without what is said about it."""
    if get_origin(kind) is Annotated:
        yield from _parts(get_args(kind)[0])
    elif get_origin(kind) in {Union, UnionType}:
        for one in get_args(kind):
            yield from _parts(one)
    else:
        yield kind


def _plain(kind: Any) -> set[Any]:
    return {one for one in _parts(kind) if isinstance(one, type)}


def _words(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not(wanted: str, value: object) -> str:
    return f"{wanted}, not {shown(value)}"


def _none_of(value: object, words: Any) -> str:
    return f"{shown(value)} is none of {', '.join(map(str, words))}"


def _unknown(name: object, known: list[str]) -> str:
    near = get_close_matches(str(name), known, n=1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    return f"`{_cut(str(name))}` is not a field here{hint}"


def _cut(text: str) -> str:
    """Return a text that was sent, but not megabytes of it, and fit to be shown."""
    said = text.encode(errors="replace").decode().replace("\0", "?")
    return said if len(said) <= _ECHO_MAX else f"{said[:_ECHO_MAX]}…"
