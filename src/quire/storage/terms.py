"""Terms: what an inverted index knows a run by, before they are hashed.

A term is ``path=value``, a path alone (the run has the field), or a word. A store
keeps short hashes of them, for a search looks at each hit again: one that two terms
share costs a look, never a wrong answer.
"""

import hashlib
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Generic, TypeVar

from quire.runs.leaves import Scalar
from quire.runs.searchable import GROWING, UNIQUE, Searchable, words_of

# Most terms come again and again: names of fields, plans, words. Those that do not,
# some ten a run, soon go.
_REMEMBERED = 16_384
# So do the names of the fields of a run, taken together, and whole texts; those of more
# fields or characters than this are not kept.
_REMEMBERED_TOGETHER = 1024
_SHORT = 100

H = TypeVar("H", bound=Hashable)


class Terms(Generic[H]):
    """The terms of runs as a store keeps them.

    Parameters
    ----------
    hashed
        Makes what is kept of a term.
    """

    def __init__(self, hashed: Callable[[str], H]) -> None:
        self.hashed = lru_cache(maxsize=_REMEMBERED)(hashed)
        together = lru_cache(maxsize=_REMEMBERED_TOGETHER)
        self._of_fields = together(self._hash_fields)
        self._of_words = together(self._hash_words)

    def of(self, found: Searchable) -> set[H]:
        """Return the terms of a run."""
        paths = tuple(found.leaves)
        short = len(paths) <= _SHORT
        terms = set(self._of_fields(paths) if short else self._hash_fields(paths))
        for path, values in found.leaves.items():
            if path in UNIQUE:
                continue
            for value in values:
                if isinstance(value, str):
                    short = len(value) <= _SHORT
                    terms |= self._of_words(value) if short else self._hash_words(value)
                    term = f'{path}="{value}'  # as `value_term`, for less
                else:
                    term = value_term(path, value)
                if path not in GROWING:
                    terms.add(self.hashed(term))
        return terms

    def _hash_fields(self, paths: tuple[str, ...]) -> frozenset[H]:
        return frozenset([self.hashed(field_term(path)) for path in paths])

    def _hash_words(self, text: str) -> frozenset[H]:
        return frozenset([self.hashed(word_term(word)) for word in words_of(text)])


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


def digest(term: str) -> bytes:
    """Return the 8 bytes that stand for a term."""
    encoded = term.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=8).digest()
