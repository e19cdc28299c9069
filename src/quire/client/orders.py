"""The orders in which runs can be had, as notebooks name them."""

from collections.abc import Iterable

_ORDERS = {
    (("time", -1),): "newest",
    (("time", 1),): "oldest",
    (("experiment", 1),): "number",
    (("experiment", 1), ("run", 1)): "number",
    (("experiment", -1),): "-number",
    (("experiment", -1), ("run", -1)): "-number",
}


def order_of(by: Iterable[tuple[str, int]]) -> str:
    """Return the server's name of an order.

    Parameters
    ----------
    by
        Pairs of a field and 1 or -1, the most significant first.

    Raises
    ------
    ValueError
        There is no such order.
    """
    asked = tuple((field.removeprefix("start."), way) for field, way in by)
    order = _ORDERS.get(asked)
    if order is None:
        shown = ", ".join(f"{'-' if way < 0 else ''}{field}" for field, way in asked)
        words = "runs are sorted by time, or by experiment and run in one direction"
        raise ValueError(f"{words}, not by {shown}")
    return order
