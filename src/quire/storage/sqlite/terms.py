"""Terms as SQLite's full-text index has them: 16 hexadecimal digits each."""

from functools import lru_cache

from quire.runs.searchable import Scalar, Searchable
from quire.storage import terms as plain


def terms(found: Searchable, access: int) -> str:
    """Return the terms of a run, separated by spaces."""
    return f"{terms_of(found)} {access_term(access)}"


def terms_of(found: Searchable) -> str:
    """Return the terms of a run but its access list's, separated by spaces."""
    return " ".join({*map(_digits, plain.terms_of(found))})


def value_term(path: str, value: Scalar) -> str:
    """Return the term of a field that has a value; 1 and 1.0 have the same."""
    return _digits(plain.value_term(path, value))


def field_term(path: str) -> str:
    """Return the term of a run that has a field."""
    return _digits(plain.field_term(path))


def word_term(word: str) -> str:
    """Return the term of a casefolded word."""
    return _digits(plain.word_term(word))


def access_term(access: int) -> str:
    """Return the term of an access list."""
    return f"a{access}"


# In place of `quire.storage.terms.hashed`: to write them costs as much.
@lru_cache(maxsize=plain.REMEMBERED)
def _digits(term: str) -> str:
    return plain.digest(term).hex()
