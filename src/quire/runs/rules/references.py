"""Rules on what documents refer to."""

from collections.abc import Iterator

from quire.runs.run import Finding, Run


def unknown_references(run: Run) -> Iterator[Finding]:
    """Tell what is referred to and has not come (event-model, `RunRouter`, `Filler`).

    A datum of an event, a resource of a datum, a `stream_resource` of a
    `stream_datum`, a descriptor of a row of `bulk_events`.
    """
    missing = dict(run.awaited) | dict.fromkeys(run.unplaced, "descriptor")
    for stream in run.streams.values():
        for uid in stream.assets:
            if uid not in run.stream_resources:
                missing[uid] = "stream_resource"
    for uid, name in missing.items():
        message = f"this {name} is referred to, but has not come"
        yield Finding(rule="unknown_reference", uid=uid, message=message)
