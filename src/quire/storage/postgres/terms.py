"""Terms as PostgreSQL's inverted index has them: 64-bit integers."""

from collections.abc import Iterable

from quire.runs.searchable import Searchable
from quire.storage.terms import hashed, terms_of


def term_numbers(found: Searchable) -> list[int]:
    """Return the terms of a run, sorted, none of them twice."""
    return numbers(set(terms_of(found)))


def numbers(terms: Iterable[str]) -> list[int]:
    """Return the numbers of terms, sorted."""
    return sorted(int.from_bytes(hashed(term), "big", signed=True) for term in terms)
