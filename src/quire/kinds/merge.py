"""The kind `merge`: an acquisition, by ESO's data product specification."""

import errno
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any

from quire.errors import InputError, ManyInputErrors
from quire.jobs.job import Alert, Blocked, Completed, Outcome, Severity, StagedProduct
from quire.ports.kind import Claim, JobContext, Plan
from quire.products.source_problem import SourceProblem
from quire.products.specification import DataProductSpecification, parse_specification
from quire.writers.fits.merge import MergedPart, ProductIdentity, merge

_NAMES = ("SPECIFICATION", "RUN")
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_HERE = "/parameters/SPECIFICATION"


class MergeKind:
    """Merges source files into one FITS product.

    `SPECIFICATION` is the data product specification, as text or as an object;
    `RUN` the uid, or a list of uids, of the runs that the product belongs to. A bad
    specification is refused; a bad or missing source blocks the job, with an alert
    that names the source and the mend.
    """

    name = "merge"
    description = "Merges FITS files by a data product specification."

    def plan(self, parameters: Mapping[str, Any]) -> Plan:
        """Read the parameters that a client sent.

        Raises
        ------
        InputError
            A name is unknown or the specification cannot be used; all of its errors
            at once.
        """
        given = _named(parameters)
        text = given.get("SPECIFICATION")
        if not isinstance(text, str | Mapping):
            reason = "a specification is needed, as text or as an object"
            raise InputError(_HERE, reason)
        specification = _parsed(text)
        _require_absolute(specification)
        return Plan(
            parameters={"SPECIFICATION": text, "RUN": (runs := _runs(given))},
            runs=tuple(runs),
            claims=(
                Claim(space="acquisition", name=specification.id, field=f"{_HERE}/id"),
                Claim(
                    space="product file",
                    name=specification.target.file_id,
                    field=f"{_HERE}/target/fileId",
                ),
            ),
        )

    def work(self, context: JobContext) -> Outcome:
        """Merge, and leave the product durable in the attempt's folder."""
        assignment = context.assignment
        specification = parse_specification(assignment.parameters["SPECIFICATION"])
        try:
            part = merge(
                specification,
                {file.location: Path(file.location) for file in specification.files},
                context.folder,
                made=datetime.now(UTC),
                identity=ProductIdentity(
                    job=assignment.job,
                    attempt=assignment.attempt,
                    runs=assignment.runs,
                    code_version=f"quire {version('quire')}",
                ),
                report=context.tell,
                cancelled=context.cancelled,
            )
        except SourceProblem as problem:
            return _blocked(f"source:{problem.source}", str(problem))
        except OSError as problem:
            return _blocked("disk", _disk_trouble(problem))
        for alert in part.alerts:
            context.tell(f"{alert.severity}: {alert.description}")
        staged = _staged(part, Path(assignment.data_folder))
        return Completed(message=f"Published {part.file_name}", product=staged)


def _named(parameters: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for field, value in parameters.items():
        name = field.upper()
        if name not in _NAMES:
            near = get_close_matches(name, _NAMES, n=1) or _NAMES
            mend = f"did you mean {near[0]}?"
            raise InputError(f"/parameters/{field}", "unknown parameter", mend)
        if name in given:
            raise InputError(f"/parameters/{field}", "given twice", "give it once")
        given[name] = value
    return given


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


def _require_absolute(specification: DataProductSpecification) -> None:
    wrong = [
        InputError(
            f"{_HERE}: source {file.source_name}",
            f"{file.location!r} is no absolute path on this machine",
            "a server has no folder of its own to look in",
        )
        for file in specification.files
        if not file.location.startswith("/")
    ]
    if wrong:
        raise ManyInputErrors(wrong)


def _runs(given: Mapping[str, Any]) -> list[str]:
    value = given.get("RUN") or []
    runs = [value] if isinstance(value, str) else value
    if not isinstance(runs, list) or not all(isinstance(uid, str) for uid in runs):
        raise InputError("/parameters/RUN", "takes a uid or a list of uids")
    return list(dict.fromkeys(runs))


def _blocked(name: str, description: str) -> Blocked:
    alert = Alert(id=name, severity=Severity.ERROR, description=description)
    return Blocked(alerts=(alert,))


def _disk_trouble(problem: OSError) -> str:
    mend = (
        "make room on the data folder's disk, then retry"
        if problem.errno in _NO_SPACE
        else "look at the data folder's disk, then retry"
    )
    return f"the product cannot be written: {problem.strerror or problem} ({mend})"


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
