"""ETag, If-Match, If-None-Match: which version was read, and which is to be changed."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from django.http import HttpRequest

from .problems import FieldError, Problem

VersionUse: TypeAlias = Literal["none", "told", "demanded"]
"""Whether an operation's answers carry an ETag, and whether it asks for If-Match."""

ANY = "*"
HEADER_MAX = 1_000
_TAG = r'(?:W/)?"[!#-~]*"'
_LIST = re.compile(rf"\s*{_TAG}\s*(?:,\s*{_TAG}\s*)*")
_STRONG = re.compile(r'(?<!W/)"([0-9]{1,15})"')
_EITHER = re.compile(r'"([0-9]{1,15})"')


def etag(version: int) -> str:
    """Return the strong entity tag of a version."""
    return f'"{version}"'


def versions_to_change(request: HttpRequest) -> frozenset[int] | None:
    """Return the versions that may be changed, by `If-Match`; None: any there is.

    A tag that is none of ours is of no version, and a weak one never matches.

    Raises:
        Problem: `precondition_required`, or `malformed`: it is no list of tags.
    """
    text = request.META.get("HTTP_IF_MATCH")
    if text is None:
        raise Problem("precondition_required")
    return None if text.strip() == ANY else _numbers("If-Match", text, _STRONG)


def is_known(request: HttpRequest, version: int) -> bool:
    """Return whether the caller has this version already, by `If-None-Match`.

    Raises:
        Problem: `malformed`; it is no list of tags.
    """
    text = request.META.get("HTTP_IF_NONE_MATCH")
    if text is None:
        return False
    return text.strip() == ANY or version in _numbers("If-None-Match", text, _EITHER)


def _numbers(name: str, text: str, tag: re.Pattern[str]) -> frozenset[int]:
    if len(text) > HEADER_MAX or not _LIST.fullmatch(text):
        detail = f'{name} is `*`, or tags as the ETag gave them: "3".'
        wrong = FieldError(code="malformed", detail=detail, parameter=name)
        raise Problem("malformed", detail, errors=[wrong])
    return frozenset(int(number) for number in tag.findall(text))
