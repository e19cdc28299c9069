"""How deep and how long a JSON body may be, found without parsing it."""

import re
from collections.abc import Iterator
from itertools import islice

from quire.documents.counting import count
from quire.documents.slicing import Broken, elements
from quire.errors import InputError, TooLarge

# Strings are passed over; nothing here backtracks.
_TO_BRACKET = re.compile(rb'(?>[^"\[\]{}]+|"(?>[^"\\]+|\\.)*+")*+[\[\]{}]', re.DOTALL)
_TO_COMMA = re.compile(rb'(?>[^",]+|"(?>[^"\\]+|\\.)*+")*+,', re.DOTALL)


class TooDeep(InputError):
    """A value inside more values than are read."""

    code = "too_deep"

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__("body", f"nested deeper than {limit} levels", "flatten it")


def check_depth(body: bytes, limit: int) -> None:
    """Refuse JSON that is nested too deep; brackets in strings cost only time.

    Raises
    ------
    TooDeep
        It has more than `limit` levels.
    """
    if body.count(b"[") + body.count(b"{") <= limit:
        return
    if _deepest(body, limit) > limit:
        raise TooDeep(limit)


def check_items(body: bytes, limit: int, *, lines: bool) -> None:
    """Refuse more items than are taken at a time.

    Parameters
    ----------
    lines
        Whether an item is a line; else an element of the array that the body is.

    Raises
    ------
    TooLarge
        There are more than `limit`.
    """
    separator = b"\n" if lines else b","
    # An item and what parts it from the next are two bytes at least.
    if len(body) < 2 * limit or count(body, separator) < limit:
        return
    if lines:
        found = sum(1 for line in body.split(b"\n") if line.strip())
    else:
        found = _elements(body, limit + 1)
    if found > limit:
        raise TooLarge("body", limit, "items")


def check_values(body: bytes, limit: int) -> None:
    """Refuse JSON of more values than a record of ours can want.

    Raises
    ------
    TooLarge
        There are more than `limit`.
    """
    if body.count(b",") < limit:
        return
    found = sum(1 for _ in islice(_stops(_TO_COMMA, body), limit))
    if found >= limit:
        raise TooLarge("body", limit, "values")


def _elements(body: bytes, most: int) -> int:
    stripped = body.strip(b" \t\r\n")
    if not stripped.startswith(b"["):
        return 1
    found = 0
    try:
        for _ in islice(elements(stripped), most):
            found += 1
    except Broken:
        pass  # said by the reader, with its place
    return found


def _stops(pattern: re.Pattern[bytes], body: bytes) -> Iterator[re.Match[bytes]]:
    """Yield matches that join; `finditer` would begin anew inside of a string."""
    place = 0
    while found := pattern.match(body, place):
        yield found
        place = found.end()


def _deepest(body: bytes, limit: int) -> int:
    """Return how deep it is nested, at most one more than `limit`."""
    depth = deepest = 0
    for found in _stops(_TO_BRACKET, body):
        if found[0].endswith((b"[", b"{")):
            depth += 1
            deepest = max(deepest, depth)
            if deepest > limit:
                break
        else:
            depth -= 1
    return deepest
