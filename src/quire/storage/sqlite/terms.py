"""Terms as SQLite's full-text index has them: 16 hexadecimal digits each."""

from quire.runs.leaves import Scalar
from quire.runs.searchable import Searchable
from quire.storage import terms as plain

_TERMS = plain.Terms(lambda term: plain.digest(term).hex())


def terms(found: Searchable, access: int) -> str:
    """Return the terms of a run, separated by spaces."""
    return f"{terms_of(found)} {access_term(access)}"


def terms_of(found: Searchable) -> str:
    """Return the terms of a run but its access list's, separated by spaces."""
    return " ".join(_TERMS.of(found))


def value_term(path: str, value: Scalar) -> str:
    """Return the term of a field that has a value; 1 and 1.0 have the same."""
    return _TERMS.hashed(plain.value_term(path, value))


def field_term(path: str) -> str:
    """Return the term of a run that has a field."""
    return _TERMS.hashed(plain.field_term(path))


def word_term(word: str) -> str:
    """Return the term of a casefolded word."""
    return _TERMS.hashed(plain.word_term(word))


def access_term(access: int) -> str:
    """Return the term of an access list."""
    return f"a{access}"
