"""The words of a text, alike for what is searched and for what it is searched by."""

import re

_WORD = re.compile(r"\w+")


def words_in(text: str) -> list[str]:
    """Return the casefolded words of a text, in its order."""
    return _WORD.findall(text.casefold())
