"""Files of one data key whose rows are counted on from one file to the next.

A stream_datum's `indices` are of its stream_resource (event-model; so does ophyd-async
count them), but bluesky-tiled-plugins lets those of a second resource go on where the
first one ended. Which of both is meant only the files tell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from quire.ports.asset_reader import AssetUnreadable, Frames
from quire.runs.columns.external import Asset, Places, counted_on

_MOST_OPEN = 16


def in_own_files(
    places: Places,
    known: Mapping[str, Asset],
    frames_a_row: int,
    open_file: Callable[[int], Frames],
) -> Places:
    """Return places, in rows, from the beginning of each one's own file; blocks.

    As they are, unless the first file that tells holds them only if they go on over
    all files.

    Parameters
    ----------
    known
        All assets by uid.
    """
    if not _are_apart([known.get(uid) for uid in places.assets]):
        return places
    starts = counted_on(places)
    if starts is None:
        return places
    ends = {number: int(places.end[places.which == number].max()) for number in starts}
    for number in list(starts)[1 : 1 + _MOST_OPEN]:
        start, end = starts[number], ends[number]
        try:
            frames = open_file(number)
        except AssetUnreadable:
            continue
        if _has(frames, end * frames_a_row):
            return places
        if _has(frames, (end - start) * frames_a_row):
            return _moved(places, starts)
    return places


def _are_apart(assets: Sequence[Asset | None]) -> bool:
    """Return whether they are several, each of files of its own.

    One file that grows may have the rows to come.
    """
    files = {
        (
            one.location,
            str(one.parameters.get("template")),
            str(one.parameters.get("filename")),
        )
        for one in assets
        if one is not None
    }
    return 1 < len(files) == len(assets)


def _has(frames: Frames, count: int) -> bool:
    """Return whether there are so many frames."""
    if frames.count is not None:
        return count <= frames.count
    try:
        frames.kind(count - 1)
    except AssetUnreadable:
        return False
    return True


def _moved(places: Places, starts: dict[int, int]) -> Places:
    import numpy as np

    back = np.zeros(len(places.assets), np.int64)
    back[list(starts)] = list(starts.values())
    moved = back[places.which]
    return replace(places, begin=places.begin - moved, end=places.end - moved)
