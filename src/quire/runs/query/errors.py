"""What can be wrong with a query.

QueryError               something; says where, and the mend
 ├── QuerySyntaxError    it cannot be read
 ├── UnknownField        a field that nothing has
 ├── UnknownName         a named query that nobody saved, or that contains itself
 ├── WrongType           a value, unit or operator that does not fit its field
 ├── UnknownValue        a value that its field never has
 └── QueryTooLarge       beyond a limit
"""

from typing import ClassVar

from quire.errors import InputError

Place = int | str
"""Where: the column in a query's text, from 1; or a JSON Pointer into its JSON form."""

PARAMETER = "q"
"""The parameter that carries a query's text."""


class QueryError(InputError):
    """A query that cannot be asked.

    Attributes
    ----------
    column
        Where it stands in the text, from 1; None in the JSON form, whose `field` is a
        JSON Pointer.
    """

    code: ClassVar[str] = "invalid_query"

    def __init__(self, at: Place, reason: str, mend: str = "") -> None:
        self.at = at
        self.column = at if isinstance(at, int) else None
        self.bare_reason = reason
        if isinstance(at, int):
            super().__init__(PARAMETER, f"column {at}: {reason}", mend)
        else:
            super().__init__(at, reason, mend)

    def inside(self, name: str, at: Place) -> "QueryError":
        """Return the same, told of the named query that it stands in.

        Parameters
        ----------
        at
            Where the name was used.
        """
        return type(self)(at, f"in @{name}: {self.bare_reason}", self.mend)


class QuerySyntaxError(QueryError):
    """It cannot be read."""


class UnknownField(QueryError):
    """A field that nothing has."""


class UnknownName(QueryError):
    """A named query that nobody saved, or that contains itself."""


class WrongType(QueryError):
    """A value, unit or operator that does not fit its field."""


class UnknownValue(QueryError):
    """A value that its field never has."""


class QueryTooLarge(QueryError):
    """Beyond a limit."""
