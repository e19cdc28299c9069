"""The kind `project`: a run, a projection and a format make a product."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from quire.actions.calculating.registry import every_function
from quire.actions.calculating.remote import ConfinedCalculator
from quire.errors import InputError, QuireError
from quire.jobs.job import (
    Assignment,
    Completed,
    Failed,
    JobError,
    JobResult,
    Outcome,
    StagedProduct,
)
from quire.jobs.parameters import Parameter, read_parameters
from quire.ports.kind import JobContext, Plan
from quire.ports.product_writer import ProductWriter
from quire.ports.run_reader import RunReader
from quire.products.manifest import Manifest, ManifestPart, decode_manifest, whole_hash
from quire.products.projection.calculating import Calculator
from quire.products.projection.choosing import chosen
from quire.products.projection.classing import group_classes
from quire.products.projection.contents import Contents, Scalar, Variable
from quire.products.projection.describing import ProductNames, held
from quire.products.projection.executing import EntryLost, Execution, counted
from quire.products.projection.facts import RunFacts
from quire.products.projection.functions import Function
from quire.products.projection.identity import identity_inputs, identity_of
from quire.products.projection.plotting import default_plot
from quire.products.projection.provenance import provenance
from quire.products.projection.resolving import Resolved, resolve
from quire.writers.csv import CsvWriter
from quire.writers.fits_table import FitsTableWriter
from quire.writers.nexus.writer import NexusWriter
from quire.writers.parquet import ParquetWriter
from quire.writers.product_files import hashed, write_json
from quire.writers.zarr import ZarrWriter

ReaderOf = Callable[[Assignment, str], RunReader]
_PRODUCTS = "products"
# What goes by: the server begins anew, or is about to end.
_PASSING = frozenset({"connection_lost", "store_unavailable"})


class NothingMade(QuireError):
    """No entry of a projection could be made."""

    code = "nothing_made"


class ProjectKind:
    """Projects one run.

    `PROJECTION` is the name of one of the run's projections, ``*`` for all of them, or
    ``generic``, ``NXscan`` or ``NXsas``; if it is not given, the run's only one, or ``generic`` where it has
    none.

    Parameters
    ----------
    reader
        Opens a run; a server, which only plans, has none.
    registry
        The functions that entries may name.
    calculator
        Makes what calls them, for one attempt.
    """

    name = "project"
    description = "Makes a product of a run as its projection says."

    def __init__(
        self,
        reader: ReaderOf | None = None,
        *,
        registry: Mapping[str, Function] | None = None,
        calculator: Callable[[Mapping[str, Function]], Calculator] = ConfinedCalculator,
    ) -> None:
        self._reader = reader
        self._registry = every_function() if registry is None else dict(registry)
        self._calculator = calculator
        self._writers = {one.format: one for one in writers()}
        self.parameters = (
            Parameter(
                name="RUN",
                description="uid of the run",
                required=True,
            ),
            Parameter(
                name="PROJECTION",
                description="Name of the run's projection; * for all of them",
                default="",
            ),
            Parameter(
                name="FORMAT",
                description="Format of the product",
                choices=tuple(self._writers),
                default="nexus",
            ),
        )

    def plan(self, parameters: Mapping[str, Any]) -> Plan:
        """Read the parameters that a client sent.

        Raises
        ------
        InputError
            A name is unknown or missing, or a value cannot be used.
        """
        given = dict(parameters)
        for name, value in given.items():
            # A client names its runs in a list, of which this kind takes one.
            if name.upper() == "RUN" and isinstance(value, list):
                if len(value) != 1:
                    raise InputError(
                        "/parameters/RUN", f"{len(value)} runs", "give one"
                    )
                given[name] = value[0]
        values = read_parameters(self.parameters, given, at="/parameters/")
        return Plan(parameters=values, runs=(values["RUN"],))

    def work(self, context: JobContext) -> Outcome:
        """Make the product, and leave it durable in the attempt's folder."""
        if self._reader is None:
            raise InputError("reader", "this process reads no runs")
        given = context.assignment.parameters
        writer = self._writers[given["FORMAT"]]
        try:
            reader = self._reader(context.assignment, given["RUN"])
            making = _Making(context, reader, writer, self._registry)
            return making.make(given["PROJECTION"], self._calculator)
        except QuireError as problem:
            if problem.code not in _PASSING:
                raise
            code, message = problem.code, str(problem)
        error = JobError(type="transient", code=code, message=message)
        return Failed(error=error)


