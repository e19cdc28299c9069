"""A facility's own fields, as its configuration gives them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from quire.errors import InputError
from quire.runs.query.fields import FieldDeclaration


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
    try:
        return msgspec.convert({"name": name, **table}, FieldDeclaration)
    except msgspec.ValidationError as error:
        raise InputError(f"fields.{name}", str(error)) from None
