"""A small server that keeps to Quire's API, in memory: `python small_server.py FOLDER`.

It shows itself by server.json as the real one does. Documents are kept by uid; one
whose ``start`` lacks a time, or whose name is unknown, is refused. What it knows is
told at /known.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from quire.server_file import ServerRecord, name_of, publish

TOKEN = "qt-test"  # noqa: S105
LIMIT = 4 * 2**20


class Known:
    """All that the server has been told; survives in a file, as a disk would."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.received = 0
        self.leases: list[str] = []
        self.documents: dict[str, Any] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.changed = asyncio.Condition()
        if file.exists():
            self.documents = json.loads(file.read_text())

    def take(self, item: Any) -> tuple[str, dict[str, Any] | None]:
        self.received += 1
        name, doc = item
        if not isinstance(doc, dict):
            return "refused", {"name": name, "field": "", "reason": "is no object"}
        uid = str(doc.get("uid", ""))
        fault = {"name": name, "uid": uid}
        if name == "start" and "time" not in doc:
            return "refused", fault | {"field": "/time", "reason": "is required"}
        if uid in self.documents:
            if self.documents[uid] == item:
                return "repeated", None
            return "refused", fault | {"field": "", "reason": "conflict"}
        self.documents[uid] = item
        return "accepted", None

    def save(self) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(self.documents))
        part.replace(self._file)


