"""What documents say of data that lies in files (event-model, "External Assets")."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from quire.documents.document import Document
from quire.documents.identity import row, rows
from quire.documents.names import DocumentName as Name
from quire.runs.values import as_integer

NAMES = frozenset(
    {
        Name.RESOURCE,
        Name.DATUM,
        Name.DATUM_PAGE,
        Name.BULK_DATUM,
        Name.STREAM_RESOURCE,
        Name.STREAM_DATUM,
    }
)
"""The documents that are wanted here."""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """Files that one document names.

    Attributes
    ----------
    document
        ``resource`` or ``stream_resource``.
    format
        Its spec, or its media type.
    location
        Its uri, or its path below the root.
    root
        Of a resource; empty for a uri.
    windows
        Whether root and path are written as on Windows.
    parameters
        Its `resource_kwargs`, or its parameters.
    """

    document: str
    uid: str
    format: str
    location: str
    root: str = ""
    windows: bool = False
    parameters: dict[str, Any] = {}


class Datum(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a resource.

    Attributes
    ----------
    asset
        uid of the resource.
    """

    asset: str
    arguments: dict[str, Any]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a stream whose data lie behind each other.

    Attributes
    ----------
    asset
        uid of the stream_resource.
    seq_num, index
        Of the first row: its sequence number, and its place in the files.
    """

    uid: str
    asset: str
    seq_num: int
    index: int
    count: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the documents of a run say of data in files.

    Attributes
    ----------
    assets
        By uid.
    datums
        By datum_id.
    keys
        Data key of each stream_resource, by its uid.
    spans
        By the uid of the stream_datum; with that of its descriptor.
    """

    assets: dict[str, Asset] = {}
    datums: dict[str, Datum] = {}
    keys: dict[str, str] = {}
    spans: dict[str, tuple[str, Span]] = {}


