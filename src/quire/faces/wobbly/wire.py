"""Wobbly's models, and jobs as they are shown (``reference/wobbly.md``, 1 and 4).

What has its default value is left out; times are whole seconds in UTC.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from quire.jobs.job import JobError, Outside
from quire.jobs.phases import Phase
from quire.ports.job_numbers import Numbered


class ErrorModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a job failed."""

    type: str
    code: str
    message: str
    detail: str | None = None


class ResultModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A result of a job, where its service has put it."""

    id: str
    url: str
    size: int | None = None
    mime_type: str | None = None


class JobModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job (Safir's ``SerializedJob``)."""

    json_parameters: dict[str, Any]
    run_id: str | None = None
    destruction_time: datetime
    execution_duration: int | None = None
    id: str
    service: str
    owner: str
    phase: Phase
    message_id: str | None = None
    creation_time: datetime
    start_time: datetime | None = None
    end_time: datetime | None = None
    quote: datetime | None = None
    errors: list[ErrorModel] = []
    results: list[ResultModel] = []


class JobCreate(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is to be made; for the description alone."""

    json_parameters: dict[str, Any]
    destruction_time: datetime
    run_id: str | None = None
    execution_duration: int | None = None


class JobUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What is reported of a job, by phase; for the description alone."""

    phase: Phase | None = None
    message_id: str | None = None
    start_time: datetime | None = None
    results: list[ResultModel] | None = None
    errors: list[ErrorModel] | None = None
    destruction_time: datetime | None = None
    execution_duration: int | None = None


def shown(one: Numbered) -> JobModel:
    """Return a job as Wobbly shows it."""
    job, outside = one.job, one.job.outside or Outside()
    # Wobbly's own tests have no end for what was aborted before it began.
    never_ran = job.phase is Phase.ABORTED and job.started is None
    return JobModel(
        json_parameters=job.parameters,
        run_id=job.run_id or None,
        destruction_time=moment(job.destruction or 0.0),
        execution_duration=job.execution_duration or None,
        id=str(one.number),
        service=job.kind,
        owner=job.owner,
        phase=job.phase,
        message_id=outside.message_id,
        creation_time=moment(job.created),
        start_time=None if job.started is None else moment(job.started),
        end_time=None if job.ended is None or never_ran else moment(job.ended),
        errors=[_error(error) for error in outside.errors],
        results=[
            ResultModel(
                id=result.id,
                url=result.url,
                size=result.size,
                mime_type=result.mime_type,
            )
            for result in outside.results
        ],
    )


def moment(seconds: float) -> datetime:
    """Return Unix seconds as a time in UTC, whole seconds."""
    return datetime.fromtimestamp(math.floor(seconds), UTC)


def encoded(jobs: Iterable[Numbered]) -> bytes:
    """Return jobs as the inside of a JSON array."""
    return msgspec.json.encode([shown(one) for one in jobs])[1:-1]


def front(
    *, name: str, version: str, description: str, documentation_url: str
) -> dict[str, str | None]:
    """Return what ``GET /`` says of a server (Safir's ``Metadata``)."""
    return {
        "name": name,
        "version": version,
        "description": description,
        "repository_url": None,
        "documentation_url": documentation_url,
    }


def _error(error: JobError) -> ErrorModel:
    return ErrorModel(
        type=error.type,
        code=error.code,
        message=error.message,
        detail=error.detail or None,
    )