def problem(status: int, code: str, **more: Any) -> Response:
    body = {"type": "about:blank", "status": status, "code": code, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def known(request: Request) -> Known:
    found: Known = request.app.state.known
    return found


async def documents(request: Request) -> Response:
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        return problem(401, "unauthenticated", detail="who is it?")
    body = await request.body()
    if len(body) > LIMIT:
        return problem(413, "too_large", detail="too large")
    counts: dict[str, Any] = {"accepted": 0, "repeated": 0, "refused": []}
    for index, line in enumerate(body.split(b"\n")[:-1]):
        verdict, fault = known(request).take(json.loads(line))
        if fault is None:
            counts[verdict] += 1
        else:
            counts["refused"].append({"index": index, **fault})
    known(request).save()
    good = counts["accepted"] or counts["repeated"]
    return JSONResponse(counts, 200 if good else 422)


async def lease(request: Request) -> Response:
    known(request).leases.append(request.path_params["uid"])
    return Response(status_code=204)


async def told(request: Request) -> Response:
    everything = known(request)
    return JSONResponse(
        {
            "received": everything.received,
            "uids": list(everything.documents),
            "leases": everything.leases,
        }
    )


async def runs(request: Request) -> Response:
    starts = [doc for name, doc in known(request).documents.values() if name == "start"]
    starts.reverse()
    begin = int(request.query_params.get("cursor", 0))
    end = begin + int(request.query_params.get("limit", 50))
    following = str(end) if end < len(starts) else None
    page = [summary(doc) for doc in starts[begin:end]]
    return JSONResponse({"runs": page, "next": following})


def summary(start: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": start["uid"],
        "scan_id": start.get("scan_id"),
        "plan_name": start.get("plan_name"),
        "time": start["time"],
        "stop_time": None,
        "status": "open",
        "events": 3,
        "documents": 4,
        "streams": {"primary": 3},
        "owner": "me",
        "duration": 1.5,
    }


async def run(request: Request) -> Response:
    which = request.path_params["which"]
    items = known(request).documents.values()
    starts = [doc for name, doc in items if name == "start"]
    fitting = [doc for doc in starts if doc["uid"].startswith(which)]
    if which == "-1":
        fitting = starts[-1:]
    if not fitting:
        return problem(404, "not_found", detail=f"no run {which!r}")
    if len(fitting) > 1:
        return problem(409, "ambiguous", detail="several", candidates=["a", "b"])
    start = fitting[0]
    more = {"start": start, "stop": None, "descriptors": [], "findings": []}
    return JSONResponse(summary(start) | more)


async def replay(request: Request) -> Response:
    items = list(known(request).documents.values())
    return Response("".join(json.dumps(item) + "\n" for item in items))


async def submit(request: Request) -> Response:
    asked = await request.json()
    if asked["kind"] not in ("wait", "merge"):
        return problem(
            422,
            "invalid_input",
            detail="no such kind",
            field="kind",
            mend="wait or merge",
        )
    number = len(known(request).jobs) + 1
    job = {
        "id": f"job-{number}",
        "kind": asked["kind"],
        "phase": "EXECUTING",
        "parameters": asked["parameters"],
        "created": 1.0,
        "alerts": [],
        "error": None,
        "product": None,
    }
    known(request).jobs[job["id"]] = job
    known(request).events[job["id"]] = []
    if asked["parameters"].get("STEPS") is not None:
        work = asyncio.create_task(_work(known(request), job))
        request.app.state.tasks.add(work)
    return JSONResponse(job, 201)


async def _work(everything: Known, job: dict[str, Any]) -> None:
    parameters = job["parameters"]
    for step in range(int(parameters["STEPS"])):
        await asyncio.sleep(float(parameters.get("PAUSE", 0.01)))
        await _say(everything, job, "info", f"step {step + 1}", min(99, step + 1))
    if parameters.get("HOLD"):
        job["phase"] = "HELD"
        job["alerts"] = [{"id": "a", "description": "source is missing"}]
        await _say(everything, job, "error", "source is missing", None)
    elif parameters.get("FAIL"):
        job["phase"] = "ERROR"
        job["error"] = {"message": "as asked"}
        await _say(everything, job, "failed", "as asked", None)
    else:
        job["phase"] = "COMPLETED"
        await _say(everything, job, "complete", "done", None)


async def _say(
    everything: Known, job: dict[str, Any], kind: str, message: str, done: int | None
) -> None:
    data = {"message": message} | ({"progress": done} if done else {})
    async with everything.changed:
        everything.events[job["id"]].append({"type": kind, "data": data})
        everything.changed.notify_all()


async def jobs(request: Request) -> Response:
    return JSONResponse({"jobs": list(known(request).jobs.values()), "next": None})


async def one_job(request: Request) -> Response:
    job = known(request).jobs.get(request.path_params["id"])
    if job is None:
        return problem(404, "not_found", detail="no such job")
    return JSONResponse(job)


async def abort(request: Request) -> Response:
    job = known(request).jobs[request.path_params["id"]]
    job["phase"] = "ABORTED"
    await _say(known(request), job, "failed", "Aborted", None)
    return JSONResponse(job)


async def events(request: Request) -> Response:
    everything = known(request)
    log = everything.events.get(request.path_params["id"])
    if log is None:
        return problem(404, "not_found", detail="no such operation")
    after = int(request.headers.get("last-event-id", 0))
    if log and after == len(log) and log[-1]["type"] in ("complete", "failed"):
        return Response(status_code=204)
    # Each connection is cut after ten events: a listener must come back.
    return StreamingResponse(
        _stream(everything, log, after), media_type="text/event-stream"
    )


async def _stream(
    everything: Known, log: list[dict[str, Any]], after: int
) -> AsyncIterator[str]:
    yield ": ok\r\n"
    for number in range(after, after + 10):
        async with everything.changed:
            while len(log) <= number:
                await everything.changed.wait()
        event = log[number]
        yield f"id: {number + 1}\r\nevent: {event['type']}\r\n"
        yield f"data: {json.dumps(event['data'])}\r\n\r\n: \r\n"
        if event["type"] in ("complete", "failed"):
            return


def application(file: Path) -> Starlette:
    routes = [
        Route("/api/v1/documents", documents, methods=["POST"]),
        Route("/api/v1/runs", runs),
        Route("/api/v1/runs/{which}", run),
        Route("/api/v1/runs/{which}/documents", replay),
        Route("/api/v1/runs/{uid}/lease", lease, methods=["PUT"]),
        Route("/api/v1/jobs", submit, methods=["POST"]),
        Route("/api/v1/jobs", jobs),
        Route("/api/v1/jobs/{id}", one_job),
        Route("/api/v1/jobs/{id}/abort", abort, methods=["POST"]),
        Route("/api/v1/operations/{id}/events", events),
        Route("/known", told),
    ]
    app = Starlette(routes=routes)
    app.state.known = Known(file)
    app.state.tasks = set()
    return app


def main(folder: Path) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    record = ServerRecord(url=url, token=TOKEN, pid=os.getpid(), folder=name_of(folder))
    config = uvicorn.Config(application(folder / "known.json"), log_level="warning")
    with publish(record, folder), contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
