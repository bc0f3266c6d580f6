"""Files that come and go as they are, and not as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, ClassVar

from django.conf import settings
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from .problems import Problem

ANY = "application/octet-stream"
MEDIA_TYPES_TAKEN = ("text/csv", "application/gzip", "application/x-xz", ANY)
"""What it is is seen by its first bytes; the document says the last: programs that
write clients know no other for a file."""
_PIECE_BYTES = 256 * 1024
_IN_MEMORY_BYTES = 4 * 1024 * 1024


class Csv:
    """A file of CSV, as an answer."""

    MEDIA_TYPE: ClassVar[str] = "text/csv"


def announced_bytes(request: HttpRequest) -> int:
    """Return how long the file is that is the body of a request.

    Raises:
        Problem: `length_required`, `unsupported_media_type`, `too_large`.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise Problem("length_required")
    kind = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES_TAKEN:
        detail = (
            f"Send `Content-Type: {MEDIA_TYPES_TAKEN[0]}`, or one of a packed file."
        )
        details = {"media_types": list(MEDIA_TYPES_TAKEN)}
        raise Problem("unsupported_media_type", detail, details=details)
    if int(length) > settings.UPLOAD_MAX_BYTES:
        largest = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
        raise Problem("too_large", f"A file has at most {largest} MiB; pack it.")
    return int(length)


@contextmanager
def received_file(request: HttpRequest, length: int) -> Iterator[IO[bytes]]:
    """Receive the file that is the body of a request; it is gone after the block.

    Raises:
        UnreadablePostError: the caller went away.
    """
    with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
        left = length
        while left:
            piece = request.read(min(left, _PIECE_BYTES))
            if not piece:
                raise UnreadablePostError("the request ended before it was whole")
            file.write(piece)
            left -= len(piece)
        file.seek(0)
        yield file
