"""Safir's own UWS service, in its own environment, with us as its Wobbly.

Run by `test_safir.py` as ``python safir_program.py URL TOKEN``; prints what it saw as
JSON. Its queue is Safir's own mock of arq; all else is Safir as it is installed.
"""
# mypy: ignore-errors

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import structlog
from arq.connections import RedisSettings
from fastapi import APIRouter, FastAPI, Form
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel
from safir.arq import ArqMode, MockArqQueue
from safir.arq.uws import WorkerFatalError, WorkerResult
from safir.uws import (
    JobUpdateMetadata,
    ParametersModel,
    UWSApplication,
    UWSConfig,
    UWSRoute,
)
from safir.uws._exceptions import UnknownJobError
from safir.uws._storage import JobStore
from vo_models.uws import JobSummary, Parameter, Parameters
from vo_models.uws.types import ExecutionPhase


class XmlParameters(Parameters):
    """As UWS shows them."""

    name: Parameter = Parameter(id="name")


class WorkerParameters(BaseModel):
    """As the worker gets them."""

    name: str


class GreetingParameters(ParametersModel[WorkerParameters, XmlParameters]):
    """As Wobbly keeps them."""

    name: str

    def to_worker_parameters(self) -> WorkerParameters:
        """Return what the worker gets."""
        return WorkerParameters(name=self.name)

    def to_xml_model(self) -> XmlParameters:
        """Return what UWS shows."""
        return XmlParameters(name=Parameter(id="name", value=self.name))


async def parameters(name: Annotated[str, Form()]) -> GreetingParameters:
    """Return the parameters of a form."""
    return GreetingParameters(name=name)


def settings(url: str) -> UWSConfig:
    """Return the configuration of the service."""
    return UWSConfig(
        arq_mode=ArqMode.test,
        arq_redis_settings=RedisSettings(),
        async_post_route=UWSRoute(dependency=parameters, summary="Greet"),
        execution_duration=timedelta(minutes=10),
        job_summary_type=JobSummary[XmlParameters],
        lifetime=timedelta(days=1),
        parameters_type=GreetingParameters,
        signing_service_account="",
        validate_execution_duration=lambda duration, _: duration,
        wobbly_url=url,
        worker="greet",
    )


class Worker:
    """Does what Safir's workers do: tells its store of jobs in the queue."""

    def __init__(self, config: UWSConfig, queue: MockArqQueue, token: str) -> None:
        self._store = JobStore(config, AsyncClient())
        self._queue = queue
        self._token = token

    async def begin(self, job_id: str) -> None:
        """Begin a job."""
        job = await self._store.get(self._token, job_id)
        await self._queue.set_in_progress(job.message_id)
        await self._store.mark_executing(self._token, job_id, datetime.now(tz=UTC))

    async def end(self, job_id: str, outcome: list[WorkerResult] | Exception) -> None:
        """End a job."""
        job = await self._store.get(self._token, job_id)
        await self._queue.set_complete(job.message_id, result=outcome)
        result = await self._queue.get_job_result(job.message_id)
        await self._store.mark_completed(self._token, job_id, result)


async def as_a_service(config: UWSConfig, token: str) -> dict:
    """Use Safir's UWS service over HTTP, as astronomers do."""
    queue = MockArqQueue()
    application = UWSApplication(config)
    application.override_arq_queue(queue)
    await application.initialize_fastapi()
    app = FastAPI()
    router = APIRouter(prefix="/greet")
    application.install_handlers(router)
    application.install_middleware(app)
    application.install_error_handlers(app)
    app.include_router(router)
    worker = Worker(config, queue, token)
    seen = {}
    async with AsyncClient(
        transport=ASGITransport(app),
        base_url="https://example.com",
        headers={"X-Auth-Request-User": "alice", "X-Auth-Request-Token": token},
    ) as client:
        made = await client.post(
            "/greet/jobs", data={"NAME": "Vera", "runid": "first", "phase": "RUN"}
        )
        seen["made"] = made.status_code
        job = made.headers["location"].rpartition("/")[2]
        one = f"/greet/jobs/{job}"
        seen["queued"] = (await client.get(f"{one}/phase")).text
        await worker.begin(job)
        seen["executing"] = (await client.get(f"{one}/phase")).text
        waiting = asyncio.create_task(
            client.get(one, params={"wait": "30", "phase": "EXECUTING"})
        )
        result = WorkerResult(result_id="greeting", url="https://example.com/hello")
        await worker.end(job, [result])
        done = await waiting
        seen["done"] = [
            part in done.text
            for part in ("COMPLETED", "https://example.com/hello", "Vera", "first")
        ]
        other = await client.post("/greet/jobs", data={"name": "x"})
        second = f"/greet/jobs/{other.headers['location'].rpartition('/')[2]}"
        later = (datetime.now(tz=UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%TZ")
        moved = await client.post(f"{second}/destruction", data={"destruction": later})
        seen["moved"] = moved.status_code
        kept = await client.get(f"{second}/destruction")
        seen["kept"] = kept.text.removesuffix(".000Z").removesuffix("Z") == later[:-1]
        await client.post(f"{second}/executionduration", data={"executionduration": 9})
        seen["duration"] = (await client.get(f"{second}/executionduration")).text
        await client.post(f"{second}/phase", data={"phase": "ABORT"})
        seen["aborted"] = (await client.get(f"{second}/phase")).text
        third = await client.post("/greet/jobs", data={"name": "y", "phase": "RUN"})
        failing = third.headers["location"].rpartition("/")[2]
        await worker.begin(failing)
        await worker.end(failing, WorkerFatalError("it broke"))
        seen["error"] = (
            "it broke" in (await client.get(f"/greet/jobs/{failing}/error")).text
        )
        jobs = await client.get("/greet/jobs", params={"last": 2})
        seen["listed"] = jobs.text.count("<uws:jobref ")
        gone = await client.delete(second)
        seen["deleted"] = gone.status_code
        seen["after"] = (await client.get(second)).status_code
    return seen


async def as_a_store(config: UWSConfig, token: str) -> dict:
    """Use every operation of Safir's client of Wobbly."""
    async with AsyncClient() as client:
        store = JobStore(config, client)
        job = await store.create(
            token,
            run_id=None,
            parameters=GreetingParameters(name="Henrietta"),
            execution_duration=timedelta(seconds=600),
            lifetime=timedelta(hours=1),
        )
        seen = {"phase": job.phase.value, "duration": job.execution_duration.seconds}
        seen["same"] = (await store.get(token, job.id)).parameters == job.parameters
        metadata = JobUpdateMetadata(
            destruction_time=job.destruction_time + timedelta(hours=1),
            execution_duration=None,
        )
        await store.update_metadata(token, job.id, metadata)
        changed = await store.get(token, job.id)
        seen["unlimited"] = changed.execution_duration is None
        pending = [ExecutionPhase.PENDING]
        after = datetime.now(tz=UTC) - timedelta(minutes=5)
        listed = await store.list_jobs(token, phases=pending, after=after, count=1)
        seen["listed"] = [one.id for one in listed] == [job.id]
        await store.mark_aborted(token, job.id)
        seen["aborted"] = (await store.get(token, job.id)).phase.value
        await store.delete(token, job.id)
        try:
            await store.get(token, job.id)
        except UnknownJobError:
            seen["unknown"] = True
        return seen


async def main(url: str, token: str) -> None:
    """Do both, and print what was seen."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    config = settings(url)
    seen = {
        "store": await as_a_store(config, token),
        "service": await as_a_service(config, token),
    }
    sys.stdout.write(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
