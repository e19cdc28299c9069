"""Bulk documents, which event-model deprecates, as pages."""

from typing import Any

_COLUMNS = ("uid", "seq_num", "time")
_TABLES = ("data", "timestamps", "filled")
_NEEDED = frozenset({"descriptor", *_COLUMNS, "data", "timestamps"})
_BULK_DATUM = frozenset({"resource", "datum_ids", "datum_kwarg_list"})


def event_pages(bulk: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of a `bulk_events` document in pages, in their order.

    A page holds events of one descriptor with the same keys. There is none where
    anything in the document is no event.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for events in bulk.values():
        every: list[Any] = events if isinstance(events, list) else [None]
        for event in every:
            if not _is_event(event):
                return []
            kind = (event["descriptor"], *(_keys(event, name) for name in _TABLES))
            groups.setdefault(kind, []).append(event)
    return [_page(events) for events in groups.values()]


def datum_page(bulk: dict[str, Any]) -> dict[str, Any]:
    """Return a `bulk_datum` document as a page, empty if it cannot be one."""
    ids, kwargs = bulk.get("datum_ids"), bulk.get("datum_kwarg_list")
    if not isinstance(ids, list) or not isinstance(kwargs, list):
        return {}
    if not ids or len(ids) != len(kwargs) or bulk.keys() != _BULK_DATUM:
        return {}
    if not all(
        isinstance(one, dict) and one.keys() == kwargs[0].keys() for one in kwargs
    ):
        return {}
    return {
        "resource": bulk["resource"],
        "datum_id": ids,
        "datum_kwargs": {key: [one[key] for one in kwargs] for key in kwargs[0]},
    }


def _is_event(event: Any) -> bool:
    return (
        isinstance(event, dict)
        and _NEEDED <= event.keys() <= _NEEDED | {"filled"}
        and isinstance(event["descriptor"], str)
        and all(isinstance(event.get(name, {}), dict) for name in _TABLES)
        # Of a page the schema wants it; of a bulk it asks nothing.
        and all(isinstance(one, bool | str) for one in event.get("filled", {}).values())
    )


def _keys(event: dict[str, Any], table: str) -> tuple[str, ...]:
    return tuple(sorted(event.get(table, ())))


def _page(events: list[dict[str, Any]]) -> dict[str, Any]:
    first = events[0]
    page = {
        "descriptor": first["descriptor"],
        **{name: [event[name] for event in events] for name in _COLUMNS},
    }
    for table in _TABLES:
        if table in first:
            keys = first[table]
            page[table] = {key: [event[table][key] for event in events] for key in keys}
    return page
