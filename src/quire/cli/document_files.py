"""Files of documents as `quire ingest` reads them: lines, compressed by gzip or not."""

import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import cast

from quire.errors import InputError

_PIECE = 2 * 2**20
_GZIP = b"\x1f\x8b"
_MEMBER = 31  # of zlib: a gzip stream
# What begins so are no lines, and each would be refused for a reason that misleads.
_OTHERS = (
    (re.compile(rb"\xff\xfe|\xfe\xff"), "is UTF-16", "make it UTF-8, as by iconv"),
    (
        re.compile(rb"\x28\xb5\x2f\xfd|BZh[1-9]|\xfd7zXZ"),
        "is compressed, not by gzip",
        "decompress it into `quire ingest -`",
    ),
    (
        re.compile(rb"(\xef\xbb\xbf)?[ \t\r\n]*\[[ \t\r\n]*([\[{]|$)"),
        "is one JSON array",
        "write a document a line, or post it as application/json",
    ),
)


def opened(name: str, standard: object) -> nullcontext[BufferedReader] | BufferedReader:
    """Return the file, or what stands for ``-``.

    Raises
    ------
    InputError
        It cannot be opened.
    """
    if name == "-":
        return nullcontext(cast("BufferedReader", standard))
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise InputError("FILE", f"{name}: {error.strerror}") from error


def pieces(stream: BufferedReader) -> Iterator[bytes]:
    """Yield what is there, as soon as it is there, without its compression.

    Raises
    ------
    InputError
        It is no file of lines, or breaks off.
    """
    first = stream.read1(_PIECE)
    if first.startswith(_GZIP):
        yield from _unzipped(chain([first], _rest(stream)))
        return
    for form, reason, mend in _OTHERS:
        if form.match(first):
            raise InputError("FILE", reason, mend)
    yield first
    yield from _rest(stream)


def _rest(stream: BufferedReader) -> Iterator[bytes]:
    try:
        while piece := stream.read1(_PIECE):
            yield piece
    except OSError as error:
        raise _broken(error.strerror or str(error)) from error


def _unzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_MEMBER)
    try:
        for chunk in chunks:
            left = chunk
            while left:
                if member.eof:
                    member = zlib.decompressobj(_MEMBER)
                yield member.decompress(left, _PIECE)
                left = member.unused_data if member.eof else member.unconsumed_tail
        yield member.flush()
    except zlib.error as error:
        raise _broken(str(error)) from error
    if not member.eof:
        raise _broken("the compressed file ends too early")


def _broken(reason: str) -> InputError:
    return InputError("FILE", reason, "the lines before it were sent")
