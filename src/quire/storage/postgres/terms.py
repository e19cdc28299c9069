"""Terms as PostgreSQL's inverted index has them: 64-bit integers."""

from collections.abc import Iterable

from quire.runs.searchable import Searchable
from quire.storage.terms import Terms, digest


def _number(term: str) -> int:
    return int.from_bytes(digest(term), "big", signed=True)


_TERMS = Terms(_number)


def term_numbers(found: Searchable) -> list[int]:
    """Return the terms of a run, sorted, none of them twice."""
    return sorted(_TERMS.of(found))


def numbers(terms: Iterable[str]) -> list[int]:
    """Return the numbers of terms, sorted."""
    return sorted(map(_TERMS.hashed, terms))
