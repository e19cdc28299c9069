"""Terms: what an inverted index knows a run by, before they are hashed.

A term is ``path=value``, a path alone (the run has the field), or a word. A store
keeps short hashes of them, for a search looks at each hit again: one that two terms
share costs a look, never a wrong answer.
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from quire.runs.searchable import GROWING, UNIQUE, Scalar, Searchable


def terms_of(found: Searchable) -> Iterator[str]:
    """Yield the terms of a run, some of them twice."""
    for path, values in found.leaves.items():
        yield f"{path}?"
        if path not in UNIQUE and path not in GROWING:
            for value in values:
                # As `value_term`: nearly all are texts, and calls cost more than they.
                text = isinstance(value, str)
                yield f'{path}="{value}' if text else value_term(path, value)
    for word in found.words():
        yield word_term(word)


def value_term(path: str, value: Scalar) -> str:
    """Return the term of a field that has a value; 1 and 1.0 have the same."""
    if isinstance(value, str):
        return f'{path}="{value}'
    if isinstance(value, bool):
        return f"{path}={'true' if value else 'false'}"
    whole = int(value)
    return f"{path}={whole if whole == value else value!r}"


def field_term(path: str) -> str:
    """Return the term of a run that has a field."""
    return f"{path}?"


def word_term(word: str) -> str:
    """Return the term of a casefolded word."""
    return f" {word}"


# Most terms come again and again: names of fields, plans, words. Those that do not,
# some ten a run, soon go.
REMEMBERED = 16_384


@lru_cache(maxsize=REMEMBERED)
def hashed(term: str) -> bytes:
    """Return the 8 bytes that a term is kept as."""
    return digest(term)


def digest(term: str) -> bytes:
    """Return the same, worked out anew."""
    encoded = term.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=8).digest()
