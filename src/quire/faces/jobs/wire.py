"""Jobs as JSON."""

from typing import Any
from urllib.parse import quote

from quire.jobs.job import Job, JobResult


def job_json(job: Job) -> dict[str, Any]:
    """Return a job; times are Unix seconds, `execution_duration` seconds."""
    return {
        "id": job.id,
        "kind": job.kind,
        "owner": job.owner,
        "phase": job.phase,
        "parameters": job.parameters,
        "runs": job.runs,
        "run_id": job.run_id,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "execution_duration": job.execution_duration,
        "destruction": job.destruction,
        "attempt": job.attempt,
        "results": [result_json(job.id, result) for result in job.results],
        "error": job.error,
        "alerts": job.alerts,
        "retry_of": job.retry_of or None,
        "product": job.product or None,
        "links": {
            "self": f"/api/v1/jobs/{job.id}",
            "operation": f"/api/v1/operations/{job.id}",
            "page": f"/operations/{job.id}",
            "results": f"/api/v1/jobs/{job.id}/results",
            "log": f"/api/v1/jobs/{job.id}/log",
        },
    }


def result_json(job: str, result: JobResult) -> dict[str, Any]:
    """Return a result; `size` in bytes, -1 where it is not known."""
    return {
        "id": result.id,
        "size": result.size,
        "mime_type": result.mime_type,
        "sha256": result.sha256 or None,
        "href": f"/api/v1/jobs/{job}/results/{quote(result.id, safe='')}",
    }
