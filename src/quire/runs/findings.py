"""Rules that stored documents may break: kept and shown, never a refusal.

Each looks at documents in a way that does not depend on their order of arrival.
"""

from quire.documents.document import Document
from quire.documents.names import DocumentName as Name
from quire.runs.intervals import gaps
from quire.runs.run import Finding, Run


def ragged_page(document: Document) -> tuple[Finding, ...]:
    """Find a page whose columns differ in length (event-model, ``ComposeEventPage``)."""
    if document.name is not Name.EVENT_PAGE:
        return ()
    body = document.body
    columns = [body["uid"], body["seq_num"], body["time"]]
    columns += [*body["data"].values(), *body["timestamps"].values()]
    if len({len(column) for column in columns}) <= 1:
        return ()
    uid = str(next(iter(body["uid"]), ""))
    message = "an event page has columns of unequal length"
    return (Finding(rule="ragged_page", uid=uid, message=message),)


def unequal_keys(document: Document) -> tuple[Finding, ...]:
    """Find data and timestamps with other keys (event-model, ``ComposeEvent``)."""
    if document.name not in {Name.EVENT, Name.EVENT_PAGE}:
        return ()
    data, timestamps = document.body["data"], document.body["timestamps"]
    if data.keys() == timestamps.keys():
        return ()
    odd = ", ".join(sorted(data.keys() ^ timestamps.keys()))
    uid = document.body["uid"]
    message = f"data and timestamps differ in: {odd}"
    first = uid if isinstance(uid, str) else str(next(iter(uid), ""))
    return (Finding(rule="unequal_keys", uid=first, message=message),)


def sequence_gaps(run: Run) -> tuple[Finding, ...]:
    """Find what a stopped run lacks: seq_num counts from 1 in each stream."""
    if run.stop is None:
        return ()
    return tuple(
        Finding(
            rule="sequence_gap",
            uid=run.uid,
            message=f"stream {name!r} lacks seq_num {first} to {last}",
        )
        for name, stream in run.streams.items()
        for first, last in gaps(stream.seq_nums, start=1)
    )


def two_stops(run: Run, stops: int) -> tuple[Finding, ...]:
    """Find a second stop; the earliest is effective (bluesky issue 288)."""
    if stops < 2:  # noqa: PLR2004
        return ()
    message = f"{stops} stop documents; the earliest is effective"
    return (Finding(rule="two_stops", uid=run.uid, message=message),)
