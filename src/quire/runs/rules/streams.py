"""Rules on the descriptors of a stream, and on its external data."""

from collections.abc import Iterator
from itertools import islice

from quire.runs.intervals import Intervals, shown, union
from quire.runs.run import Finding, Run, Stream

# A stream may have thousands of each: findings are listed, not counted.
_MOST_DESCRIPTORS, _MOST_KEYS = 200, 10


def descriptors_differ(run: Run) -> Iterator[Finding]:
    """Tell of a stream's descriptors with other data keys (`ComposeDescriptor`)."""
    for name, stream in run.streams.items():
        every = len(stream.data_keys)
        differ = (
            uid for uid in stream.descriptors if len(run.declared.get(uid, {})) < every
        )
        for uid in islice(differ, _MOST_DESCRIPTORS):
            declared = run.declared.get(uid, {})
            lacking = [key for key in stream.data_keys if key not in declared]
            keys = ", ".join(map(repr, lacking[:_MOST_KEYS]))
            more = ", …" if len(lacking) > _MOST_KEYS else ""
            message = f"other descriptors of {name!r} also declare {keys}{more}"
            yield Finding(rule="descriptors", uid=uid, message=message)


def types_change(run: Run) -> Iterator[Finding]:
    """Tell where a data key's dtype changes between descriptors of a stream.

    Views need one type a column; nobody enforces it.
    """
    for name, stream in run.streams.items():
        types: dict[str, set[str]] = {}
        for uid in stream.descriptors if len(stream.descriptors) > 1 else ():
            for key, declared in run.declared.get(uid, {}).items():
                types.setdefault(key, set()).add(declared.dtype)
        for key, several in types.items():
            if len(several) > 1:
                told = " and ".join(sorted(several))
                message = f"{key!r} of {name!r} is declared {told}"
                uid = min(stream.descriptors)
                yield Finding(rule="type_change", uid=uid, message=message)


def streamed_elsewhere(run: Run) -> Iterator[Finding]:
    """Tell of a `stream_resource` of a key not declared ``STREAM:`` (bundlers.py)."""
    for name, stream in run.streams.items():
        streamed = _streamed(run, stream)
        for uid in stream.assets:
            key = run.stream_resources.get(uid)
            if key is not None and key not in streamed:
                message = f"{name!r} declares no data key {key!r} that is in a stream"
                yield Finding(rule="stream_data_key", uid=uid, message=message)


def uneven_coverage(run: Run) -> Iterator[Finding]:
    """Tell where streamed keys cover unequal rows: a collect's widths are equal.

    Source: bluesky, ``bundlers.py``.
    """
    for name, stream in run.streams.items():
        covered: dict[str, Intervals] = dict.fromkeys(_streamed(run, stream), ())
        for uid, intervals in stream.assets.items():
            key = run.stream_resources.get(uid)
            if key is not None:
                covered[key] = union(covered.get(key, ()), intervals)
        if len(set(covered.values())) > 1:
            each = "; ".join(
                f"{key!r} {shown(covered[key]) or 'none'}" for key in sorted(covered)
            )
            message = f"rows with external data differ in {name!r}: {each}"
            uid = min(stream.descriptors)
            yield Finding(rule="uneven_stream", uid=uid, message=message)


def _streamed(run: Run, stream: Stream) -> set[str]:
    return {
        key
        for uid in stream.descriptors
        for key, declared in run.declared.get(uid, {}).items()
        if declared.streamed
    }
