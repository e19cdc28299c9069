"""Rules on the columns of pages."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sized
from typing import Any

from quire.documents.document import Document
from quire.documents.identity import identity, row_uids
from quire.documents.names import DocumentName
from quire.runs.run import Finding


def ragged(uid: str, rows: int, columns: Mapping[str, Sized]) -> Iterator[Finding]:
    """Tell which columns are of unequal length (event-model, `ComposeEventPage`)."""
    for name, column in columns.items():
        if len(column) != rows:
            message = f"{name} has {len(column)} entries for {rows} rows"
            yield Finding(rule="ragged_page", uid=uid, message=message)


def ragged_event_page(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell which columns of an event page are of unequal length."""
    uids = body["uid"]
    columns = {name: body[name] for name in ("seq_num", "time")} | {
        f"{table}/{key}": column
        for table in ("data", "timestamps", "filled")
        for key, column in body.get(table, {}).items()
    }
    yield from ragged(uids[0] if uids else "", len(uids), columns)


def repeated_uids(document: Document) -> Iterator[Finding]:
    """Tell which uids a page has twice: each event has its own (event-model)."""
    uids = row_uids(document)
    if len(set(uids)) < len(uids):
        for uid in sorted(uid for uid, times in Counter(uids).items() if times > 1):
            yield Finding(
                rule="repeated_uid", uid=uid, message="a page has rows of the same uid"
            )


def ragged_datums(document: Document) -> Iterator[Finding]:
    """Tell which columns of datums are of unequal length (event-model, `DatumPage`)."""
    body, columns = document.body, dict[str, Sized]()
    match document.name:
        case DocumentName.DATUM_PAGE:
            rows = len(body["datum_id"])
            for key, column in body["datum_kwargs"].items():
                columns[f"datum_kwargs/{key}"] = column
        case DocumentName.BULK_DATUM:
            rows = len(body["datum_ids"])
            columns["datum_kwarg_list"] = body["datum_kwarg_list"]
        case _:
            return
    yield from ragged(identity(document), rows, columns)
