"""One product of a run on its way."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from quire.actions.leaving import (
    Leaving,
    Left,
)
from quire.actions.projecting import Site
from quire.actions.versions import version_of
from quire.errors import InputError, QuireError
from quire.jobs.job import (
    Completed,
    JobResult,
    Outcome,
    StagedProduct,
)
from quire.ports.kind import JobContext
from quire.ports.product_writer import ProductWriter
from quire.ports.run_reader import RunReader
from quire.products.manifest import Manifest, ManifestPart, decode_manifest, whole_hash
from quire.products.projection.choosing import chosen
from quire.products.projection.classing import group_classes
from quire.products.projection.contents import Contents, Scalar, Variable
from quire.products.projection.describing import ProductNames, held
from quire.products.projection.executing import EntryLost, Execution, counted
from quire.products.projection.facts import RunFacts
from quire.products.projection.identity import identity_inputs, identity_of
from quire.products.projection.plotting import default_plot
from quire.products.projection.provenance import provenance
from quire.products.projection.resolving import Resolved, resolve
from quire.progress.phases import Phases
from quire.writers.fits.publish import DAMAGED
from quire.writers.product_files import Hashed, hashed, link_json, write_json

_PRODUCTS = "products"
_ROWS, _END = "rows", "end"
_PROJECTING = Phases({_ROWS: 99, _END: 1})
# So often a product is begun of an open run.
_TRIES = 3
# Between two words on progress, each of which is a transaction of the server's.
_SILENCE_SECONDS = 0.1


class NothingMade(QuireError):
    """No entry of a projection could be made."""

    code = "nothing_made"


class RunChanged(QuireError):
    """A run that is open changes while it is read."""

    code = "run_changed"


class Making:
    """One product on its way."""

    def __init__(
        self,
        context: JobContext,
        reader: RunReader,
        writer: ProductWriter,
        site: Site,
        leaving: Leaving,
    ) -> None:
        self._context = context
        self._reader = reader
        self._writer = writer
        self._site = site
        self._leaving = leaving
        self._left = Left()
        self._began = _now()
        self._held: dict[str, Any] = {}
        self._documents: dict[str, int] = {}

    def make(self, wanted: str) -> Outcome:
        """Make it, durably; begun anew where the run changes below what was read.

        Parameters
        ----------
        wanted
            The parameter `PROJECTION`.

        Raises
        ------
        NothingMade, NotFound, Ambiguous
            No entry could be made, or it is not told which.
        RunChanged
            It did so again and again.
        """
        for again in range(_TRIES):
            if again:
                self._context.tell("Begun anew: events took the place of what was read")
            outcome = self._made(wanted)
            if outcome is not None:
                return outcome
        raise RunChanged("the run changes faster than it is read: try again later")

    def _made(self, wanted: str) -> Outcome | None:
        """Make it of the run as it is; None where it did not stay so meanwhile."""
        facts, streams = self._reader.run()
        self._documents = {facts.uid: facts.documents}
        facts, projections = chosen(
            facts, streams, wanted, self._reader.stream, self._site.projections
        )
        resolved = resolve(
            projections, facts, self._site.functions, prefixed=len(projections) > 1
        )
        if not resolved.outcomes:
            return Completed(message="The run has no projections: nothing to make")
        self._left = self._leaving(resolved, self._reader)
        inputs = identity_inputs(
            projections,
            facts,
            resolved,
            form=self._writer.format,
            options=self._left.options,
            libraries=self._writer.libraries,
        )
        identity = identity_of(inputs)
        names = ProductNames(facts, projections, identity, self._writer.suffix[0])
        former = self._made_before(names)
        if former is not None:
            return former
        part = self._context.folder / names.file
        execution = self._written(part, resolved, facts, identity)
        # The file is named by the events that it was to have.
        if not all(self._reader.still(one) for one in facts.streams.values()):
            part.unlink()
            return None
        return self._staged(part, names, execution, inputs)

    def _made_before(self, names: ProductNames) -> Outcome | None:
        """Return the product if it is published already: it is not made twice."""
        folder = Path(self._context.assignment.data_folder) / _PRODUCTS
        try:
            told = (folder / names.manifest).read_bytes()
            stated = decode_manifest(told)
            entries, source = _stood(told)
            there = (folder / names.provenance).is_file()
        except (OSError, InputError, msgspec.MsgspecError):
            return None
        if not there or not self._is_whole(folder / names.file, stated):
            return None
        results = (
            self._result(
                "provenance", *write_json(self._place_of("provenance"), source)
            ),
            self._result("entries", *write_json(self._place_of("entries"), entries)),
        )
        return Completed(
            message=f"{names.file} was made before",
            product=self._stage(names, stated.size, stated.sha256),
            results=results,
        )

    def _is_whole(self, file: Path, stated: Manifest) -> bool:
        """Return whether a product is as its manifest says: a job vouches for it."""
        try:
            whole = file.stat().st_size == stated.size
            whole = whole and whole_hash([hashed(file).part]) == stated.sha256
        except FileNotFoundError:
            return False
        if not whole:
            kept = f"what stands there is kept as {file.name}{DAMAGED}"
            told = f"{file.name} is not as it was published and is made again; {kept}"
            self._context.tell(told)
        return whole

    def _written(
        self,
        part: Path,
        resolved: Resolved,
        facts: RunFacts,
        identity: str,
    ) -> Execution:
        """Write the file; begun anew without an entry that failed midway."""
        lost: list[EntryLost] = []
        while True:
            calls = self._site.calculator(self._site.functions)
            execution = Execution(
                resolved,
                lambda stream, fields: self._reader.rows(
                    stream, fields, facts.streams[stream].rows
                ),
                calls,
            )
            self._left.tell(execution)
            for one in lost:
                execution.drop(one.key, one.code, one.reason)
            part.unlink(missing_ok=True)
            try:
                self._write(part, execution, facts, identity)
            except EntryLost as problem:
                lost.append(problem)
                self._context.tell(f"Begun anew without {problem}")
            else:
                return execution
            finally:
                calls.close()

    def _write(
        self, part: Path, execution: Execution, facts: RunFacts, identity: str
    ) -> None:
        contents = self._contents(execution, facts, identity)
        sheet = self._writer.create(part, contents)
        rows, done, told = sum(contents.rows.values()) or 1, 0, 0
        spoke = time.monotonic()
        try:
            for stream in contents.rows:
                for block in execution.blocks(stream):
                    sheet.write(block)
                    done += len(block.seq_num)
                    percent = _PROJECTING.percent(_ROWS, done, rows)
                    # Blocks of images are many more than percents.
                    now = time.monotonic()
                    if percent > told and now - spoke > _SILENCE_SECONDS:
                        told, spoke = percent, now
                        self._context.tell(f"{done} of {rows} rows", percent)
            reduced = execution.results()
            sheet.finish(reduced)
        except BaseException:
            sheet.abandon()
            raise
        self._held = held(contents, reduced)

    def _contents(
        self, execution: Execution, facts: RunFacts, identity: str
    ) -> Contents:
        execution.variables()  # reads the first blocks, which may lose entries
        refused = self._contents_of(execution, facts, identity)
        everything: list[Variable | Scalar] = [*refused.variables, *refused.scalars]
        for one in everything:
            reason = self._writer.refusal(one, refused)
            if reason:
                execution.drop(one.key, "not_held", reason)
        contents = self._contents_of(execution, facts, identity)
        if not (contents.variables or contents.scalars or contents.reduced):
            words = "; ".join(
                f"{one.key}: {one.code}: {one.issue}"
                for one in execution.outcomes.values()
            )
            raise NothingMade(f"no entry could be made: {words[:2000]}")
        return contents

    def _contents_of(
        self, execution: Execution, facts: RunFacts, identity: str
    ) -> Contents:
        variables = execution.variables()
        signal, axes = default_plot(variables, facts)
        issues = counted(execution.outcomes)
        return Contents(
            rows={name: facts.streams[name].rows for name in execution.streams},
            variables=variables,
            scalars=execution.scalars(),
            reduced=execution.reduced(),
            signal=signal,
            axes=axes,
            classes=group_classes(execution.outcomes, facts),
            attributes={
                "run": facts.uid,
                "identity": identity,
                "complete": not facts.partial,
                "exit_status": str((facts.stop or {}).get("exit_status", "")),
                "issues": issues,
            },
        )

    def _staged(
        self,
        part: Path,
        names: ProductNames,
        execution: Execution,
        inputs: dict[str, Any],
    ) -> Outcome:
        found, ended = hashed(part), _now()
        told = self._provenance(names, found, inputs, ended)
        manifest = self._manifest(names, found, inputs, ended)
        entries = msgspec.to_builtins(list(execution.outcomes.values()))
        told_whole = {
            **msgspec.to_builtins(manifest),
            "inputs": inputs,
            "entries": entries,
            **self._held,
            "provenance": told,
        }
        write_json(part.with_name(names.manifest), told_whole)
        beside = part.with_name(names.provenance)
        stated = write_json(beside, told)
        link_json(beside, self._place_of("provenance"))
        results = (
            self._result("provenance", *stated),
            self._result("entries", *write_json(self._place_of("entries"), entries)),
        )
        issues = counted(execution.outcomes)
        message = f"Made {names.file}: {len(entries)} entries, {issues} with an issue"
        product = self._stage(names, found.size, manifest.sha256)
        return Completed(message=message, product=product, results=results)

    def _provenance(
        self, names: ProductNames, found: Hashed, inputs: dict[str, Any], ended: str
    ) -> dict[str, Any]:
        assignment = self._context.assignment
        return provenance(
            file=names.file,
            sha256=found.sha256,
            identity=names.identity,
            inputs=inputs,
            job=assignment.job,
            owner=assignment.owner,
            began=self._began,
            ended=ended,
            code_version=_code_version(),
        )

    def _manifest(
        self, names: ProductNames, found: Hashed, inputs: dict[str, Any], ended: str
    ) -> Manifest:
        assignment = self._context.assignment
        return Manifest(
            id=names.identity,
            file=names.file,
            size=found.size,
            sha256=whole_hash([found.part]),
            made=ended,
            code_version=_code_version(),
            job=assignment.job,
            attempt=assignment.attempt,
            runs=(inputs["run"],),
            parts=(ManifestPart(offset=0, length=found.size, sha256=found.part),),
        )

    def _place_of(self, result: str) -> Path:
        return self._context.folder / f"{result}.json"

    def _result(self, name: str, size: int, sha256: str) -> JobResult:
        folder = self._context.assignment.data_folder
        return JobResult(
            id=name,
            path=str(self._place_of(name).relative_to(folder)),
            size=size,
            mime_type="application/json",
            sha256=sha256,
        )

    def _stage(self, names: ProductNames, size: int, sha256: str) -> StagedProduct:
        folder = self._context.folder.relative_to(self._context.assignment.data_folder)
        return StagedProduct(
            file_name=names.file,
            manifest_name=names.manifest,
            part=str(folder / names.file),
            manifest=str(folder / names.manifest),
            size=size,
            sha256=sha256,
            mime_type=self._writer.suffix[1],
            runs=(self._context.assignment.parameters["RUN"],),
            documents=self._documents,
            beside={names.provenance: str(folder / names.provenance)},
        )


def _stood(manifest: bytes) -> tuple[Any, Any]:
    """Return what a manifest says of the entries, and where they come from."""
    told = msgspec.json.decode(manifest, type=dict[str, Any])
    return told.get("entries", []), told.get("provenance", {})


def _code_version() -> str:
    return f"quire {version_of('quire')}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
