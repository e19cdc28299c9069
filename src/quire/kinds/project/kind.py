"""The kind `project`: a run, a projection and a format make a product."""

from collections.abc import Callable, Mapping
from typing import Any

from quire.actions.leaving import (
    LINKING,
    External,
    left_in_files,
    none_left,
)
from quire.actions.projecting import Site
from quire.errors import InputError, QuireError
from quire.jobs.job import (
    Assignment,
    Failed,
    JobError,
    Outcome,
)
from quire.jobs.parameters import Parameter, read_parameters
from quire.kinds.project.making import Making
from quire.ports.kind import JobContext, Plan
from quire.ports.product_writer import ProductWriter
from quire.ports.run_reader import RunReader
from quire.writers.csv import CsvWriter
from quire.writers.fits_table import FitsTableWriter
from quire.writers.nexus.writer import NexusWriter
from quire.writers.parquet import ParquetWriter
from quire.writers.zarr import ZarrWriter

ReaderOf = Callable[[Assignment, str], RunReader]
# What goes by: the server begins anew, or is about to end; a run is being written.
_PASSING = frozenset({"connection_lost", "store_unavailable", "run_changed"})


class ProjectKind:
    """Projects one run.

    `PROJECTION` is the name of one of the run's projections, ``*`` for all of them, one
    that the site has configured, or ``generic``, ``NXscan`` or ``NXsas``; if it is not
    given, the run's only one, or ``generic`` where it has none.

    Parameters
    ----------
    reader
        Opens a run; a server, which only plans, has none.
    site
        What the site adds.
    """

    name = "project"
    description = "Makes a product of a run as its projection says."

    def __init__(
        self,
        reader: ReaderOf | None = None,
        *,
        site: Site | None = None,
    ) -> None:
        self._reader = reader
        self.site = site or Site()
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
            Parameter(
                name="EXTERNAL",
                description="Whether data in HDF5 files is copied, or left there and"
                " linked to (virtual datasets of nexus); if not given, as the site has it",
                choices=tuple(one.value for one in External),
            ),
        )

    def reading(self, reader: ReaderOf) -> "ProjectKind":
        """Return this kind for a process that does the work."""
        return ProjectKind(reader, site=self.site)

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
        if values.get("EXTERNAL") == External.LINK and values["FORMAT"] not in LINKING:
            raise InputError(
                "/parameters/EXTERNAL",
                f"{values['FORMAT']} cannot link",
                f"of {', '.join(LINKING)}, or copy",
            )
        return Plan(parameters=values, runs=(values["RUN"],))

    def work(self, context: JobContext) -> Outcome:
        """Make the product, and leave it durable in the attempt's folder."""
        if self._reader is None:
            raise InputError("reader", "this process reads no runs")
        given = context.assignment.parameters
        writer = self._writers[given["FORMAT"]]
        try:
            reader = self._reader(context.assignment, given["RUN"])
            wanted = given.get("EXTERNAL") or self.site.external
            linking = wanted == External.LINK and writer.format in LINKING
            leaving = left_in_files if linking else none_left
            making = Making(context, reader, writer, self.site, leaving)
            return making.make(given["PROJECTION"])
        except QuireError as problem:
            if problem.code not in _PASSING:
                raise
            code, message = problem.code, str(problem)
        error = JobError(type="transient", code=code, message=message)
        return Failed(error=error)


def writers() -> tuple[ProductWriter, ...]:
    """Return the writers that there are."""
    return (
        NexusWriter(),
        ParquetWriter(),
        CsvWriter(),
        ZarrWriter(),
        FitsTableWriter(),
    )
