"""Many new jobs at once, by COPY: for moving stores."""

from collections.abc import Sequence

from quire.jobs.job import Job
from quire.ports.job_records import search_terms
from quire.storage.postgres.jobs import columns_of, keep_texts, term
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Session
from quire.storage.postgres.uids import to_column


def copy_jobs(session: Session, jobs: Sequence[tuple[Job, int | None, bytes]]) -> None:
    """Store jobs of which none is there yet, with their numbers and their bytes.

    Their acquisitions do not follow them.
    """
    for job, _, _ in jobs:
        keep_texts(session, job)
    session.copy(
        "job (id, phase, kind, owner, created, not_before, run_id, error, destruction,"
        " record, number)",
        [(*columns_of(job)[:-1], record, number) for job, number, record in jobs],
    )
    session.copy(
        "job_run (run, job)",
        [
            (to_key(run), to_column(job.id))
            for job, _, _ in jobs
            for run in set(job.runs)
        ],
    )
    session.copy(
        "job_parameter (term, job)",
        [
            (term(*one), to_column(job.id))
            for job, _, _ in jobs
            for one in search_terms(job)
        ],
    )
