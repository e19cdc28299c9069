"""A run's documents, as bluesky-tiled-plugins asks for them."""

from typing import Any

import msgspec

from quire.tiled.run import RunAdapter


def export_documents(
    media_type: str, run: Any, metadata: Any, filter_for_access: Any = None
) -> Any:
    """Return an iterator over a run's documents as a JSON text sequence (RFC 7464).

    For ``media_types`` of a tiled server, under ``BlueskyRun`` and
    ``application/json-seq``. They are the originals, but for a `datum`, which comes as
    a page of one: the client that asks knows no other. Of runs in tiled's own catalogs,
    which may be mounted beside, it returns what bluesky-tiled-plugins rebuilds.
    """
    if isinstance(run, RunAdapter):
        return (_record(pair) for pair in run.documents())
    from bluesky_tiled_plugins.exporters import (  # type: ignore[import-untyped]
        json_seq_exporter,
    )

    return json_seq_exporter(media_type, run, metadata, filter_for_access)


def _record(pair: bytes) -> bytes:
    # The name is a plain word of ours; the document's bytes are left as they came.
    name, _, document = pair[1:-1].partition(b",")
    if name == b'"datum"':
        name, document = b'"datum_page"', _paged(document)
    return b'\x1e{"name":%b,"doc":%b}\n' % (name, document)


def _paged(datum: bytes) -> bytes:
    one = msgspec.json.decode(datum, type=dict[str, msgspec.Raw])
    arguments = msgspec.json.decode(one["datum_kwargs"], type=dict[str, msgspec.Raw])
    page = {
        "resource": one["resource"],
        "datum_id": [one["datum_id"]],
        "datum_kwargs": {key: [value] for key, value in arguments.items()},
    }
    return msgspec.json.encode(page)
