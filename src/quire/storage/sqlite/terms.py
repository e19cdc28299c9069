"""Terms as SQLite's full-text index has them: 16 hexadecimal digits each."""

from quire.runs.searchable import Scalar, Searchable
from quire.storage import terms as plain


def terms(found: Searchable, access: int) -> str:
    """Return the terms of a run, separated by spaces."""
    texts = {plain.hashed(term).hex() for term in plain.terms_of(found)}
    return " ".join({*texts, access_term(access)})


def value_term(path: str, value: Scalar) -> str:
    """Return the term of a field that has a value; 1 and 1.0 have the same."""
    return plain.hashed(plain.value_term(path, value)).hex()


def field_term(path: str) -> str:
    """Return the term of a run that has a field."""
    return plain.hashed(plain.field_term(path)).hex()


def word_term(word: str) -> str:
    """Return the term of a casefolded word."""
    return plain.hashed(plain.word_term(word)).hex()


def access_term(access: int) -> str:
    """Return the term of an access list."""
    return f"a{access}"
