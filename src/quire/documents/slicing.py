"""Where the values of a JSON text begin and end, so that their bytes can be kept.

Only brackets, strings and separators are looked at: what stands between them is for
the parser to judge. No pattern here backtracks, so the time is linear.
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

_WHITE = re.compile(rb"[ \t\n\r]*+")
_STRING = re.compile(rb'"(?>[^"\\]+|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb'[^ \t\n\r,:"\[\]{}]++')
_TO_BRACKET = re.compile(rb'(?>[^"\[\]{}]+|"(?>[^"\\]+|\\.)*+")*+[\[\]{}]', re.DOTALL)


class Broken(ValueError):
    """The text is no whole JSON value.

    Parameters
    ----------
    position
        Byte at which it goes wrong.
    """

    def __init__(self, position: int, reason: str) -> None:
        self.position = position
        super().__init__(f"{reason} at byte {position}")


def elements(text: bytes) -> Iterator[Span]:
    """Yield begin and end of each element of the array that `text` is.

    Raises
    ------
    Broken
        The array breaks off, or something follows it.
    """
    at = _skip(text, text.index(b"[") + 1)
    if text[at : at + 1] != b"]":
        while True:
            end = _value_end(text, at)
            yield at, end
            at = _skip(text, end)
            if text[at : at + 1] == b"]":
                break
            at = _skip(text, _past(text, at, b","))
    _nothing_follows(text, at + 1)


def members(text: bytes) -> Iterator[tuple[Span, Span]]:
    """Yield the spans of key and value of each member of the object that `text` is.

    Raises
    ------
    Broken
        The object breaks off, or something follows it.
    """
    at = _skip(text, text.index(b"{") + 1)
    if text[at : at + 1] != b"}":
        while True:
            key = at, _value_end(text, at)
            at = _skip(text, _past(text, _skip(text, key[1]), b":"))
            value = at, _value_end(text, at)
            yield key, value
            at = _skip(text, value[1])
            if text[at : at + 1] == b"}":
                break
            at = _skip(text, _past(text, at, b","))
    _nothing_follows(text, at + 1)


def _skip(text: bytes, at: int) -> int:
    white = _WHITE.match(text, at)
    return at if white is None else white.end()


def _past(text: bytes, at: int, separator: bytes) -> int:
    if text[at : at + 1] != separator:
        raise Broken(at, f"{separator.decode()!r} expected")
    return at + 1


def _nothing_follows(text: bytes, at: int) -> None:
    end = _skip(text, at)
    if end != len(text):
        raise Broken(end, "trailing data")


def _value_end(text: bytes, start: int) -> int:
    match text[start : start + 1]:
        case b"[" | b"{":
            return _container_end(text, start)
        case b'"':
            found = _STRING.match(text, start)
        case _:
            found = _SCALAR.match(text, start)
    if found is None:
        raise Broken(start, "no value")
    return found.end()


def _container_end(text: bytes, start: int) -> int:
    depth = 1
    at = start + 1
    while depth:
        found = _TO_BRACKET.match(text, at)
        if found is None:
            raise Broken(start, "a value that never ends begins")
        at = found.end()
        depth += 1 if text[at - 1] in b"[{" else -1
    return at
