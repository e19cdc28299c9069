"""Checked queries as trees of conditions.

What a condition says of a run is one of true, false and unknown, as in SQL. It is
unknown where the run has no value of the field that the condition could be about: none
at all, or none of the type of its literal (a number for a number, a string for a
string, a boolean for a boolean; 1 and 1.0 are equal, true is no number). `Not` leaves
unknown unknown, `And` and `Or` are SQL's, and a search returns the runs of which its
tree is true. So ``not energy > 6`` finds no run without an energy; ``missing(energy)``
does. `Exists`, `Missing` and `Text` are never unknown, and neither is any condition on
what is added to runs (flags, findings, comments, ...): see
`quire.runs.searchable.is_added`.

A field with several values (a list, or a member of objects in a list) satisfies a
condition if any of its values of the literal's type does. `Compare` with ``!=`` is the
negation of ``=``: true if none does.
"""

from enum import StrEnum

import msgspec

Literal = str | int | float | bool
"""A value of a query. Times are Unix seconds."""


class Operator(StrEnum):
    """How a field is compared with a literal."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


class Node(msgspec.Struct, frozen=True, kw_only=True, tag_field="is"):
    """Any part of a tree."""


class Compare(Node, frozen=True, kw_only=True, tag="compare"):
    """A field compared with a literal; strings compare by code points."""

    field: str
    operator: Operator
    value: Literal


class OneOf(Node, frozen=True, kw_only=True, tag="one_of"):
    """A field that equals any of some literals."""

    field: str
    values: tuple[Literal, ...]


class Between(Node, frozen=True, kw_only=True, tag="between"):
    """A field between two literals of one type, both included."""

    field: str
    low: Literal
    high: Literal


class Glob(Node, frozen=True, kw_only=True, tag="glob"):
    """A string that matches a pattern as a whole.

    Attributes
    ----------
    pattern
        ``*`` is any text, ``?`` any character; all else, ``[`` too, is itself. Case
        counts.
    """

    field: str
    pattern: str


class Exists(Node, frozen=True, kw_only=True, tag="exists"):
    """The run has a value of the field."""

    field: str


class Missing(Node, frozen=True, kw_only=True, tag="missing"):
    """The run has no value of the field."""

    field: str


class Text(Node, frozen=True, kw_only=True, tag="text"):
    """All of these casefolded words occur in the run's text, in any order."""

    words: tuple[str, ...]


class Not(Node, frozen=True, kw_only=True, tag="not"):
    """The part is false."""

    part: "Tree"


class And(Node, frozen=True, kw_only=True, tag="and"):
    """All parts are true; so it is without parts."""

    parts: tuple["Tree", ...]


class Or(Node, frozen=True, kw_only=True, tag="or"):
    """A part is true; false without parts."""

    parts: tuple["Tree", ...]


Tree = Compare | OneOf | Between | Glob | Exists | Missing | Text | Not | And | Or
