"""What a NeXus file draws by default (NeXus manual, "Find the plottable data")."""

from collections.abc import Sequence
from typing import Any


def link(dataset: Any, group: Any, name: str) -> None:
    """Have a dataset stand in another group, too (NeXus manual, "Links").

    Its attribute `target` says where it stood first.
    """
    first = dataset.attrs.get("target", dataset.name)
    group[name] = dataset
    dataset.attrs["target"] = first


def mark_plot(file: Any, entry: str, signal: str, axes: Sequence[str]) -> None:
    """Say of an open file what is drawn over what; both become links where needed.

    Parameters
    ----------
    entry
        Name of the NXentry, where a group for the plot is made if the signal stands in
        none of class NXdata.
    signal, axes
        Paths of datasets along the same rows, without a slash at the beginning.
    """
    if signal not in file:
        return
    drawn = file[signal]
    group, name = drawn.parent, signal.rpartition("/")[2]
    if group.attrs["NX_class"] != "NXdata":
        group = _new_group(file[entry])
        link(drawn, group, name)
    over = _axes(file, group, axes)
    group.attrs["signal"] = name
    if over:
        # Those that move together share the one dimension of the events.
        group.attrs["axes"] = [over[0]] + ["."] * (drawn.ndim - 1)
    for own in over:
        group.attrs[f"{own}_indices"] = [0]
    mark_default(group)


def mark_default(group: Any) -> None:
    """Have `default` lead to a group, where nobody has said that it leads elsewhere."""
    while group.name != "/":
        group.parent.attrs.setdefault("default", group.name.rpartition("/")[2])
        group = group.parent


def _new_group(entry: Any) -> Any:
    free = next(one for one in ("data", "plot", "plot_") if one not in entry)
    group = entry.create_group(free)
    group.attrs["NX_class"] = "NXdata"
    return group


def _axes(file: Any, group: Any, axes: Sequence[str]) -> list[str]:
    """Return the names that axes have in a group, linked there where they are not."""
    found = []
    for axis in axes:
        own = axis.rpartition("/")[2]
        if own not in group:
            link(file[axis], group, own)
        if group[own] == file[axis]:
            found.append(own)
    return found