class External(msgspec.Struct, frozen=True, kw_only=True):
    """The data of one stream that lies in files.

    Attributes
    ----------
    assets
        By uid.
    datums
        By datum_id; those of the whole run.
    spans
        By data key.
    """

    assets: dict[str, Asset] = {}
    datums: dict[str, Datum] = {}
    spans: dict[str, tuple[Span, ...]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the rows of a column lie, by sequence number; NumPy int64 arrays.

    Attributes
    ----------
    assets
        The uids that `which` counts.
    which
        The asset of each row, -1 where none is known.
    begin, end
        In frames of the asset, half-open; an end of -1 is its last. Of a stream not
        yet in frames but in rows: how many frames a row has only the file tells.
    """

    assets: Sequence[str]
    seq_num: Any
    which: Any
    begin: Any
    end: Any


def told_by(documents: Iterable[Document], before: Told | None = None) -> Told:
    """Return what documents of a run say of data in files.

    Parameters
    ----------
    documents
        In any order; those of other names are passed over.
    before
        What others said of it.
    """
    before = before or Told()
    assets, datums = dict(before.assets), dict(before.datums)
    keys, spans = dict(before.keys), dict(before.spans)
    for document in documents:
        body = document.body
        match document.name:
            case Name.RESOURCE:
                assets[body["uid"]] = _resource(body)
            case Name.STREAM_RESOURCE:
                assets[body["uid"]] = _stream_resource(body)
                keys[body["uid"]] = body["data_key"]
            case Name.STREAM_DATUM:
                spans[body["uid"]] = body["descriptor"], _span(body)
            case Name.DATUM | Name.DATUM_PAGE | Name.BULK_DATUM:
                datums.update(_datums(document))
    return Told(assets=assets, datums=datums, keys=keys, spans=spans)


def external_of(told: Told, descriptors: Collection[str]) -> External:
    """Return the external data of one stream.

    Parameters
    ----------
    descriptors
        The uids of the stream's descriptors.
    """
    found: dict[str, list[Span]] = {}
    for descriptor, span in told.spans.values():
        wanted = descriptor in descriptors and span.asset in told.keys
        if wanted and span.count > 0:
            found.setdefault(told.keys[span.asset], []).append(span)
    ordered = {key: tuple(sorted(each, key=_rank)) for key, each in found.items()}
    return External(assets=told.assets, datums=told.datums, spans=ordered)


def places_of_spans(spans: Sequence[Span]) -> Places:
    """Return where the rows of a stream's data key lie; `begin` and `end` count rows.

    Where several spans hold a sequence number, as after a rewind, the row farthest on
    in its files counts, then that of the span with the greatest uid.
    """
    import numpy as np

    assets = sorted({span.asset for span in spans})
    numbers = {uid: number for number, uid in enumerate(assets)}
    told = np.array(
        [(span.seq_num, span.index, numbers[span.asset]) for span in spans], np.int64
    ).reshape(-1, 3)
    counts = np.array([span.count for span in spans], np.int64)
    first = np.cumsum(counts) - counts
    within = np.arange(counts.sum()) - np.repeat(first, counts)
    seq_num = np.repeat(told[:, 0], counts) + within
    index = np.repeat(told[:, 1], counts) + within
    which = np.repeat(told[:, 2], counts)
    order = np.lexsort((index, seq_num))  # stable: of equals the last span counts
    ordered = seq_num[order]
    last = np.ones(len(ordered), bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    order = order[last]
    return Places(
        assets=assets,
        seq_num=seq_num[order],
        which=which[order],
        begin=index[order],
        end=index[order] + 1,
    )


def counted_on(places: Places) -> dict[int, int] | None:
    """Return where the rows of each asset begin, if each begins where another ended.

    In the order of their rows, the first of them at 0; None if that is not so, or if
    there is but one.

    Parameters
    ----------
    places
        Of `places_of_spans`.
    """
    import numpy as np

    begins = np.full(len(places.assets), np.iinfo(np.int64).max)
    ends = np.zeros(len(places.assets), np.int64)
    np.minimum.at(begins, places.which, places.begin)
    np.maximum.at(ends, places.which, places.end)
    order = [at for at in np.argsort(begins).tolist() if ends[at]]
    begins, ends = begins[order], ends[order]
    if len(order) == 1 or begins[0] or (begins[1:] != ends[:-1]).any():
        return None
    return dict(zip(order, begins.tolist(), strict=True))


def rows_of(spans: Iterable[Span]) -> int:
    """Return how many rows the spans hold together."""
    return sum(span.count for span in spans)


def row_shape(
    declared: Sequence[int | None] | None,
    frame: tuple[int, ...],
    frames: int | None,
) -> tuple[int, tuple[int, ...]]:
    """Return how many frames a row has, and its shape.

    The declared shape is kept where it fits what the file holds, but for axes of
    length one; else the file is right. ``[1]`` is a scalar.

    Parameters
    ----------
    declared
        Shape in the data key; None for unknown.
    frame
        Shape of one frame in the file.
    frames
        Frames a row as the asset itself says; None where it says nothing.
    """
    bare = _bare(frame)
    shape = None
    if declared is not None and all(isinstance(size, int) for size in declared):
        shape = tuple(size for size in declared if size is not None)
        shape = () if shape == (1,) else shape
    if frames is None:
        frames = 1
        squeezed = _bare(shape or ())
        if len(squeezed) == len(bare) + 1 and squeezed[1:] == bare:
            frames = squeezed[0] or 1
    whole = frame if frames == 1 else (frames, *frame)
    if shape is not None and _bare(shape) == _bare(whole):
        return frames, shape
    return frames, () if whole == (1,) else whole


def _bare(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _resource(body: Mapping[str, Any]) -> Asset:
    return Asset(
        document="resource",
        uid=body["uid"],
        format=body["spec"],
        location=body["resource_path"],
        root=body["root"],
        windows=body.get("path_semantics") == "windows",
        parameters=body["resource_kwargs"],
    )


def _stream_resource(body: Mapping[str, Any]) -> Asset:
    return Asset(
        document="stream_resource",
        uid=body["uid"],
        format=body["mimetype"],
        location=body["uri"],
        parameters=body["parameters"],
    )


def _span(body: Mapping[str, Any]) -> Span:
    """Return a span; without rows where it holds what is no number of a row."""
    ends = [
        as_integer(body[name][end])
        for name in ("seq_nums", "indices")
        for end in ("start", "stop")
    ]
    seq_num, seq_end, index, index_end = (-1 if end is None else end for end in ends)
    count = min(seq_end - seq_num, index_end - index)
    return Span(
        uid=body["uid"],
        asset=body["stream_resource"],
        seq_num=seq_num,
        index=index,
        count=max(0, count) if index >= 0 and None not in ends else 0,
    )


def _datums(document: Document) -> Iterable[tuple[str, Datum]]:
    for place in range(rows(document)):
        one = row(document, place)
        if "datum_id" in one:
            arguments = one.get("datum_kwargs", {})
            yield one["datum_id"], Datum(asset=one["resource"], arguments=arguments)


def _rank(span: Span) -> str:
    return span.uid
