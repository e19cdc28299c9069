"""What the texts of searches bind: values, never text of anybody's."""

import math
from collections.abc import Sequence
from typing import Any

from quire.runs.query.tree import Literal


class Bindings:
    """Gathers values to be bound, each under a name of its own.

    Attributes
    ----------
    values
        By name, as psycopg binds them.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, value: Any, kind: str) -> str:
        """Return the placeholder of a value of one of PostgreSQL's types."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"%({name})s::{kind}"

    def literal(self, value: Literal) -> str:
        """Return the placeholder of a query's literal."""
        match value:
            case bool():
                return self.add(value, "boolean")
            case str():
                return self.add(value, "text")
            case float() | int():
                return self.add(exact(value), "numeric")

    def literals(self, values: Sequence[Literal]) -> str:
        """Return the placeholder of an array of literals that are of one type."""
        match values[0]:
            case bool():
                return self.add(list(values), "boolean[]")
            case str():
                return self.add(list(values), "text[]")
            case float() | int():
                numbers = [
                    exact(value) for value in values if not isinstance(value, str)
                ]
                return self.add(numbers, "numeric[]")


def exact(value: float) -> str:
    """Return a number as decimal digits that compare as the number does.

    A whole float is written as the integer that it equals: its shortest digits, which
    tell it from all other floats, may be those of another integer.
    """
    if math.isinf(value):
        return "1e400" if value > 0 else "-1e400"  # beyond any float
    if -(2**63) <= value < 2**63 and value == int(value):
        return str(int(value))
    return repr(value)
