"""Which fields there are, and which one a name means."""

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from quire.errors import InputError
from quire.runs.facility import GROUPS
from quire.runs.query.builtin_fields import builtin_fields
from quire.runs.query.errors import Place, UnknownField
from quire.runs.query.fields import Field, FieldDeclaration, FieldType
from quire.runs.query.nearness import OneSlipAway, nearest
from quire.runs.query.units import unit

_NAME = re.compile(r"[^\W\d]\w*(?:\.\w+)*(?:\.\w*\*)?")
_LONGEST = 500

Observed = Mapping[str, frozenset[FieldType]]
"""Canonical paths that runs have, with the types of their values."""


class FieldRegistry:
    """The declared fields, and what any other name means.

    Parameters
    ----------
    fields
        Declared ones; of two with one name the later counts.
    observed
        If given, all paths that runs have: a name of none of them is refused. If not,
        any key of a start document is taken for one that some run may have, unless it
        is one slip away from a declared field.
    """

    def __init__(
        self, fields: Iterable[Field] | None = None, observed: Observed | None = None
    ) -> None:
        given = builtin_fields() if fields is None else fields
        self._fields = {field.name: field for field in given}
        self._observed = observed
        single = [field for field in self._fields.values() if not field.is_family]
        self._by_name = {alias: field for field in single for alias in field.aliases}
        self._by_name |= {field.name: field for field in single}
        families = [field for field in self._fields.values() if field.is_family]
        families += [
            replace(field, name=alias) for field in families for alias in field.aliases
        ]
        self._families = sorted(families, key=lambda field: -len(field.name))
        self._slips = OneSlipAway(self._by_name)

    def __iter__(self) -> Iterator[Field]:
        """Yield the declared fields, families too."""
        return iter(self._fields.values())

    def declare(self, declarations: Iterable[FieldDeclaration]) -> "FieldRegistry":
        """Return a registry with a facility's own fields.

        Raises
        ------
        InputError
            For a name, unit or choice that cannot be, or a built-in field that would
            change its type.
        """
        own = [
            _declared(each, self._fields.get(each.name), self._family(each.name))
            for each in declarations
        ]
        return FieldRegistry([*self, *own], self._observed)

    def observe(self, observed: Observed | None) -> "FieldRegistry":
        """Return a registry that knows which paths runs have."""
        return FieldRegistry(self, observed)

    def types_of(self, field: Field) -> frozenset[FieldType] | None:
        """Return which types the values of an open field have, None if not known."""
        if self._observed is None or field.type is not FieldType.OPEN:
            return None
        return self._observed.get(field.path)

    def field(self, name: str, at: Place) -> Field:
        """Return the field that a name means.

        Raises
        ------
        UnknownField
            If it means none.
        """
        found = self._by_name.get(name)
        if found is not None:
            return found
        if len(name) > _LONGEST or "\0" in name:
            reason = (
                f"a field's name has at most {_LONGEST} characters, none of them NUL"
            )
            raise UnknownField(at, reason)
        family = self._family(name)
        if family is not None:
            if name == family.name and not name.startswith(_DOCUMENTS):
                reason = f"{name} stands for many fields"
                raise UnknownField(at, reason, f"name one: {name[:-1]}NAME")
            return self._seen(family.member(name), name, at)
        meant = self._slips.of(name)
        if meant is not None and not self._has_seen(f"start.{name}"):
            raise _unknown(name, meant, at)
        return self._seen(Field(name=name, path=f"start.{name}"), name, at)

    def _family(self, name: str) -> Field | None:
        fitting = (each for each in self._families if _belongs(name, each.name))
        return next(fitting, None)

    def _has_seen(self, path: str) -> bool:
        return self._observed is not None and path in self._observed

    def _seen(self, field: Field, name: str, at: Place) -> Field:
        if self._observed is None or field.type is not FieldType.OPEN:
            return field
        if field.path in self._observed:
            return field
        known = [*self._by_name, *self._observed]
        known += [path.removeprefix("start.") for path in self._observed]
        raise _unknown(name, nearest(name, known), at)


def _belongs(name: str, family: str) -> bool:
    return name.startswith(family[:-1]) and len(name) >= len(family)


def _unknown(name: str, meant: str | None, at: Place) -> UnknownField:
    shown = name if len(name) <= 80 else f"{name[:80]}..."  # noqa: PLR2004 - a line
    if meant is None:
        return UnknownField(at, f"unknown field {shown!r}", "no run has it")
    mend = "" if name.startswith(("start.", "stop.")) else f"; or write start.{shown}"
    return UnknownField(
        at, f"unknown field {shown!r}, did you mean {meant!r}?", f"write {meant}{mend}"
    )


def _declared(
    given: FieldDeclaration, built_in: Field | None, family: Field | None
) -> Field:
    name = given.name
    if not _NAME.fullmatch(name):
        raise InputError(f"fields.{name}", "is no name", "words joined by dots")
    if given.unit and unit(given.unit) is None:
        raise InputError(f"fields.{name}.unit", f"unknown unit {given.unit!r}")
    known = built_in or family
    if known is not None:
        _check_kind(given, known)
    usual = built_in.path if built_in else _own_path(name, family)
    path = given.path or usual
    _check_path(name, path, usual)
    wanted = _CHOICES.get(given.type)
    if given.choices and not (wanted and all(type(c) in wanted for c in given.choices)):
        reason = f"not all of them are of type {given.type.value}"
        raise InputError(f"fields.{name}.choices", reason)
    return Field(
        name=name,
        path=path,
        type=given.type,
        unit=given.unit or (known.unit if known else ""),
        description=given.description or (known.description if known else ""),
        choices=given.choices,
        aliases=built_in.aliases if built_in else _aliases(name, path),
    )


def _check_kind(given: FieldDeclaration, known: Field) -> None:
    if known.type not in (FieldType.OPEN, given.type):
        reason = f"{given.name} is built in and holds {known.type.value}"
        raise InputError(f"fields.{given.name}.type", reason, f'"{known.type.value}"')
    if known.unit and given.unit not in ("", known.unit):
        reason = f"{given.name} is built in and stands in {known.unit}"
        raise InputError(f"fields.{given.name}.unit", reason, f'"{known.unit}"')


def _check_path(name: str, path: str, usual: str) -> None:
    """Refuse a path that leads nowhere, or from what faces and the API go by."""
    setting = f"fields.{name}.path"
    if name.endswith("*") != path.endswith("*"):
        raise InputError(setting, "a family's path ends with *")
    if path == usual:
        return
    if not usual.startswith(_DOCUMENTS):
        reason = f"{name} is built in and taken from nowhere else"
        raise InputError(setting, reason, "leave it out, or declare another name")
    if not path.startswith((*_DOCUMENTS, *_FACILITY)):
        reason = f"{path[:80]!r} stands in no document"
        raise InputError(setting, reason, "such as start.scan.energy or stop.quality")


_DOCUMENTS = ("start.", "stop.")
_FACILITY = tuple(f"{group}." for group in GROUPS)
_CHOICES: Mapping[FieldType, tuple[type, ...]] = {
    FieldType.STRING: (str,),
    FieldType.INTEGER: (int,),
    FieldType.NUMBER: (int, float),
}


def _aliases(name: str, path: str) -> tuple[str, ...]:
    """Return how a key of the start may be named, too: it is the same field."""
    return (path,) if path == f"start.{name}" else ()


def _own_path(name: str, family: Field | None) -> str:
    if family is not None:
        return family.member(name).path
    return name if name in GROUPS else f"start.{name}"
