"""A facility's own fields, as its configuration gives them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from quire.errors import InputError
from quire.runs.query.fields import FieldDeclaration, FieldType

_TYPES = tuple(each.value for each in FieldType)


def declared_fields(
    tables: Mapping[str, Mapping[str, Any]],
) -> tuple[FieldDeclaration, ...]:
    """Return the fields of ``[fields."NAME"]`` tables.

    Raises
    ------
    InputError
        One of them cannot be; names the setting.
    """
    return tuple(_declared(name, table) for name, table in tables.items())


def _declared(name: str, table: Mapping[str, Any]) -> FieldDeclaration:
    known = set(FieldDeclaration.__struct_fields__) - {"name"}
    for key in table:
        if key not in known:
            mend = "one of " + ", ".join(sorted(known))
            raise InputError(f"fields.{name}.{key}", "is no setting of a field", mend)
    if table.get("type") not in _TYPES:
        reason = "is missing" if "type" not in table else f"{table['type']!r} is none"
        raise InputError(f"fields.{name}.type", reason, f"one of {', '.join(_TYPES)}")
    try:
        return msgspec.convert({"name": name, **table}, FieldDeclaration)
    except msgspec.ValidationError as error:
        raise InputError(f"fields.{name}", str(error)) from None
