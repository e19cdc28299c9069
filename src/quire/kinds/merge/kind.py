"""Collects, merges and releases by a data product specification."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import (
    AbstractContextManager,
    contextmanager,
    nullcontext,
    suppress,
)
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from quire.actions.attempt_folders import DONE
from quire.errors import InputError, ManyInputErrors
from quire.jobs.job import (
    Assignment,
    Completed,
    Outcome,
    StagedProduct,
)
from quire.jobs.parameters import Parameter, ParameterType, read_parameters
from quire.kinds.merge.collecting import Collected, Collecting, transfer_of
from quire.kinds.merge.course import Course
from quire.kinds.merge.cpu import CpuBudget, CpuSpent, cpu_limit
from quire.kinds.merge.marks import RowMarks
from quire.kinds.merge.outcomes import (
    Stuck,
    blocked,
    disk_trouble,
    source_trouble,
    too_much_computing,
)
from quire.kinds.merge.releasing import Releasing, delivery_of
from quire.kinds.merge.slots import PER_HOST, TRANSFERS, HostSlots
from quire.ports.kind import Claim, JobContext, Plan
from quire.ports.transfer import Delivery, Marks, Transfer, TransferProblem
from quire.products.acquisition_states import Substate
from quire.products.keyword_dictionary import specification_faults
from quire.products.receivers import FolderReceiver, OlasReceiver
from quire.products.source_problem import SourceProblem
from quire.products.specification import (
    DataProductSpecification,
    parse_specification,
    stored_specification,
)
from quire.writers.fits.dictionaries import DICTIONARIES, dictionaries_in
from quire.writers.fits.merge import MergedPart, ProductIdentity, merge

_COLLECTING = Substate.COLLECTING.value
_MERGING = Substate.MERGING.value
_RELEASING = Substate.RELEASING.value
_HERE = "/parameters/SPECIFICATION"


class Openness(msgspec.Struct, frozen=True, kw_only=True):
    """What of this machine's files anybody may name who may have jobs run.

    Elsewhere only those may to whom all is allowed: the work is done as the server's
    user, and that one may read and write more than others.

    Attributes
    ----------
    sources
        Whether those that its transfers take.
    receivers
        Whether those that its deliveries take.
    """

    sources: bool = True
    receivers: bool = True


class MergeKind:
    """Merges source files into one FITS product.

    `SPECIFICATION` is the data product specification, as text or as an object;
    `RUN` the uid, or a list of uids, of the runs that the product belongs to. A bad
    specification is refused; a bad or missing source blocks the job, with an alert
    that names the source and the mend.

    Parameters
    ----------
    dictionaries
        Folder of the keyword dictionaries; None lets `plan` check no keywords, and
        `work` look in the data folder.
    transfers, deliveries
        What sources are collected with, and products handed on; without the first,
        sources are read where they lie.
    open_to_all
        Which of this machine's files anybody may name.
    per_host
        Transfers at a time with each host, over all attempts of this machine; 0 is
        no limit.
    confined
        Whether an attempt may compute only for so long; only where the process is a
        worker's.
    """

    name = "merge"
    description = "Merges FITS files by a data product specification."
    parameters = (
        Parameter(
            name="SPECIFICATION",
            type=ParameterType.OBJECT,
            description="A specification is needed, as text or as an object",
            required=True,
        ),
        Parameter(
            name="RUN",
            description="uid of a run that the product belongs to",
            multiple=True,
        ),
    )

    def __init__(
        self,
        dictionaries: Path | None = None,
        *,
        transfers: Sequence[Transfer] = (),
        deliveries: Sequence[Delivery] = (),
        open_to_all: Openness | None = None,
        per_host: int = PER_HOST,
        confined: bool = False,
    ) -> None:
        self.transfers = tuple(transfers)
        self._dictionaries = dictionaries
        self._open = open_to_all or Openness()
        self._deliveries = deliveries
        self._per_host = per_host
        self._confined = confined

    def plan(self, parameters: Mapping[str, Any]) -> Plan:
        """Read the parameters that a client sent.

        Raises
        ------
        InputError
            A name is unknown or the specification cannot be used; all of its errors
            at once.
        """
        given = read_parameters(self.parameters, parameters, at="/parameters/")
        text = given["SPECIFICATION"]
        runs = list(dict.fromkeys(given["RUN"]))
        specification = _parsed(text)
        self._require_reachable(specification)
        _require_conforming(specification, self._dictionaries)
        return Plan(
            parameters={"SPECIFICATION": text, "RUN": runs},
            runs=tuple(runs),
            reserved=self._reserved(specification),
            claims=(
                Claim(space="acquisition", name=specification.id, field=f"{_HERE}/id"),
                Claim(
                    space="product file",
                    name=specification.target.file_id,
                    field=f"{_HERE}/target/fileId",
                ),
            ),
        )

    def _reserved(self, specification: DataProductSpecification) -> str:
        """Return why only some may have this done, empty if all may."""
        if not self._open.sources and any(
            file.location.startswith("/") for file in specification.files
        ):
            return "it names files of the server, and no source_roots are declared"
        if not self._open.receivers and any(
            isinstance(one, OlasReceiver | FolderReceiver)
            and not getattr(one, "host", "")
            for one in specification.receivers
        ):
            return (
                "it writes to the server's disk, and no transfers.folders are declared"
            )
        return ""

    def _require_reachable(self, specification: DataProductSpecification) -> None:
        wrong: list[InputError] = []
        for file in specification.files:
            at = f"{_HERE}: source {file.source_name}"
            if self.transfers:
                with _placed(at, wrong):
                    transfer_of(file.location, self.transfers)
            elif not file.location.startswith("/"):
                reason = f"{file.location!r} is no absolute path on this machine"
                mend = "a server has no folder of its own to look in"
                wrong.append(InputError(at, reason, mend))
        if self.transfers:
            for number, receiver in enumerate(specification.receivers):
                with _placed(f"{_HERE}/receivers/{number}", wrong):
                    delivery_of(receiver, self._deliveries)
        if wrong:
            raise ManyInputErrors(wrong)

    def work(self, context: JobContext) -> Outcome:
        """Collect, merge and release; leave the product durable for publication."""
        try:
            with self._limited(context) as budget:
                return self._done(context, budget)
        except CpuSpent:
            return too_much_computing()
        except Stuck as stuck:
            return stuck.outcome
        except InputError as problem:
            return blocked("keyword_dictionary", str(problem))
        except SourceProblem as problem:
            return source_trouble(problem)
        except OSError as problem:
            return disk_trouble(problem)

    def _limited(self, context: JobContext) -> AbstractContextManager[CpuBudget]:
        if not self._confined:
            return nullcontext(CpuBudget(None))
        text = context.assignment.parameters["SPECIFICATION"]
        return cpu_limit(_size(stored_specification(text)))

    def _done(self, context: JobContext, budget: CpuBudget) -> Completed:
        assignment = context.assignment
        specification = stored_specification(assignment.parameters["SPECIFICATION"])
        done = context.folder.parent / DONE
        course = Course(context, budget)
        if not self.transfers:
            part = self._merged(context, specification, course, None)
            return _completed(part, Path(assignment.data_folder))
        marks = RowMarks(assignment.marks, course.mark)
        releasing = Releasing(
            specification,
            self._deliveries,
            marks,
            done=done,
            slots=self._slots(assignment),
            proceed=course.proceed,
        )
        part_or_none = releasing.merged()
        part = part_or_none or self._collected_and_merged(
            context, specification, course, marks, releasing
        )
        if specification.receivers:
            course.step(_RELEASING, part.alerts)
            releasing.run(part, context.tell)
        # What was collected is removed by the server, once the product is published.
        return _completed(part, Path(assignment.data_folder))

    def _slots(self, assignment: Assignment) -> HostSlots:
        folder = Path(assignment.data_folder) / TRANSFERS
        return HostSlots(folder, per_host=self._per_host)

    def _collected_and_merged(
        self,
        context: JobContext,
        specification: DataProductSpecification,
        course: Course,
        marks: Marks,
        releasing: Releasing,
    ) -> MergedPart:
        collecting = Collecting(
            specification,
            self.transfers,
            marks,
            folder=context.folder,
            slots=self._slots(context.assignment),
            proceed=course.proceed,
            tell=context.tell,
            counted=course.budget.more,
        )
        course.step(_COLLECTING)
        collected = collecting.run()
        if collected.owned is not None:
            # The merge uses it up: what is left of it is no source any more.
            number = [one.path for one in collected.sources].index(str(collected.owned))
            marks.remove(f"source-{number}")
        part = self._merged(context, specification, course, collected)
        suspicious = {
            one.id: one
            for one in (*collected.alerts, *collecting.changed_since(collected))
        }
        part = replace(part, alerts=(*part.alerts, *suspicious.values()))
        if part.alerts:
            course.step(_MERGING, part.alerts)
        return releasing.keep(part) if specification.receivers else part

    def _merged(
        self,
        context: JobContext,
        specification: DataProductSpecification,
        course: Course,
        collected: Collected | None,
    ) -> MergedPart:
        assignment = context.assignment
        folder = self._dictionaries or Path(assignment.data_folder) / DICTIONARIES
        if collected is None:
            course.step(_COLLECTING)
        part = merge(
            specification,
            {file.location: Path(file.location) for file in specification.files}
            if collected is None
            else collected.paths,
            context.folder,
            made=datetime.now(UTC),
            identity=ProductIdentity(
                job=assignment.job,
                attempt=assignment.attempt,
                runs=assignment.runs,
                code_version=_code_version(),
            ),
            report=course.report,
            cancelled=context.cancelled,
            dictionaries=dictionaries_in(folder, specification),
            known=collected.known if collected else None,
            owned=collected.owned if collected else None,
        )
        if collected is None and part.alerts:
            course.step(_MERGING, part.alerts)
        return part


@contextmanager
def _placed(at: str, wrong: list[InputError]) -> Iterator[None]:
    """Put a problem of the settings among the errors of a specification."""
    try:
        yield
    except TransferProblem as problem:
        wrong.append(InputError(at, problem.reason, problem.mend))


def _parsed(text: str | Mapping[str, Any]) -> DataProductSpecification:
    try:
        return parse_specification(text)
    except ManyInputErrors as errors:
        raise ManyInputErrors(
            [
                InputError(f"{_HERE}{one.field}", one.reason, one.mend)
                for one in errors.errors
            ]
        ) from None


def _require_conforming(
    specification: DataProductSpecification, folder: Path | None
) -> None:
    if folder is None:
        return
    known = dictionaries_in(folder, specification, at=_HERE)
    if known and (wrong := specification_faults(specification, known, at=_HERE)):
        raise ManyInputErrors(wrong)


@functools.cache  # looking it up reads files
def _code_version() -> str:
    return f"quire {version('quire')}"


def _size(specification: DataProductSpecification) -> int:
    """Return the bytes of its sources, as far as that is known without asking."""
    total = 0
    for file in specification.files:
        with suppress(OSError, ValueError):
            total += Path(file.location).stat().st_size
    return total


def _completed(part: MergedPart, data_folder: Path) -> Completed:
    staged = _staged(part, data_folder)
    return Completed(message=f"Published {part.file_name}", product=staged)


def _staged(part: MergedPart, data_folder: Path) -> StagedProduct:
    return StagedProduct(
        file_name=part.file_name,
        manifest_name=part.manifest_name,
        part=str(part.file.relative_to(data_folder)),
        manifest=str(part.manifest.relative_to(data_folder)),
        size=part.size,
        sha256=part.sha256,
        mime_type=part.mime_type,
        runs=part.runs,
    )
