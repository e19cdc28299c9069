"""How large a query may be; looked at before anything is parsed."""

import re

from quire.runs.query.errors import Place, QuerySyntaxError, QueryTooLarge

MOST_CHARACTERS = 4_000
DEEPEST = 50
DEEPEST_NAME = 5
"""How many named queries may stand within each other."""

MOST_SIGNS = 1_000
"""Words, values and signs of a text: they are what parsing takes its time for."""

MOST_CONDITIONS = 400
"""Of a whole query, its named queries written out. SQLite joins no 1,000."""

MOST_VALUES = 1_000
"""Of one list."""

MOST_IN_ALL = 5_000
"""Values and words of a whole query, its named queries written out."""

LONGEST_PATTERN = 500
"""Characters of a pattern: to match takes the product of its length and the text's."""

MOST_NAMED = 20_000
"""Characters of all named queries that one query uses, directly or not."""

_SIGN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|[\w.+:/%*?-]+|[^\s\w]"
)


def check_text(text: str) -> None:
    """Refuse a text that would be costly to parse.

    Raises
    ------
    QueryTooLarge
        Beyond a limit.
    QuerySyntaxError
        For a character that is no text.
    """
    if len(text) > MOST_CHARACTERS:
        raise QueryTooLarge(
            MOST_CHARACTERS + 1,
            f"a query has at most {MOST_CHARACTERS:,} characters, this has {len(text):,}",
            "save a part of it as a named query and write @name",
        )
    check_characters(text, 1)
    depth = 0
    for count, sign in enumerate(_SIGN.finditer(text)):
        at = sign.start() + 1
        if count >= MOST_SIGNS:
            raise QueryTooLarge(
                at,
                f"a query has at most {MOST_SIGNS:,} words and signs",
                "use a range, or save a part of it as a named query and write @name",
            )
        if sign[0] == "(":
            depth += 1
        elif sign[0] == ")":
            depth -= 1
        if depth > DEEPEST:
            raise too_deep(at)


def check_characters(text: str, at: Place) -> None:
    """Refuse NUL and halves of surrogate pairs, which no store can hold.

    Parameters
    ----------
    at
        Where the text begins.
    """
    for found in re.finditer("[\0\ud800-\udfff]", text):
        place = at + found.start() if isinstance(at, int) else at
        raise QuerySyntaxError(
            place, f"U+{ord(found[0]):04X} is no character", "leave it out"
        )


def too_deep(at: Place) -> QueryTooLarge:
    """Return the refusal of what is nested too deeply."""
    return QueryTooLarge(
        at,
        f"nested more than {DEEPEST} deep",
        "take needless parentheses away; 'a and b and c' needs none",
    )
