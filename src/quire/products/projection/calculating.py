"""Calculated entries: the port of what calls functions, and the plain way."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from quire.products.projection.functions import BoundCall, Function, Works


class CalculationFailed(Exception):
    """A function failed, or took more than it may.

    Parameters
    ----------
    code
        ``callable_failed`` or ``limit_exceeded``.
    """

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class Calculator(Protocol):
    """Calls registered functions, block by block.

    Guarantees
    ----------
    A call that fails raises `CalculationFailed` and costs no other.
    """

    def begin(self, key: str, call: BoundCall) -> None:
        """Make ready for an entry."""
        ...

    def feed(self, key: str, operands: Sequence[Any]) -> Any:
        """Return the rows that a block gives; None where they come at the end.

        Parameters
        ----------
        operands
            NumPy arrays, a field each.
        """
        ...

    def end(self, key: str) -> Any:
        """Return what is left to say: a value, or rows, or None."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class DirectCalculator:
    """Calls functions in this process.

    Parameters
    ----------
    registry
        The functions by name.
    """

    def __init__(self, registry: Mapping[str, Function]) -> None:
        self._registry = registry
        self._calls: dict[str, tuple[Function, BoundCall]] = {}
        self._folds: dict[str, Any] = {}
        self._held: dict[str, list[list[Any]]] = {}

    def begin(self, key: str, call: BoundCall) -> None:
        """Make ready for an entry."""
        function = self._registry[call.function]
        self._calls[key] = function, call
        self._held[key] = []
        if function.works is Works.REDUCE:
            self._folds[key] = guarded(function, call.options)

    def feed(self, key: str, operands: Sequence[Any]) -> Any:
        """Return the rows that a block gives; None where they come at the end."""
        function, call = self._calls[key]
        match function.works:
            case Works.EACH:
                return _rows(function, call, operands)
            case Works.REDUCE:
                _failing(function, lambda: self._folds[key].feed(operands[0]))
            case Works.WHOLE:
                self._held[key].append(list(operands))
        return None

    def close(self) -> None:
        """Let go of everything."""
        self._folds.clear()
        self._held.clear()

    def end(self, key: str) -> Any:
        """Return what is left to say: a value, or rows, or None."""
        import numpy as np

        function, call = self._calls[key]
        match function.works:
            case Works.EACH:
                return None
            case Works.REDUCE:
                return _failing(function, self._folds[key].result)
        held = self._held.pop(key)
        whole = [np.concatenate(one) for one in zip(*held, strict=True)]
        return _rows(function, call, whole) if whole else None


def guarded(function: Function, options: Mapping[str, Any]) -> Any:
    """Return the fold that a function starts."""
    return _failing(function, lambda: function.call(**options))


def _rows(function: Function, call: BoundCall, operands: Sequence[Any]) -> Any:
    import numpy as np

    given: list[Any] = list(operands)
    for place, value in sorted(call.literals.items()):
        given.insert(place, value)
    found = _failing(
        function, lambda: np.asarray(function.call(*given, **call.options))
    )
    rows = len(operands[0])
    if found.dtype.kind not in "biuf" or found.ndim < 1 or len(found) != rows:
        reason = (
            f"{function.name} gave {found.dtype} of shape {found.shape} for {rows} rows"
        )
        raise CalculationFailed("callable_failed", reason)
    return found


def _failing(function: Function, act: Any) -> Any:
    try:
        return act()
    except CalculationFailed:
        raise
    except MemoryError:
        raise CalculationFailed(
            "limit_exceeded", f"{function.name} needs more memory than it may have"
        ) from None
    except Exception as problem:  # noqa: BLE001  # whatever the function does
        reason = f"{function.name}: {type(problem).__name__}: {problem}"
        raise CalculationFailed("callable_failed", reason[:500]) from None
