"""A stream's documents out of the store, into columns or into stretches of them.

All of it blocks; of the documents only one is held at a time, of their rows the arrays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jiter

from quire.actions.look_back import repeated_in
from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.ports.store import Transaction
from quire.runs.columns.gathering import BLOCK_ROWS, Gathering
from quire.runs.columns.layout import ColumnView
from quire.runs.columns.stretch import BEGIN, Mark, Stretch
from quire.runs.run import Run

_MOST_AT_ONCE = 4
# So many rows tell how many of their size a stretch takes.
_SAMPLE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A stream's column view, and the stretches that it was made of.

    Attributes
    ----------
    documents
        How many of the run it was made of.
    behind
        Those that there were, as far as they hold: all or none.
    new
        What was read behind them; nothing if it may still change.
    """

    view: ColumnView
    documents: int
    behind: Sequence[Stretch] = ()
    new: Sequence[Stretch] = ()


def gathered(
    tx: Transaction, run: Run, stream: str, behind: Sequence[Stretch] = ()
) -> Gathered:
    """Return the column view of a stream.

    Parameters
    ----------
    run
        As it is in this transaction.
    behind
        Stretches that were made of it: what they stand for is not read again.
    """
    gathering = Gathering(run.descriptors, stream, behind=behind)
    new: list[Stretch] = []
    begin = end = _end(behind)
    for end in _taken(tx, run, gathering, begin):
        stretch = gathering.stretch(begin, end)
        if stretch is not None:
            new.append(stretch)
            begin = end
    if behind and end.documents != run.documents:
        return gathered(tx, run, stream)
    view = gathering.view()
    if begin != end:
        new.append(gathering.rest(begin, end))
    if run.unplaced:  # what waits for its descriptor may turn out to be the stream's
        new.clear()
    return Gathered(view=view, documents=run.documents, behind=behind, new=new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretched:
    """What became of a stream's stretches.

    Attributes
    ----------
    kept
        How many of those there were still hold: all or none.
    new
        Those to stand behind them.
    next_rows
        How many rows the next one will take, as it seems.
    """

    kept: int = 0
    new: Sequence[Stretch] = ()
    next_rows: int = BLOCK_ROWS


def stretched(
    tx: Transaction,
    run: Run,
    stream: str,
    behind: Sequence[Stretch] = (),
    *,
    block_rows: int = BLOCK_ROWS,
) -> Stretched:
    """Make stretches of what has come behind those there are; some at most.

    Parameters
    ----------
    run
        As it is in this transaction. No event of it may wait for its descriptor.
    """
    gathering = Gathering(
        run.descriptors, stream, behind=behind[-1:], block_rows=block_rows
    )
    new: list[Stretch] = []
    begin = end = _end(behind)
    for end in _taken(tx, run, gathering, begin):
        stretch = gathering.stretch(begin, end)
        if stretch is not None:
            new.append(stretch)
            begin = end
            if len(new) == _MOST_AT_ONCE:
                break
        first = not behind and not new and gathering.rows >= _SAMPLE
        if first and run.streams[stream].events < gathering.rows_in_chunk:
            break  # what is parsed in vain takes processor time that ingest needs
    else:
        if behind and end.documents != run.documents:
            return stretched(tx, run, stream, block_rows=block_rows)
    return Stretched(kept=len(behind), new=new, next_rows=gathering.rows_in_chunk)


def parsed(name: DocumentName, raw: bytes) -> Document:
    """Return a document that is stored."""
    # Duplicate keys were refused when it came.
    return Document(name=name, body=jiter.from_json(raw, allow_inf_nan=True), raw=raw)


def _end(stretches: Sequence[Stretch]) -> Mark:
    return stretches[-1].end if stretches else BEGIN


def _taken(
    tx: Transaction, run: Run, gathering: Gathering, begin: Mark
) -> Iterator[Mark]:
    """Have the documents behind a mark taken; yield the mark behind each."""
    documents = begin.documents
    for stored in tx.documents.of_run(run.uid, begin.number + 1):
        if gathering.wants(stored.name, stored.raw):
            repeated = repeated_in(tx, run.uid, stored)
            gathering.take(parsed(stored.name, stored.raw), repeated)
        documents += 1
        yield Mark(stored.number, documents)
