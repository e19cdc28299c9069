"""Terms: what the inverted index knows a run by.

A term is a short hash of ``path=value``, of a path alone (the run has the field), of a
word, or of an access list. Hashes are short because a search looks at each hit again:
one that two texts share costs a look, never a wrong answer.
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from quire.runs.searchable import GROWING, UNIQUE, Scalar, Searchable


def terms(found: Searchable, access: int) -> str:
    """Return the terms of a run, separated by spaces."""
    return " ".join({*_terms(found), access_term(access)})


def value_term(path: str, value: Scalar) -> str:
    """Return the term of a field that has a value; 1 and 1.0 have the same."""
    if isinstance(value, str):
        return _hashed(f'{path}="{value}')
    if isinstance(value, bool):
        return _hashed(f"{path}={'true' if value else 'false'}")
    whole = int(value)
    return _hashed(f"{path}={whole if whole == value else value!r}")


def field_term(path: str) -> str:
    """Return the term of a run that has a field."""
    return _hashed(f"{path}?")


def word_term(word: str) -> str:
    """Return the term of a casefolded word."""
    return _hashed(f" {word}")


def access_term(access: int) -> str:
    """Return the term of an access list."""
    return f"a{access}"


def _terms(found: Searchable) -> Iterator[str]:
    for path, values in found.leaves.items():
        yield field_term(path)
        if path not in UNIQUE and path not in GROWING:
            for value in values:
                yield value_term(path, value)
    for word in found.words():
        yield word_term(word)


# Most texts come again and again: names of fields, plans, words.
@lru_cache(maxsize=100_000)
def _hashed(text: str) -> str:
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=8).hexdigest()
