"""What entries come to, before any data is read."""

import pyarrow as pa
import pytest

from quire.products.projection.facts import RunFacts, StreamFacts
from quire.products.projection.readymade import generic
from quire.products.projection.resolving import Linked, resolve


def _facts(*units: str | None) -> RunFacts:
    """Return a run of one stream, with a descriptor for each of the units."""
    descriptors = tuple(
        {"uid": str(number), "data_keys": {"x": {"units": one} if one else {}}}
        for number, one in enumerate(units)
    )
    columns = {"x": pa.field("x", pa.float64())}
    stream = StreamFacts(name="primary", columns=columns, descriptors=descriptors)
    return RunFacts(uid="u", start={}, streams={"primary": stream})


@pytest.mark.parametrize(
    ("units", "told"),
    [(("mm", "mm"), "mm"), ((None, "mm"), "mm"), ((None,), ""), (("mm", "m"), "")],
)
def test_units_on_which_descriptors_do_not_agree_are_not_told(
    units: tuple[str | None, ...], told: str
) -> None:
    facts = _facts(*units)
    resolved = resolve([generic(facts)], facts, {})
    made = resolved.made["/entry/data/x"]
    assert isinstance(made, Linked)
    assert made.variable.units == told
    note = resolved.outcomes["/entry/data/x"].note
    assert ("'mm', 'm'" in note) == (units == ("mm", "m"))
