"""Fields that a query may name: what they hold, in which unit, and what they mean."""

from enum import StrEnum

import msgspec

from quire.runs.query.tree import Literal


class FieldType(StrEnum):
    """What a field holds, and so what it may be compared with.

    OPEN is for keys of documents that nobody declared: the literal decides, a number
    finds numbers and a string strings.
    """

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    OPEN = "open"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field, or with ``*`` at its end a family of them.

    Attributes
    ----------
    name
        As queries write it, such as ``sample.name`` or ``flag.*``.
    path
        Canonical path of its values in `quire.runs.searchable.Searchable.leaves`; of a
        family with ``*`` at its end too.
    unit
        Of its values, empty for none. A TIME is in Unix seconds.
    choices
        All values that it may have; empty for any.
    aliases
        Other names of the same.
    """

    name: str
    path: str
    type: FieldType = FieldType.OPEN
    unit: str = ""
    description: str = ""
    choices: tuple[Literal, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def is_family(self) -> bool:
        """Whether it stands for all fields of a beginning."""
        return self.name.endswith("*")

    def member(self, name: str) -> "Field":
        """Return the one field of a family that has a name."""
        tail = name[len(self.name) - 1 :]
        return msgspec.structs.replace(self, name=name, path=self.path[:-1] + tail)


class FieldDeclaration(msgspec.Struct, frozen=True, kw_only=True):
    """A field that a facility declares in its configuration.

    Attributes
    ----------
    name
        As queries write it: plain words joined by dots, ``*`` for the last of them
        declares a family.
    type
        What it holds; of a built-in field it cannot be changed.
    unit
        Of the stored values: a unit in a query is converted to it.
    choices
        The closed list of its values, if it is closed.
    path
        Where its values stand, if not in the start document under the same name:
        ``stop.quality``, ``start.scan.energy``.
    """

    name: str
    type: FieldType
    unit: str = ""
    description: str = ""
    choices: tuple[Literal, ...] = ()
    path: str = ""
