"""What to say of a text that is no query: where, what was wanted, and the mend."""

import re
from typing import Any

from quire.runs.query.errors import QuerySyntaxError

_REGEX = re.compile(
    r"(?:(?:=~|~=|!~|~\*|~~)|~\s*/|(?:not\s+)?(?:matches|match|regexp?|rlike|i?like|similar)\b)",
    re.IGNORECASE,
)
_NO_REGEX = (
    "there are no regular expressions",
    'use a glob, as in sample.name ~ "Cu*": * is any text, ? any character',
)
_SIGNS = {
    "&": ("'&' is no operator", "write 'and'"),
    "|": ("'|' is no operator", "write 'or', or 'field in [a, b]'"),
    "!": ("'!' alone is no operator", "write 'not', or '!=' to compare"),
    "'": ("a quote is not closed", "close it with '; a ' within is written ''"),
    '"': ("a quote is not closed", 'close it with "; a " within is written ""'),
    "`": ("a backtick is not closed", "write `a part of a name` between two"),
    "*": ("'*' stands in patterns alone", 'write field ~ "Cu*"; there is no arithmetic'),
    ";": ("';' has no meaning here", "a query is one condition, with 'and' and 'or'"),
    "@": ("'@' wants a name", "write @name of a saved query"),
    "..": ("a range stands behind 'in'", "write field in 3000..3500"),
}  # fmt: skip
_QUOTES = frozenset("\"'`")
_CONDITION = (
    'a condition is: field = value, field in a..b, field ~ "glob*", exists(field),'
    ' text("words") or @name'
)
_JOINED = 'join conditions by and/or; put text of several words in "quotes"'
_WANTED = (
    ("_AND", "'and', 'or' or the end is", _JOINED),
    ("$END", "'and', 'or' or the end is", _JOINED),
    ("_RANGE", "'..' and the end of a range are", "write a..b"),
    ("LSQB", "a list or a range is", "write [a, b] or a..b"),
    ("LPAR", "'(' is", 'write text("words") or start.text'),
)
_LOOK_BACK = 2
_OPEN_RANGE = re.compile(
    r"\.\.\s*(?=\Z|\)|(?:and|or)\b)|\bin\s+\.\.[^\s)]*", re.IGNORECASE
)
_NO_OPEN_RANGE = ("a range has two ends", "write field >= 3000, or field <= 3500")


def misspelling(text: str, problem: Any) -> QuerySyntaxError:
    """Return the error for what lark could not read.

    Parameters
    ----------
    problem
        A `lark.exceptions.UnexpectedInput`.
    """
    place = _place(text, problem)
    wanted = frozenset(
        getattr(problem, "expected", None) or getattr(problem, "allowed", None) or ()
    )
    reason, mend = _peculiar(text, place) or _plain(text, place, wanted)
    return QuerySyntaxError(place + 1, reason, mend)


def _place(text: str, problem: Any) -> int:
    token = getattr(problem, "token", None)
    if token is not None and token.type == "$END":
        return len(text.rstrip())
    return int(problem.pos_in_stream or 0)


def _peculiar(text: str, place: int) -> tuple[str, str] | None:
    for start in range(max(place - _LOOK_BACK, 0), place + 1):
        if _REGEX.match(text, start) and start + _LOOK_BACK >= place:
            return _NO_REGEX
    if any(m.start() <= place <= m.end() for m in _OPEN_RANGE.finditer(text)):
        return _NO_OPEN_RANGE
    if text[max(place - 1, 0) : place + 1] == "<>":
        return "'<>' is no operator", "write '!='"
    if text[place : place + 1] in _QUOTES and text[place] in text[place + 1 :]:
        return None  # it is closed: what it holds stands in a wrong place
    for size in (2, 1):
        found = _SIGNS.get(text[place : place + size])
        if found is not None:
            return found
    return None


def _plain(text: str, place: int, wanted: frozenset[str]) -> tuple[str, str]:
    found = text[place : place + 20].split(maxsplit=1)
    seen = f"not {found[0]!r}" if found else "but the query ends"
    if "FIELD" in wanted and "_AND" not in wanted:
        if "LPAR" not in wanted:
            return f"a field is wanted here, {seen}", "write exists(field)"
        return (
            f"a condition is wanted here, {seen}",
            _CONDITION,
        )
    if "COMPARISON" in wanted:
        return (
            f"a comparison is wanted behind the field, {seen}",
            "a field alone says nothing: write field = value or exists(field)",
        )
    if "BARE" in wanted:
        return (
            f"a value is wanted here, {seen}",
            'put text with signs in it in "quotes"',
        )
    if "PATTERN" in wanted:
        return f"a pattern is wanted here, {seen}", 'write field ~ "Cu*"'
    return _behind(text, place, wanted, seen)


def _behind(
    text: str, place: int, wanted: frozenset[str], seen: str
) -> tuple[str, str]:
    if wanted == {"STRING"}:
        return f"words in quotes are wanted here, {seen}", 'write text("copper foil")'
    if text[place : place + 1] == ")":
        return "a ')' without its '('", "take it away"
    if place >= len(text.rstrip()) and wanted & {"RPAR", "RSQB", "COMMA"}:
        return "a ')' or ']' is missing: the query ends", "close what was opened"
    for terminal, what, mend in _WANTED:
        if terminal in wanted:
            return f"{what} wanted here, {seen}", mend
    return f"this cannot be read, {seen}", "see the query language's reference"
