"""What a route says of itself, for programs and people (OpenAPI 3.1)."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One that stands in the query.

    Attributes
    ----------
    type
        Of its value: ``int``, ``str``, an enumeration...
    many
        Whether it may be repeated.
    """

    says: str
    type: Any = str
    many: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What one method of a path takes and gives.

    Attributes
    ----------
    summary
        One line; that of the handler's docstring if empty.
    query
        Parameters by their names.
    body
        The record that is sent, None for none.
    body_types
        Media types that are read.
    answers
        By status what is answered: a record, ``dict`` for an object that is not
        described further, or None for an empty answer.
    answer_types
        Media types of those answers.
    """

    summary: str = ""
    query: Mapping[str, Parameter] = {}
    body: Any = None
    body_types: tuple[str, ...] = ("application/json",)
    answers: Mapping[int, Any] = msgspec.field(default_factory=lambda: {200: dict})
    answer_types: tuple[str, ...] = ("application/json",)


def summarised(operation: Operation | None, docstring: str | None) -> Operation:
    """Return an operation with a summary."""
    operation = operation or Operation()
    if operation.summary:
        return operation
    first = (docstring or "").strip().partition("\n")[0]
    return msgspec.structs.replace(operation, summary=first)
