"""Jobs as UWS 1.1 writes them (``UWS.xsd``, 1.1-REC-20161024)."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote as percent
from xml.sax.saxutils import escape, quoteattr

import msgspec

from quire.faces.uws.times import write_time
from quire.faces.uws.xml import (
    NAMESPACES,
    add,
    add_nillable,
    is_legal,
    legal,
    library,
    link,
    root,
    to_bytes,
)
from quire.jobs.job import Job, JobResult
from quire.jobs.parameters import as_text

VERSION = "1.1"
_QUIRE = "urn:quire:job"


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job with what its document needs beside it.

    Attributes
    ----------
    url
        Its address, absolute.
    quote
        Unix seconds, None if unknown.
    files
        Names of the parameters that are files.
    host
        Where its newest attempt ran, or runs.
    """

    job: Job
    url: str
    results: tuple[JobResult, ...] = ()
    quote: float | None = None
    files: frozenset[str] = frozenset()
    host: str = ""


def job_document(view: JobView) -> bytes:
    """Return a job's document."""
    job = view.job
    element = root("job", version=VERSION)
    add(element, "jobId", job.id)
    if job.run_id:
        add(element, "runId", job.run_id)
    add_nillable(element, "ownerId", job.owner or None)
    add(element, "phase", job.phase.value)
    add_nillable(element, "quote", write_time(view.quote))
    # Required by the text of 1.1, and never nil.
    add(element, "creationTime", write_time(job.created) or "1970-01-01T00:00:00Z")
    add_nillable(element, "startTime", write_time(job.started))
    add_nillable(element, "endTime", write_time(job.ended))
    add(element, "executionDuration", str(job.execution_duration))
    add_nillable(element, "destruction", write_time(job.destruction))
    _add_parameters(add(element, "parameters"), view)
    _add_results(add(element, "results"), view)
    if job.error is not None:
        summary = add(element, "errorSummary", type=job.error.type, hasDetail="true")
        add(summary, "message", f"{job.error.code}: {job.error.message}")
    _add_info(add(element, "jobInfo"), view)
    return to_bytes(element)


def parameters_document(view: JobView) -> bytes:
    """Return the document of a job's parameters."""
    element = root("parameters")
    _add_parameters(element, view)
    return to_bytes(element)


def results_document(view: JobView) -> bytes:
    """Return the document of a job's results."""
    element = root("results")
    _add_results(element, view)
    return to_bytes(element)


async def jobs_document(
    pages: AsyncIterator[tuple[Job, ...]], collection: str
) -> AsyncIterator[bytes]:
    """Yield the list of jobs, a piece a page, so that it never lies whole in memory.

    Parameters
    ----------
    collection
        Absolute address of the list.
    """
    # Written as text: building elements takes more than twice as long.
    names = "".join(f' xmlns:{short}="{name}"' for short, name in NAMESPACES.items())
    head = f"<?xml version='1.0' encoding='UTF-8'?>\n<uws:jobs{names}"
    yield f'{head} version="{VERSION}">\n'.encode()
    async for jobs in pages:
        yield "".join([_reference(job, collection) for job in jobs]).encode()
    yield b"</uws:jobs>\n"


def parameter_text(value: Any) -> str:
    """Return a parameter's value as text; of several, one a line."""
    if isinstance(value, list):
        return "\n".join(map(as_text, value))
    return as_text(value)


def _reference(job: Job, collection: str) -> str:
    """Return a job in a list: its elements in the order of the schema."""
    address = quoteattr(legal(f"{collection}/{percent(job.id)}"))
    name = quoteattr(legal(job.id))
    parts = [
        f'<uws:jobref id={name} xlink:type="simple" xlink:href={address}>',
        f"<uws:phase>{job.phase.value}</uws:phase>",
    ]
    if job.run_id:
        parts.append(f"<uws:runId>{escape(legal(job.run_id))}</uws:runId>")
    if job.owner:
        parts.append(f"<uws:ownerId>{escape(legal(job.owner))}</uws:ownerId>")
    else:
        parts.append('<uws:ownerId xsi:nil="true"/>')
    if created := write_time(job.created):
        parts.append(f"<uws:creationTime>{created}</uws:creationTime>")
    parts.append("</uws:jobref>\n")
    return "".join(parts)


def _add_parameters(parent: Any, view: JobView) -> None:
    for name, value in view.job.parameters.items():
        address = f"{view.url}/parameters/{percent(name, safe='')}"
        for text in _texts(value, by_reference=name in view.files):
            if text is None:
                add(parent, "parameter", address, id=legal(name), byReference="true")
            else:
                add(parent, "parameter", text, id=legal(name))


def _texts(value: Any, *, by_reference: bool) -> Iterator[str | None]:
    """Yield values as text, None for one that XML cannot hold or that is a file."""
    for one in value if isinstance(value, list) else [value]:
        text = as_text(one)
        yield None if by_reference or not is_legal(text) else text


def _add_results(parent: Any, view: JobView) -> None:
    for result in view.results:
        element = add(parent, "result", id=legal(result.id))
        link(element, f"{view.url}/results/{percent(result.id, safe='')}")
        if 0 <= result.size < 2**63:
            element.set("size", str(result.size))
        if result.mime_type:
            element.set("mime-type", legal(result.mime_type))


def _add_info(parent: Any, view: JobView) -> None:
    job = view.job
    facts = {"attempt": str(job.attempt)}
    if job.attempt and (host := job.host or view.host):
        facts["host"] = host
    if job.retry_of:
        facts["retryOf"] = job.retry_of
    etree = library()
    for name, text in facts.items():
        etree.SubElement(
            parent, f"{{{_QUIRE}}}{name}", nsmap={None: _QUIRE}
        ).text = legal(text)
    for alert in job.alerts:
        etree.SubElement(
            parent,
            f"{{{_QUIRE}}}alert",
            {"severity": alert.severity.value},
            nsmap={None: _QUIRE},
        ).text = legal(alert.description)
