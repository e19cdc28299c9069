"""A run in a file of documents, as projections see it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quire.errors import InputError


def facts_of(path: Path) -> Any:
    """Return what the documents in a file say of their first run.

    Raises
    ------
    InputError
        It holds no run, or what is no document; says where.
    """
    from quire.documents.names import DocumentName
    from quire.products.projection.facts import RunFacts, StreamFacts
    from quire.runs.columns.gathering import column_view

    documents = list(_documents(path))
    starts = [one.body for one in documents if one.name is DocumentName.START]
    if not starts:
        raise InputError(str(path), "has no start document", "give a run's documents")
    start = starts[0]
    stops = [one.body for one in documents if one.name is DocumentName.STOP]
    names = dict.fromkeys(
        one.body.get("name", "")
        for one in documents
        if one.name is DocumentName.DESCRIPTOR
        and one.body.get("run_start") == start["uid"]
    )
    streams = {}
    for name in names:
        view = column_view(name, [(one, ()) for one in documents])
        streams[name] = StreamFacts(
            name=name,
            rows=view.rows,
            descriptors=view.configuration.descriptors,
            columns=_columns(view),
        )
    stop = stops[0] if stops else None
    return RunFacts(uid=start["uid"], start=start, stop=stop, streams=streams)


def _columns(view: Any) -> dict[str, Any]:
    """Return the Arrow field of each data key, of one in files as it is declared."""
    import pyarrow as pa

    from quire.runs.columns.configuration import is_external
    from quire.runs.columns.layout import DATA

    found = {
        field.name.removeprefix(DATA): field
        for field in view.table.schema
        if field.name.startswith(DATA)
    }
    for key, told in view.configuration.data_keys.items():
        own = found.get(key)
        refers = (
            own is None or pa.types.is_string(own.type) or pa.types.is_null(own.type)
        )
        if is_external(told) and refers:
            found[key] = pa.field(DATA + key, _declared(told))
    return found


def _declared(told: dict[str, Any]) -> Any:
    """Return the Arrow type of the cells that a data key declares."""
    import numpy as np
    import pyarrow as pa

    try:
        kind = pa.from_numpy_dtype(np.dtype(told.get("dtype_numpy", "f8")))
    except (TypeError, pa.ArrowException):
        return pa.float64()
    for size in reversed(told.get("shape") or []):
        if not isinstance(size, int) or size < 1:
            return pa.large_list(kind)
        kind = pa.list_(kind, size)
    return kind


def _documents(path: Path) -> Iterator[Any]:
    import jiter

    from quire.documents.document import Document
    from quire.documents.names import DocumentName

    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            told: Any = jiter.from_json(line, allow_inf_nan=True)
            name, body = told if isinstance(told, list) else (told["name"], told["doc"])
            yield Document(name=DocumentName(name), body=body, raw=line)
        except (ValueError, TypeError, KeyError) as problem:
            reason = f"is no document: {problem}"
            raise InputError(f"{path}, line {number}", reason) from None
