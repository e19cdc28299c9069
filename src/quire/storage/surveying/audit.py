"""Looking at all that a store holds, and at the files that it names."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from quire.actions.auditing import (
    document_faults,
    job_faults,
    product_faults,
    run_faults,
)
from quire.actions.intake import as_document
from quire.documents.identity import identity
from quire.errors import QuireError
from quire.jobs.job import Job
from quire.ports.document_records import StoredDocument
from quire.products.product import Product
from quire.storage import blocks
from quire.storage.codec import Codec
from quire.storage.surveying.survey import Block, Survey

R = TypeVar("R", Job, Product)

_MOST = 1000
_AT_ONCE = 50  # runs on one state of the store
_JOB, _PRODUCT = Codec(Job), Codec(Product)

Told = Callable[[str, int], None]
"""Told of a check, and of how many things it has looked at."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the store has found.

    Attributes
    ----------
    looked_at
        How many things there were.
    wrong
        How many problems there are.
    problems
        The first thousand of them.
    note
        How it looked, where that is not always the same.
    """

    name: str
    good: bool
    looked_at: int
    wrong: int
    problems: tuple[str, ...] = ()
    note: str = ""


class Audit:
    """Looks at everything once, changes nothing; a server may go on meanwhile.

    Parameters
    ----------
    folder
        Absolute; what the paths in the records are relative to.
    hashes
        Whether to read the files that the records name, too.
    allow_waiting
        Whether documents that wait for others are good.
    """

    def __init__(
        self,
        survey: Survey,
        folder: Path,
        told: Told,
        *,
        hashes: bool = False,
        allow_waiting: bool = False,
    ) -> None:
        self._survey = survey
        self._folder = folder
        self._told = told
        self._hashes = hashes
        self._allow_waiting = allow_waiting
        self._waiting: dict[int, str] = {}
        self._described: dict[int, str] = {}
        self._published: set[str] = set()
        self._note = ""
        self._unchecked = 0

    def checks(self) -> Iterator[Check]:
        """Yield the checks as they are done."""
        yield self._checked("database", self._database)
        yield self._checked("documents", self._documents)
        yield self._checked("waiting documents", self._orphans)
        yield self._checked("runs", self._runs)
        yield self._checked("products", self._products)
        yield self._checked("jobs", self._jobs)

    def _checked(self, name: str, look: Callable[[], Iterator[list[str]]]) -> Check:
        self._note = ""
        looked_at = wrong = 0
        problems: list[str] = []
        try:
            for found in look():
                looked_at += 1
                wrong += len(found)
                problems += found[: _MOST - len(problems)]
                self._told(name, looked_at)
        except QuireError as problem:
            wrong += 1
            problems.append(f"the rest cannot be read: {problem}")
        harmless = name == "waiting documents" and self._allow_waiting
        return Check(
            name=name,
            good=harmless or not wrong,
            looked_at=looked_at,
            wrong=wrong,
            problems=tuple(problems),
            note=self._note,
        )

    def _database(self) -> Iterator[list[str]]:
        found, self._note = self._survey.faults()
        yield found

    def _documents(self) -> Iterator[list[str]]:
        # First: what comes to wait from now on is of no interest.
        self._waiting = {one.number: one.awaited for one in self._survey.waiting()}
        for block in self._survey.blocks():
            yield from self._in_block(block)
        if self._unchecked:
            self._note = f"{self._unchecked:,} blocks are from before checksums"

    def _in_block(self, block: Block) -> Iterator[list[str]]:
        owner = f"of run {block.run}" if block.run else "that came before its run"
        try:
            slots, body = blocks.opened(block.directory, block.body)
        except (QuireError, msgspec.MsgspecError, LookupError) as error:
            yield [f"the block {block.number} {owner} cannot be read: {error}"]
            return
        self._unchecked += not slots[-1].checksum
        for place, slot in enumerate(slots):
            number = blocks.number_of(block.number, place)
            stored = blocks.document(slot, body, number)
            if number in self._waiting:
                self._described[number] = _description(stored)
            yield [
                f"the {stored.name.value} {number} {owner} {fault}"
                for fault in document_faults(stored)
            ]

    def _orphans(self) -> Iterator[list[str]]:
        # Once more: what has been adopted since is no orphan.
        still = {one.number for one in self._survey.waiting()}
        for number, awaited in self._waiting.items():
            if number not in still:
                continue
            described = self._described.get(number)
            if described is None:
                yield [f"MISSING: document {number}, which waits for {awaited}"]
                continue
            run = self._survey.ask(lambda tx, uid=awaited: tx.documents.run_of(uid))  # type: ignore[misc]
            why = f"though run {run} has it" if run else "which has not come"
            yield [f"{described} waits for {awaited}, {why}"]

    def _runs(self) -> Iterator[list[str]]:
        uids = self._survey.runs()
        for begin in range(0, len(uids), _AT_ONCE):
            some = uids[begin : begin + _AT_ONCE]
            try:
                yield from self._of_runs(some)
            except QuireError:  # of one of them: the others can be looked at
                yield from map(self._of_run, some)

    def _of_runs(self, uids: Sequence[str]) -> list[list[str]]:
        return self._survey.ask(
            lambda tx: [
                [f"run {uid}: {fault}" for fault in run_faults(tx, uid)] for uid in uids
            ]
        )

    def _of_run(self, uid: str) -> list[str]:
        try:
            return self._of_runs([uid])[0]
        except QuireError as problem:
            return [f"run {uid}: cannot be read: {problem}"]

    def _products(self) -> Iterator[list[str]]:
        verify = _verify if self._hashes else None
        for name, record in self._survey.records("product"):
            self._published.add(name)
            product = _decoded(_PRODUCT, record)
            if product is None:
                yield [f"the record of product {name} cannot be read"]
                continue
            found = list(product_faults(product, self._folder, verify))
            yield [f"product {name}: {fault}" for fault in found]

    def _jobs(self) -> Iterator[list[str]]:
        for name, record in self._survey.records("job"):
            job = _decoded(_JOB, record)
            if job is None:
                yield [f"the record of job {name} cannot be read"]
                continue
            found = list(job_faults(job, self._folder, hashes=self._hashes))
            if found and not self._still_has(job):
                continue
            if job.product and not self._is_published(job):
                found.append(f"MISSING: the record of its product {job.product}")
            yield [f"job {name}: {fault}" for fault in found]

    def _still_has(self, job: Job) -> bool:
        """Return whether a job has not been deleted or begun anew meanwhile."""
        now = self._survey.ask(lambda tx: tx.jobs.get(job.id))
        return now is not None and now.results == job.results

    def _is_published(self, job: Job) -> bool:
        """Return whether its product has a record; it may have got one meanwhile."""
        if job.product in self._published:
            return True
        return self._survey.ask(lambda tx: tx.products.get(job.product)) is not None


def _decoded(codec: Codec[R], record: bytes) -> R | None:
    try:
        return codec.decode(record)
    except (msgspec.MsgspecError, ValueError):
        return None


def _description(stored: StoredDocument) -> str:
    try:
        uid = identity(as_document(stored))
    except ValueError:
        uid = ""
    return f"the {stored.name.value} {uid or stored.number}"


def _verify(file: Path, manifest: Path) -> tuple[str, ...]:
    from quire.writers.fits.verify import verify

    return verify(file, manifest).problems
