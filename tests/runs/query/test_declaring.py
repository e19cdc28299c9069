"""A facility's fields, as its configuration gives them."""

from typing import Any

import pytest

from quire.errors import InputError
from quire.runs.query.declaring import declared_fields


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({}, "is missing"),
        ({"type": "float"}, "'float'"),
        ({"type": ["number"]}, "none"),
    ],
)
def test_a_type_that_is_none_is_refused_with_those_that_are(
    table: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError) as refused:
        declared_fields({"energy": table})
    assert refused.value.field == "fields.energy.type"
    assert reason in refused.value.reason
    assert "string, integer, number" in refused.value.mend
