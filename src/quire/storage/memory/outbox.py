"""The outbox in memory."""

from collections.abc import Collection, Iterable, Iterator

from msgspec.structs import replace

from quire.documents.names import DocumentName
from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.ports.outlet_run_records import OutletRun, OutletRunQuery, RunState
from quire.storage.memory.documents import MemoryDocuments
from quire.storage.memory.journal import Journal


class MemoryOutbox:
    """`quire.ports.outbox_records.OutboxRecords` over the documents in memory."""

    def __init__(self, journal: Journal, documents: MemoryDocuments) -> None:
        self._journal = journal
        self._documents = documents
        self._positions: dict[str, Position] = {}

    def position(self, outlet: str) -> Position | None:
        """Return how far an outlet has come, None if it never began."""
        return self._positions.get(outlet)

    def move(self, outlet: str, position: Position) -> None:
        """Note how far an outlet has come."""
        self._journal.set(self._positions, outlet, position)

    def after(self, position: Position, amount: Amount) -> tuple[Outgoing, ...]:
        """Return what follows a position, in order; at least one if there is any."""
        found: list[Outgoing] = []
        size = 0
        for outgoing in self._following(position):
            late = outgoing.late
            position = replace(
                position,
                number=position.number if late else outgoing.document.number,
                late=position.late + late,
            )
            found.append(replace(outgoing, position=position))
            size += len(outgoing.document.raw)
            if len(found) >= amount.documents or size >= amount.size:
                break
        return tuple(found)

    def behind(self, position: Position, most: int) -> int:
        """Return how many documents follow a position; counts on to about `most`."""
        return min(sum(1 for _ in self._following(position)), most)

    def of_run(
        self, run: str, after: int, names: Collection[DocumentName], amount: Amount
    ) -> tuple[StoredDocument, ...]:
        """Return a run's documents of these names with numbers above `after`."""
        wanted = (
            document
            for document in self._documents.of_run(run)
            if document.number > after and document.name in names
        )
        return tuple(_some(wanted, amount))

    def _following(self, position: Position) -> Iterator[Outgoing]:
        documents = {
            document.number: (run, document)
            for run, document in self._documents.everything()
        }
        late_numbers = {number for _, number, _ in self._documents.late.values()}
        order: list[tuple[int, bool, int, Outgoing]] = []
        for number, (run, document) in documents.items():
            if number > position.number:
                known = None if number in late_numbers else run
                place = self._documents.append_of[number], False, number
                order.append((*place, Outgoing(run=known, document=document)))
        for place_, (late_run, number, behind) in self._documents.late.items():
            if place_ > position.late:
                document = documents[number][1]
                late = Outgoing(run=late_run, document=document, late=True)
                order.append((behind, True, place_, late))
        order.sort(key=lambda item: item[:3])
        return (item[3] for item in order)


class MemoryOutletRuns:
    """`quire.ports.outlet_run_records.OutletRunRecords` in a dictionary."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._records: dict[tuple[str, str], OutletRun] = {}

    def get(self, outlet: str, run: str) -> OutletRun | None:
        """Return how a run stands with an outlet."""
        return self._records.get((outlet, run))

    def put(self, record: OutletRun) -> None:
        """Store a record in place of the former one."""
        self._journal.set(self._records, (record.outlet, record.run), record)

    def remove(self, outlet: str, run: str) -> None:
        """Forget a record; nothing happens if there is none."""
        if (outlet, run) in self._records:
            self._journal.remove(self._records, (outlet, run))

    def page(self, query: OutletRunQuery) -> tuple[OutletRun, ...]:
        """Return matching records, soonest `not_before` first."""
        found = [
            record
            for record in self._records.values()
            if record.outlet == query.outlet
            and record.state in query.states
            and (query.ready_at is None or record.not_before <= query.ready_at)
        ]
        found.sort(key=lambda record: (record.not_before, record.run))
        return tuple(found[: max(query.limit, 0)])

    def count(self, outlet: str, states: Collection[RunState]) -> int:
        """Return how many of an outlet's runs are in any of these states."""
        return sum(
            record.outlet == outlet and record.state in states
            for record in self._records.values()
        )


def _some(
    documents: Iterable[StoredDocument], amount: Amount
) -> Iterator[StoredDocument]:
    size = 0
    for count, document in enumerate(documents, start=1):
        yield document
        size += len(document.raw)
        if count >= amount.documents or size >= amount.size:
            return
