"""Jobs as JSON."""

from typing import Any

from quire.jobs.job import Job


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
        "attempt": job.attempt,
        "results": job.results,
        "error": job.error,
        "alerts": job.alerts,
        "retry_of": job.retry_of or None,
        "product": job.product or None,
        "links": {
            "self": f"/api/v1/jobs/{job.id}",
            "operation": f"/api/v1/operations/{job.id}",
            "page": f"/operations/{job.id}",
        },
    }
