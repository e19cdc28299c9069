"""Rules on the keys of events."""

from collections.abc import Iterable, Iterator, Mapping

from quire.runs.run import DataKey, Finding

Declared = Mapping[str, DataKey]


def data_keys_differ(
    descriptor: str, declared: Declared, data: Iterable[str]
) -> Iterator[Finding]:
    """Tell where data keys are not the descriptor's (event-model, `ComposeEvent`)."""
    found = frozenset(data)
    for key, data_key in declared.items():
        if key not in found and not data_key.streamed:
            message = f"an event lacks the data key {key!r}"
            yield Finding(rule="data_keys", uid=descriptor, message=message)
    if not found <= declared.keys():
        message = "an event has a data key that the descriptor does not declare"
        yield Finding(rule="data_keys", uid=descriptor, message=message)


def streamed_data(
    descriptor: str, declared: Declared, data: Iterable[str]
) -> Iterator[Finding]:
    """Tell of ``STREAM:`` data in an event (bluesky, ``bundlers.py``)."""
    for key in data:
        if key in declared and declared[key].streamed:
            message = f"an event holds {key!r}, which is declared external in a stream"
            yield Finding(rule="streamed_data", uid=descriptor, message=message)


def timestamps_differ(descriptor: str) -> Finding:
    """Tell that timestamps have other keys than data (event-model, `ComposeEvent`)."""
    message = "an event's timestamps have other keys than its data"
    return Finding(rule="unequal_keys", uid=descriptor, message=message)


def filled_differ(descriptor: str) -> Finding:
    """Tell that `filled` has a key that data lacks (event-model, `ComposeEvent`)."""
    message = "an event's filled has a key that its data lacks"
    return Finding(rule="filled_keys", uid=descriptor, message=message)
