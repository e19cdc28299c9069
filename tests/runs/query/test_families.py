"""Names of whole families: no field, though a list of fields shows them."""

import pytest

from quire.runs.query.errors import UnknownField
from quire.runs.query.registry import FieldRegistry

FIELDS = FieldRegistry()
FAMILIES = [field.name for field in FIELDS if field.is_family]


def test_there_are_families() -> None:
    assert {"flag.*", "detectors.*"} <= set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_no_field_of_its_own(name: str) -> None:
    if name in ("start.*", "stop.*"):  # of which any key may be, `*` too
        assert FIELDS.field(name, "field").path == name
        return
    with pytest.raises(UnknownField, match="stands for many") as refused:
        FIELDS.field(name, "fields")
    assert refused.value.mend == f"name one: {name[:-1]}NAME"
    assert FIELDS.field(f"{name[:-1]}x", "field").path == f"{name[:-1]}x"
