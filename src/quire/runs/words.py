"""The words of a text, alike for what is searched and for what it is searched by."""

import re
import unicodedata

_WORD = re.compile(r"\w+")


def words_in(text: str) -> list[str]:
    """Return the casefolded words of a text, in its order.

    Characters that are written in several ways (a letter with its accent or an accent
    behind it, a ligature, a full-width digit) are one: Unicode's form NFKC.
    """
    folded = text.casefold()
    if not folded.isascii():
        # What one sign stands for may have capitals again: that of degrees Celsius has.
        plain = unicodedata.normalize("NFKC", folded).casefold()
        folded = unicodedata.normalize("NFKC", plain)
    return _WORD.findall(folded)
