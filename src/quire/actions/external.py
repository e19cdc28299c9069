"""Data in files: what the documents say of it, and columns that read it."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jiter
import msgspec

from quire.actions.external_column import ExternalColumn
from quire.actions.ragged_column import open_column
from quire.actions.shared_assets import lacking
from quire.documents.document import Document
from quire.ports.asset_reader import AssetReader, AssetUnreadable
from quire.ports.store import Store, Transaction
from quire.runs.columns.external import (
    NAMES,
    Asset,
    External,
    Places,
    Told,
    external_of,
    places_of_spans,
    rows_of,
    told_by,
)
from quire.runs.run import Run

_KEPT = 32
_MOST_ROWS = 10_000_000


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a stream's external data.

    Attributes
    ----------
    documents, number
        How many of the run it was made of, and the number of the last.
    told
        What the run's own documents say.
    """

    documents: int = 0
    number: int = -1
    told: Told = Told()
    external: External = External()


class ExternalData:
    """Opens columns of external data.

    What documents say of the streams that were last asked for is kept, until the run
    gets another document.

    Parameters
    ----------
    only
        Whose runs alone may name files, where no roots are declared; empty for
        everybody's.
    """

    def __init__(self, store: Store, reader: AssetReader, *, only: str = "") -> None:
        self._store = store
        self._reader = reader
        self._only = only
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    async def of(self, run: Run, stream: str, documents: int) -> External:
        """Return what the documents say of a stream's external data.

        Parameters
        ----------
        documents
            Of the run, that have come at least: what events name, came before them.

        Raises
        ------
        AssetUnreadable
            No roots are declared, and the run is another's than the server's user's:
            its documents could name any file that this user may read.
        """
        if self._only and run.owner != self._only:
            asset = Asset(document="start", uid=run.uid, format="", location="")
            reason = f"no roots are declared, and the run is {run.owner}'s"
            raise AssetUnreadable(
                asset, "/owner", reason, mend="declare its folder in asset_roots"
            )
        asked = run.uid, stream
        held = self._known.get(asked)
        if held is None or held.documents < documents:
            held = await self._store.view(
                lambda tx: _gathered(tx, run.uid, stream, self._known.get(asked))
            )
            self._known[asked] = held
        self._known.move_to_end(asked)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return held.external

    def in_spans(
        self,
        external: External,
        key: str,
        declared: Mapping[str, Any],
        *,
        thorough: bool,
    ) -> ExternalColumn:
        """Open a data key whose data is told by `stream_datum`; blocks.

        Parameters
        ----------
        thorough
            Look at the shape of each row, as `quire.actions.ragged_column` says.

        Raises
        ------
        AssetUnreadable
            There is none yet, or its first row cannot be read.
        """
        spans = external.spans.get(key, ())
        asset = Asset(document="stream_datum", uid="", format="", location="")
        if not spans:
            reason = f"none has come for {key!r}"
            raise AssetUnreadable(asset, "/stream_resource", reason)
        if rows_of(spans) > _MOST_ROWS:
            raise AssetUnreadable(
                asset, "/seq_nums", f"{key!r} has more than {_MOST_ROWS} rows"
            )
        return open_column(
            self._reader,
            external.assets,
            places_of_spans(spans),
            key=key,
            declared=declared,
            by_rows=True,
            thorough=thorough,
        )

    def by_datums(
        self,
        external: External,
        key: str,
        declared: Mapping[str, Any],
        named: tuple[Any, Sequence[str | None]],
        *,
        thorough: bool,
    ) -> ExternalColumn:
        """Open a data key whose events name datums; blocks.

        Parameters
        ----------
        named
            Sequence numbers, and the datum_id of each, None where the event has none.
        thorough
            Look at the shape of each row, as `quire.actions.ragged_column` says.

        Raises
        ------
        AssetUnreadable
            Its first row cannot be read.
        """
        places = self._places(external, *named)
        if not len(places.seq_num):
            asset = Asset(document="event", uid="", format="", location="")
            raise AssetUnreadable(asset, f"/data/{key}", "none has come")
        return open_column(
            self._reader,
            external.assets,
            places,
            key=key,
            declared=declared,
            by_rows=False,
            thorough=thorough,
        )

    def _places(
        self, external: External, seq_num: Any, datum_ids: Sequence[str | None]
    ) -> Places:
        import numpy as np

        assets: dict[str, int] = {}
        rows: list[tuple[int, int, int, int]] = []
        for number, datum_id in zip(seq_num.tolist(), datum_ids, strict=True):
            if datum_id is None:
                continue
            datum = external.datums.get(datum_id)
            if datum is None:
                rows.append((number, -1, 0, 0))
                continue
            asset = external.assets.get(datum.asset)
            begin, end = 0, -1
            if asset is not None:
                begin, end = self._reader.span(asset, datum.arguments)
            which = assets.setdefault(datum.asset, len(assets))
            rows.append((number, which, begin, end))
        table = np.array(rows, np.int64).reshape(-1, 4)
        return Places(
            assets=list(assets),
            seq_num=table[:, 0],
            which=table[:, 1],
            begin=table[:, 2],
            end=table[:, 3],
        )


def _gathered(
    tx: Transaction, uid: str, stream: str, known: _Known | None = None
) -> _Known:
    """Return what a run's documents say, read on behind those that were read."""
    run = tx.runs.get(uid)
    if run is None:
        return _Known()
    behind = known or _Known()
    documents, number = behind.documents, behind.number

    def come() -> Iterator[Document]:
        nonlocal documents, number
        for stored in tx.documents.of_run(uid, number + 1):
            documents, number = documents + 1, stored.number
            if stored.name in NAMES:
                body = jiter.from_json(stored.raw, allow_inf_nan=True)
                yield Document(name=stored.name, body=body, raw=stored.raw)

    told = told_by(come(), behind.told)
    if known is not None and documents != run.documents:
        return _gathered(tx, uid, stream)  # one that waited stands among those
    uids = {one for one, name in run.descriptors.items() if name == stream}
    return _Known(
        documents=run.documents,
        number=number,
        told=told,
        external=external_of(told_by(lacking(tx, run), told), uids),
    )
