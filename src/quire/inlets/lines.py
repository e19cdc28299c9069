"""The lines of a file that grows: what is new behind a place, and is it the same file.

Blocking, and without memory: whoever calls keeps the place.
"""

import hashlib
import os

import jiter
import msgspec

from quire.ports.inlet import Item

_BLOCK = 1024**2
_EDGE = 4096
_KEPT_OF_LONG = 64 * 1024
_WHITE = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class FilePlace(msgspec.Struct, frozen=True, kw_only=True):
    """How far a file was read.

    Attributes
    ----------
    offset
        Bytes.
    line
        Line breaks before it.
    mark
        Hash of what stands at the beginning and before the offset, by which a
        file that was replaced or written anew is known.
    """

    offset: int = 0
    line: int = 0
    mark: str = ""


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and the place behind it."""

    items: tuple[Item, ...]
    place: FilePlace


def same_or_anew(file: int, place: FilePlace) -> FilePlace:
    """Return the place if the file still has there what was read, else its beginning.

    Parameters
    ----------
    file
        Descriptor.
    """
    if os.fstat(file).st_size < place.offset:
        return FilePlace()
    return place if mark(file, place.offset) == place.mark else FilePlace()


def mark(file: int, offset: int) -> str:
    """Return the hash of the file's first 4 KiB and of those before the offset."""
    begin = max(offset - _EDGE, 0)
    head = os.pread(file, min(offset, _EDGE), 0)
    tail = os.pread(file, offset - begin, begin)
    return hashlib.sha256(b"%d:" % offset + head + tail).hexdigest()


def read_lines(file: int, name: str, place: FilePlace, *, longest: int) -> Lines:
    """Return the next whole lines, about a mebibyte of them.

    The last line waits for its line break unless it is whole JSON: no beginning of an
    array or object is.

    Parameters
    ----------
    name
        Of the file, for the items' places.
    longest
        Bytes of a line; one that is longer becomes a fault.
    """
    block = os.pread(file, _BLOCK, place.offset)
    while b"\n" not in block and len(block) <= longest:
        more = os.pread(file, _BLOCK, place.offset + len(block))
        if not more:
            return _unfinished(file, name, place, block)
        block += more
    end = block.rfind(b"\n") + 1
    if not end:
        return _overlong(file, name, place, longest)
    lines = block[: end - 1].split(b"\n")
    items = [
        _item(line, f"{name}:{place.line + number}", longest)
        for number, line in enumerate(lines, start=1)
    ]
    return _lines(file, items, place.offset + end, place.line + len(lines))


def _lines(file: int, items: list[Item | None], offset: int, line: int) -> Lines:
    place = FilePlace(offset=offset, line=line, mark=mark(file, offset))
    return Lines(items=tuple(item for item in items if item), place=place)


def _item(line: bytes, place: str, longest: int) -> Item | None:
    text = line.strip(_WHITE).removeprefix(_BYTE_ORDER_MARK).strip(_WHITE)
    if len(text) > longest:
        return _too_long(place, line, hashlib.sha256(line).hexdigest(), longest)
    return Item(place=place, line=text) if text else None


def _too_long(place: str, begin: bytes, digest: str, longest: int) -> Item:
    fault = f"the line is longer than {longest} bytes"
    return Item(place=place, fault=fault, raw=begin[:_KEPT_OF_LONG], digest=digest)


def _unfinished(file: int, name: str, place: FilePlace, text: bytes) -> Lines:
    item = _item(text, f"{name}:{place.line + 1}", len(text))
    if item is None or not _is_whole(item.line):
        return Lines(items=(), place=place)
    return _lines(file, [item], place.offset + len(text), place.line)


def _is_whole(text: bytes) -> bool:
    if text[:1] not in b"[{" or text[-1:] not in b"]}":
        return False
    try:
        jiter.from_json(text, allow_inf_nan=True)
    except ValueError:
        return False
    return True


def _overlong(file: int, name: str, place: FilePlace, longest: int) -> Lines:
    begin = os.pread(file, _KEPT_OF_LONG, place.offset)
    digest = hashlib.sha256()
    offset = place.offset
    while block := os.pread(file, _BLOCK, offset):
        line, found, _ = block.partition(b"\n")
        digest.update(line)
        offset += len(line) + len(found)
        if found:
            here = f"{name}:{place.line + 1}"
            item = _too_long(here, begin, digest.hexdigest(), longest)
            return _lines(file, [item], offset, place.line + 1)
    return Lines(items=(), place=place)