class _Making:
    """One product on its way."""

    def __init__(
        self,
        context: JobContext,
        reader: RunReader,
        writer: ProductWriter,
        registry: Mapping[str, Function],
    ) -> None:
        self._context = context
        self._reader = reader
        self._writer = writer
        self._registry = registry
        self._began = _now()
        self._held: dict[str, Any] = {}

    def make(
        self, wanted: str, calculator: Callable[[Mapping[str, Function]], Calculator]
    ) -> Outcome:
        facts, streams = self._reader.run()
        facts, projections = chosen(facts, streams, wanted, self._reader.stream)
        resolved = resolve(
            projections, facts, self._registry, prefixed=len(projections) > 1
        )
        if not resolved.outcomes:
            return Completed(message="The run has no projections: nothing to make")
        inputs = identity_inputs(
            projections,
            facts,
            resolved,
            form=self._writer.format,
            options={},
            libraries=self._writer.libraries,
        )
        identity = identity_of(inputs)
        names = ProductNames(facts, projections, identity, self._writer.suffix[0])
        former = self._made_before(names)
        if former is not None:
            return Completed(message=f"{names.file} was made before", product=former)
        part = self._context.folder / names.file
        execution = self._written(part, resolved, facts, calculator, identity)
        return self._staged(part, names, execution, inputs)

    def _made_before(self, names: ProductNames) -> StagedProduct | None:
        """Return the product if it is published already: it is not made twice."""
        folder = Path(self._context.assignment.data_folder) / _PRODUCTS
        try:
            stated = decode_manifest((folder / names.manifest).read_bytes())
            if (folder / names.file).stat().st_size != stated.size:
                return None
        except (OSError, InputError):
            return None
        return self._stage(names, stated.size, stated.sha256)

    def _written(
        self,
        part: Path,
        resolved: Resolved,
        facts: RunFacts,
        calculator: Callable[[Mapping[str, Function]], Calculator],
        identity: str,
    ) -> Execution:
        """Write the file; begun anew without an entry that failed midway."""
        lost: list[EntryLost] = []
        while True:
            calls = calculator(self._registry)
            execution = Execution(
                resolved,
                lambda stream, fields: self._reader.rows(
                    stream, fields, facts.streams[stream].rows
                ),
                calls,
            )
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
        try:
            for stream in contents.rows:
                for block in execution.blocks(stream):
                    sheet.write(block)
                    done += len(block.seq_num)
                    percent = min(99, max(1, 99 * done // rows))
                    # Blocks of images are many more than percents.
                    if percent > told:
                        told = percent
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
        found = hashed(part)
        whole = whole_hash([found.part])
        assignment = self._context.assignment
        ended, code = _now(), f"quire {version('quire')}"
        told = provenance(
            file=names.file,
            sha256=found.sha256,
            identity=names.identity,
            inputs=inputs,
            job=assignment.job,
            owner=assignment.owner,
            began=self._began,
            ended=ended,
            code_version=code,
        )
        manifest = Manifest(
            id=names.identity,
            file=names.file,
            size=found.size,
            sha256=whole,
            made=ended,
            code_version=code,
            job=assignment.job,
            attempt=assignment.attempt,
            runs=(inputs["run"],),
            parts=(ManifestPart(offset=0, length=found.size, sha256=found.part),),
        )
        entries = msgspec.to_builtins(list(execution.outcomes.values()))
        told_whole = {
            **msgspec.to_builtins(manifest),
            "inputs": inputs,
            "entries": entries,
            **self._held,
            "provenance": told,
        }
        write_json(part.with_name(names.manifest), told_whole)
        results = tuple(
            self._result(name, value)
            for name, value in (("provenance", told), ("entries", entries))
        )
        issues = counted(execution.outcomes)
        message = f"Made {names.file}: {len(entries)} entries, {issues} with an issue"
        product = self._stage(names, found.size, whole)
        return Completed(message=message, product=product, results=results)

    def _result(self, name: str, value: Any) -> JobResult:
        path = self._context.folder / f"{name}.json"
        size, sha256 = write_json(path, value)
        return JobResult(
            id=name,
            path=str(path.relative_to(self._context.assignment.data_folder)),
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
        )


def writers() -> tuple[ProductWriter, ...]:
    """Return the writers that there are."""
    return (
        NexusWriter(),
        ParquetWriter(),
        CsvWriter(),
        ZarrWriter(),
        FitsTableWriter(),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
