"""Reading documents out of what was sent, keeping each one's exact bytes."""

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

import jiter

from quire.documents.document import Document, Fault
from quire.documents.names import DocumentName

_PAIR = re.compile(rb'\s*\[\s*"([a-z_]+)"\s*,')
_SPACE = re.compile(r"[ \t\n\r]*")
_value = json.JSONDecoder().raw_decode


def parse(name: DocumentName, raw: bytes) -> Document:
    """Return the document that these bytes say.

    Raises
    ------
    ValueError
        They are no JSON object, have a key twice, or are not UTF-8.
    """
    body: Any = jiter.from_json(raw, allow_inf_nan=True, catch_duplicate_keys=True)
    if not isinstance(body, dict):
        raise ValueError("a document is a JSON object")  # noqa: TRY004
    return Document(name=name, body=body, raw=raw)


def read_items(body: bytes, *, media_type: str) -> Iterator[Document | Fault]:
    """Yield each item that was sent, as a document or as why it is none.

    Parameters
    ----------
    body
        NDJSON, one item a line; or with media type ``application/json`` an array of
        items, or one item. An item is ``[name, doc]`` or ``{"name": …, "doc": …}``.

    Notes
    -----
    One bad line does not cost the others. An array that breaks off costs what stands
    behind the break. Blank lines do not count.
    """
    if media_type.partition(";")[0].strip().lower() == "application/json":
        yield from _read_array(body)
        return
    lines = (line for line in body.split(b"\n") if line.strip())
    for index, line in enumerate(lines):
        yield _read_item(line, index)


def _read_array(body: bytes) -> Iterator[Document | Fault]:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        yield _fault(0, f"not UTF-8: {error}")
        return
    start = _skip(text, 0)
    second = _skip(text, start + 1)
    if text[start : start + 1] != "[" or text[second : second + 1] == '"':
        # One item alone: an object, or a [name, doc] pair.
        yield _read_item(body, 0)
        return
    index = 0
    try:
        for first, last in _elements(text, start):
            yield _read_item(text[first:last].encode("utf-8", "surrogatepass"), index)
            index += 1
    except (ValueError, RecursionError) as error:
        yield _fault(index, f"the array cannot be read from here on: {error}")


def _read_item(item: bytes, index: int) -> Document | Fault:
    name = ""
    try:
        name, raw = _split(item)
        known = DocumentName(name)
    except (ValueError, RecursionError) as error:
        if name:
            near = get_close_matches(name, list(DocumentName), n=1)
            hint = f", did you mean {str(near[0])!r}?" if near else ""
            return _fault(index, f"unknown document name {name[:80]!r}{hint}", name)
        return _fault(index, str(error))
    try:
        return parse(known, raw)
    except (ValueError, RecursionError) as error:
        return _fault(index, str(error), name)


def _split(item: bytes) -> tuple[str, bytes]:
    """Return an item's name and the exact bytes of its document."""
    if pair := _PAIR.match(item):
        end = item.rstrip()
        if not end.endswith(b"]"):
            raise ValueError("the item [name, doc] is not closed")
        return pair[1].decode(), end[pair.end() : -1].strip()
    text = item.decode()
    start = _skip(text, 0)
    match text[start : start + 1]:
        case "{":
            members = dict(_members(text, start))
        case "[":
            spans = list(_elements(text, start))
            if len(spans) != 2:  # noqa: PLR2004
                raise ValueError("an item is [name, doc]")
            members = dict(zip(("name", "doc"), spans, strict=True))
        case _:
            raise ValueError('an item is [name, doc] or {"name": …, "doc": …}')
    if set(members) != {"name", "doc"}:
        raise ValueError('an item has the members "name" and "doc", and no others')
    name = json.loads(text[slice(*members["name"])])
    if not isinstance(name, str) or not name:
        raise ValueError("the item's name is no text")
    return name, text[slice(*members["doc"])].encode("utf-8", "surrogatepass")


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _elements(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Yield where each element of the array at `at` begins and ends."""
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        _expect_end(text, at + 1)
        return
    while True:
        _, end = _value(text, at)
        yield at, end
        at = _skip(text, end)
        if text[at : at + 1] == "]":
            _expect_end(text, at + 1)
            return
        at = _after(text, at, ",")


def _members(text: str, at: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield each member of the object at `at`, its value as a place."""
    seen: set[str] = set()
    at = _skip(text, at + 1)
    while True:
        if text[at : at + 1] != '"':
            raise ValueError(f"a member's name is missing at character {at}")
        key, end = scanstring(text, at + 1, True)  # noqa: FBT003
        if key in seen:
            raise ValueError(f"the item has the member {key!r} twice")
        seen.add(key)
        at = _after(text, _skip(text, end), ":")
        _, end = _value(text, at)
        yield key, (at, end)
        at = _skip(text, end)
        if text[at : at + 1] == "}":
            _expect_end(text, at + 1)
            return
        at = _after(text, at, ",")


def _after(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise ValueError(f"{mark!r} is missing at character {at}")
    return _skip(text, at + 1)


def _expect_end(text: str, at: int) -> None:
    if _skip(text, at) != len(text):
        raise ValueError(f"trailing characters at {at}")


def _fault(index: int, reason: str, name: str = "") -> Fault:
    return Fault(index=index, name=name, uid="", field="", reason=reason)
