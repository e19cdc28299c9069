"""The functions that every Quire has: arithmetic, and statistics over events."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from quire.products.projection.functions import (
    Function,
    FunctionParameter,
    Works,
)

VERSION = "1"
_TWO = ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum")
_ONE = ("negative", "absolute", "sqrt", "square", "exp", "log", "log10", "log2")
_UNITS = {
    **dict.fromkeys(("add", "subtract", "maximum", "minimum"), "same"),
    **dict.fromkeys(("negative", "absolute"), "same"),
    "multiply": "product",
    "divide": "ratio",
}
_STATISTICS = {"mean": "same", "sum": "same", "min": "same", "max": "same"}
_STATISTICS |= {"std": "same", "var": "", "count": ""}


class Fold(Protocol):
    """Takes blocks of rows, then tells what they come to."""

    def feed(self, rows: Any) -> None:
        """Take a NumPy array, rows along its first axis."""
        ...

    def result(self) -> Any:
        """Return what all rows come to."""
        ...


def built_in() -> dict[str, Function]:
    """Return the functions by name: ``numpy:add`` ..., ``stats:mean`` ..."""
    a = FunctionParameter(name="a", required=True)
    b = FunctionParameter(name="b", required=True)
    found = [
        *(
            Function(
                name=f"numpy:{name}",
                call=_elementwise(name),
                version=VERSION,
                takes_input=False,
                parameters=(a, b),
                units=_UNITS.get(name, ""),
                description=f"numpy.{name} of two fields, or of a field and a number",
            )
            for name in _TWO
        ),
        *(
            Function(
                name=f"numpy:{name}",
                call=_elementwise(name),
                version=VERSION,
                units=_UNITS.get(name, ""),
                description=f"numpy.{name} of the entry's field",
            )
            for name in _ONE
        ),
        *(
            Function(
                name=f"stats:{name}",
                call=_folding(name),
                version=VERSION,
                works=Works.REDUCE,
                units=units,
                description=f"{name} over all events",
            )
            for name, units in _STATISTICS.items()
        ),
        *(
            Function(
                name=f"frame:{name}",
                call=partial(per_frame, name),
                version=VERSION,
                units=units,
                description=f"{name} over each event's own array",
            )
            for name, units in _STATISTICS.items()
        ),
    ]
    return {one.name: one for one in found}


def _elementwise(name: str) -> Callable[..., Any]:
    def call(*operands: Any) -> Any:
        import numpy as np

        # Inf and NaN are answers, as NumPy gives them.
        with np.errstate(all="ignore"):
            # One of our own names above, never one of a document.
            return getattr(np, name)(*_aligned(operands))

    return call


def _aligned(operands: tuple[Any, ...]) -> list[Any]:
    """Return operands with one axis for rows, a scalar an event beside arrays too."""
    import numpy as np

    depth = max(np.ndim(one) for one in operands)
    return [
        one.reshape(one.shape + (1,) * (depth - one.ndim))
        if isinstance(one, np.ndarray)
        else float(one)
        for one in operands
    ]


def _folding(name: str) -> Callable[..., Any]:
    return partial(_Statistics, name)


def per_frame(name: str, rows: Any) -> Any:
    """Return a statistic of each row over its own axes."""
    import numpy as np

    flat = rows.reshape(len(rows), -1)
    if name == "count":
        return np.full(len(rows), flat.shape[1], np.int64)
    table: dict[str, Any] = {
        "mean": np.mean,
        "sum": np.sum,
        "min": np.min,
        "max": np.max,
    }
    table |= {"std": np.std, "var": np.var}
    with np.errstate(all="ignore"):
        return table[name](flat, axis=1)


class _Statistics:
    """Count, sum, extremes and spread over rows (Chan, Golub and LeVeque, 1983)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self._total: Any = 0
        self._mean: Any = 0.0
        self._squares: Any = 0.0
        self._low: Any = None
        self._high: Any = None

    def feed(self, rows: Any) -> None:
        import numpy as np

        if not len(rows):
            return
        with np.errstate(all="ignore"):
            self._add(rows)

    def _add(self, rows: Any) -> None:
        import numpy as np

        count, mean = len(rows), rows.mean(axis=0, dtype=np.float64)
        if self._name in ("std", "var"):
            squares = ((rows - mean) ** 2).sum(axis=0)
            shift, both = mean - self._mean, self._count + count
            between = shift**2 * (self._count * count / both)
            self._squares = self._squares + squares + between
            self._mean = self._mean + shift * (count / both)
        self._count += count
        exact = None if self._name == "sum" else np.float64
        self._total = self._total + rows.sum(axis=0, dtype=exact)
        low, high = rows.min(axis=0), rows.max(axis=0)
        self._low = low if self._low is None else np.minimum(self._low, low)
        self._high = high if self._high is None else np.maximum(self._high, high)

    def result(self) -> Any:
        import numpy as np

        if self._name == "count":
            return np.int64(self._count)
        if not self._count:
            return np.float64(np.nan)
        found = {
            "sum": self._total,
            "min": self._low,
            "max": self._high,
            "mean": self._total / self._count,
            "var": self._squares / self._count,
            "std": np.sqrt(self._squares / self._count),
        }
        return found[self._name]
