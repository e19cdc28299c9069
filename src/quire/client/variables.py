"""What xarray takes for the variables of a projection."""

from collections.abc import Mapping
from typing import Any

from quire.client.columns import to_array
from quire.client.tables import as_variable, attributes
from quire.products.projection.contents import Variable


def variable(about: Variable, column: Any, along: str) -> Any:
    """Return a column of a projection as an ``xarray.Variable``."""
    values = to_array(column, about.encoding)
    own = [f"{about.key}_dim_{axis}" for axis in range(values.ndim - 1)]
    told = told_of(about.units, about.attributes)
    return as_variable((along, *own), values, told)


def alone(value: Any) -> Any:
    """Return a value without dimensions, whatever it is."""
    import numpy as np

    if not isinstance(value, list) and not hasattr(value, "shape"):
        return value
    held = np.empty((), dtype=object)
    held[()] = np.asarray(value)
    return held


def told_of(units: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a variable."""
    return {**({"units": units} if units else {}), **attributes(more)}
