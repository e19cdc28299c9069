import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree  # type: ignore[import-untyped]

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE, until

UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
HREF = "{http://www.w3.org/1999/xlink}href"
Judge = Callable[[bytes], Any]


def make(uws: httpx.Client, kind: str = "wait", **fields: str) -> str:
    answer = uws.post(f"/uws/{kind}/jobs", data=fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def ended(uws: httpx.Client, job: str) -> str:
    def found() -> str | None:
        text = uws.get(job, params={"WAIT": "10"}).content
        phase = str(etree.fromstring(text).findtext(f"{UWS}phase"))
        return None if phase in {"PENDING", "QUEUED", "EXECUTING"} else phase

    return until(found)


def phase(uws: httpx.Client, job: str) -> str:
    return uws.get(f"{job}/phase").text


def test_a_job_lives_from_pending_to_completed(uws: httpx.Client, judge: Judge) -> None:
    job = make(uws, SECONDS="0.1", RUNID="mine & <yours>")
    pending = judge(uws.get(job).content)
    assert [child.tag.removeprefix(UWS) for child in pending] == [
        "jobId", "runId", "ownerId", "phase", "quote", "creationTime", "startTime",
        "endTime", "executionDuration", "destruction", "parameters", "results",
        "jobInfo",
    ]  # fmt: skip
    assert pending.get("version") == "1.1"
    assert pending.findtext(f"{UWS}jobId") == job.rpartition("/")[2]
    assert pending.findtext(f"{UWS}runId") == "mine & <yours>"
    assert pending.find(f"{UWS}startTime").get(NIL) == "true"
    assert pending.find(f"{UWS}destruction").get(NIL) == "true"
    answer = uws.post(f"{job}/phase", data={"phase": "run"})
    assert (answer.status_code, answer.headers["location"]) == (303, job)
    assert ended(uws, job) == "COMPLETED"
    done = judge(uws.get(job).content)
    assert re.fullmatch(r"\S+T\S+Z", done.findtext(f"{UWS}endTime"))
    assert done.find(f"{UWS}results") is not None
    info = {child.tag.rpartition("}")[2]: child.text for child in done[-1]}
    assert info["attempt"] == "1"
    assert info["host"]


def test_a_job_may_run_at_once_and_fail(uws: httpx.Client, judge: Judge) -> None:
    job = make(uws, SECONDS="0", FAIL="true", PHASE="RUN")
    assert ended(uws, job) == "ERROR"
    failed = judge(uws.get(job).content)
    summary = failed.find(f"{UWS}errorSummary")
    assert dict(summary.attrib) == {"type": "fatal", "hasDetail": "true"}
    assert "asked_to_fail" in summary.findtext(f"{UWS}message")
    answer = uws.get(f"{job}/error")
    assert answer.status_code == 200
    assert "asked_to_fail" in answer.text
    judge(uws.get(f"{job}/results").content)


def test_the_error_of_a_job_that_has_not_failed_is_not_there(
    uws: httpx.Client,
) -> None:
    assert uws.get(f"{make(uws)}/error").status_code == 404


def test_an_abort_while_pending_ends_it(uws: httpx.Client, judge: Judge) -> None:
    job = make(uws)
    assert uws.post(f"{job}/phase", data={"PHASE": "ABORT"}).status_code == 303
    tree = judge(uws.get(job).content)
    assert tree.findtext(f"{UWS}phase") == "ABORTED"
    assert tree.find(f"{UWS}startTime").get(NIL) == "true"
    assert tree.findtext(f"{UWS}endTime")
    assert uws.post(f"{job}/phase", data={"PHASE": "RUN"}).status_code == 403


def test_an_abort_while_executing_wakes_who_waits(uws: httpx.Client) -> None:
    job = make(uws, "slow", PHASE="RUN")
    while phase(uws, job) != "EXECUTING":
        uws.get(job, params={"WAIT": "5", "PHASE": "QUEUED"})
    seen: list[str] = []

    def wait() -> None:
        text = uws.get(job, params={"WAIT": "-1"}).content
        seen.append(str(etree.fromstring(text).findtext(f"{UWS}phase")))

    waiting = threading.Thread(target=wait)
    waiting.start()
    uws.post(f"{job}/phase", data={"PHASE": "ABORT"})
    waiting.join(PATIENCE)
    assert seen == ["ABORTED"]


def test_waiting_ends_at_once_where_nothing_is_to_wait_for(uws: httpx.Client) -> None:
    job = make(uws, SECONDS="0", PHASE="RUN")
    ended(uws, job)
    for query in ("WAIT=50", "WAIT=-1", "WAIT=50&PHASE=PENDING"):
        assert uws.get(f"{job}?{query}", timeout=40).status_code == 200
    pending = make(uws)
    answer = uws.get(f"{pending}?WAIT=50&PHASE=QUEUED", timeout=40)
    assert answer.status_code == 200


def test_waiting_lasts_while_nothing_changes(uws: httpx.Client) -> None:
    job = make(uws)
    with pytest.raises(httpx.ReadTimeout):
        uws.get(f"{job}?WAIT=50", timeout=0.5)


def test_parameters_change_while_pending(uws: httpx.Client, judge: Judge) -> None:
    job = make(uws, SECONDS="5")
    answer = uws.post(f"{job}/parameters", data={"seconds": "0", "RUNID": "r"})
    assert (answer.status_code, answer.headers["location"]) == (303, job)
    assert uws.get(f"{job}/parameters/Seconds").text == "0"
    assert uws.put(f"{job}/parameters/STEPS", content=b"3").status_code == 303
    form = {"VALUE": "4"}
    assert uws.put(f"{job}/parameters/STEPS", data=form).status_code == 303
    tree = judge(uws.get(f"{job}/parameters").content)
    assert {one.get("id"): one.text for one in tree} == {
        "SECONDS": "0",
        "STEPS": "4",
        "FAIL": "false",
    }
    assert uws.put(f"{job}/parameters/STEPS", content=b"x").status_code == 422
    assert uws.put(f"{job}/parameters/NONE", content=b"x").status_code == 422
    assert uws.get(f"{job}/parameters/NONE").status_code == 404
    assert judge(uws.get(job).content).findtext(f"{UWS}runId") == "r"
    uws.post(f"{job}/phase", data={"PHASE": "RUN"})
    assert ended(uws, job) == "COMPLETED"
    late = uws.post(f"{job}/parameters", data={"SECONDS": "1"})
    assert late.status_code == 403
    assert uws.put(f"{job}/parameters/STEPS", content=b"3").status_code == 403


def test_only_action_delete_deletes(uws: httpx.Client) -> None:
    job = make(uws)
    for form in ({}, {"STEPS": "2"}, {"PHASE": "ABORT"}):
        assert uws.post(job, data=form).status_code == 303
        assert uws.get(job).status_code == 200
    assert uws.post(job, data={"ACTION": "DESTROY"}).status_code == 422
    assert uws.get(job).status_code == 200
    gone = uws.post(job, data={"ACTION": "delete"})
    assert gone.status_code == 303
    assert "LAST=" in gone.headers["location"]
    assert uws.get(job).status_code == 404
    assert uws.get(gone.headers["location"]).status_code == 200


def test_delete_stops_what_runs_and_removes_its_files(
    uws: httpx.Client, served: ServerProcess
) -> None:
    job = make(uws, "slow", PHASE="RUN")
    while phase(uws, job) != "EXECUTING":
        uws.get(job, params={"WAIT": "5", "PHASE": "QUEUED"})
    folder = served.folder / "jobs" / job.rpartition("/")[2]
    assert uws.delete(job).status_code == 303
    assert uws.get(job).status_code == 404
    until(lambda: not folder.exists())


def test_times_are_the_same_wherever_they_stand(
    uws: httpx.Client, judge: Judge
) -> None:
    job = make(uws)
    for given, shown in (
        ("2099-01-02T03:04:05.678901Z", "2099-01-02T03:04:05.678901Z"),
        ("2099-01-02T03:04:05.5", "2099-01-02T03:04:05.500000Z"),
        ("2099-01-02T03:04:05", "2099-01-02T03:04:05Z"),
    ):
        form = {"DESTRUCTION": given}
        assert uws.post(f"{job}/destruction", data=form).status_code == 303
        assert uws.get(f"{job}/destruction").text == shown
        tree = judge(uws.get(job).content)
        assert tree.findtext(f"{UWS}destruction") == shown
    for wrong in ("2021-09-10 10:01:02", "2099-01-02T03:04:05+00:00:00", "soon"):
        form = {"DESTRUCTION": wrong}
        assert uws.post(f"{job}/destruction", data=form).status_code == 422
    uws.post(f"{job}/destruction", data={"DESTRUCTION": ""})
    assert uws.get(f"{job}/destruction").text == ""
    uws.post(f"{job}/executionduration", data={"EXECUTIONDURATION": "77"})
    assert uws.get(f"{job}/executionduration").text == "77"
    tree = judge(uws.get(job).content)
    assert tree.findtext(f"{UWS}executionDuration") == "77"
    assert uws.get(f"{job}/owner").text == tree.findtext(f"{UWS}ownerId")


def test_an_overrun_is_aborted(uws: httpx.Client, judge: Judge) -> None:
    job = make(uws, "slow", PHASE="RUN", EXECUTIONDURATION="1")
    assert ended(uws, job) == "ABORTED"
    assert judge(uws.get(job).content).findtext(f"{UWS}endTime")


def test_a_quote_comes_from_history(uws: httpx.Client, judge: Judge) -> None:
    for _ in range(3):
        ended(uws, make(uws, "echo", TEXT="a", PHASE="RUN"))
    job = make(uws, "echo", TEXT="a")
    quote = uws.get(f"{job}/quote").text
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\S+Z", quote)
    assert judge(uws.get(job).content).findtext(f"{UWS}quote")
    assert uws.get(f"{make(uws, 'slow')}/quote").text == ""


def test_destruction_archives(uws: httpx.Client, judge: Judge) -> None:
    job = make(uws, "echo", TEXT="short lived", PHASE="RUN")
    assert ended(uws, job) == "COMPLETED"
    assert uws.get(f"{job}/results/said").text == "short lived"
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    uws.post(f"{job}/destruction", data={"DESTRUCTION": soon})
    until(lambda: phase(uws, job) == "ARCHIVED")
    assert len(judge(uws.get(f"{job}/results").content)) == 0
    assert uws.get(f"{job}/results/said").status_code == 404
    name = job.rpartition("/")[2]
    assert name not in uws.get("/uws/echo/jobs").text
    assert name in uws.get("/uws/echo/jobs?PHASE=ARCHIVED").text


def test_lists_are_filtered(uws: httpx.Client, judge: Judge) -> None:
    first, second = make(uws, SECONDS="3"), make(uws, SECONDS="3")
    uws.post(f"{first}/phase", data={"PHASE": "ABORT"})

    def listed(query: str) -> list[str]:
        answer = uws.get(f"/uws/wait/jobs?{query}")
        assert answer.status_code == 200, answer.text
        tree = judge(answer.content)
        assert tree.get("version") == "1.1"
        return [str(one.get(HREF)) for one in tree]

    assert listed("LAST=2") == [second, first]
    assert first in listed("PHASE=ABORTED")
    assert second not in listed("PHASE=ABORTED")
    assert {first, second} <= set(listed("PHASE=ABORTED&phase=pending"))
    created = judge(uws.get(first).content).findtext(f"{UWS}creationTime")
    assert listed(f"AFTER={created}")[-1:] == [second]
    for ten in ("PENDING", "QUEUED", "EXECUTING", "COMPLETED", "ERROR", "UNKNOWN",
                "HELD", "SUSPENDED", "ABORTED", "ARCHIVED"):  # fmt: skip
        listed(f"PHASE={ten}")
    for form in ("2015-10-26T09:15:35", "2015-10-26 09:00", "2015-10-26", "2015",
                 "20151026"):  # fmt: skip
        assert second in listed(f"AFTER={form}")
    assert listed("AFTER=2999") == []
    for wrong in ("PHASE=NONE", "LAST=-1", "LAST=0", "LAST=x", "AFTER=2015-26-10",
                  "AFTER=yesterday", "AFTER=2015-10-26T09:15:35%2B01:00"):  # fmt: skip
        assert uws.get(f"/uws/wait/jobs?{wrong}").status_code == 422


def test_sync_leads_to_the_result(uws: httpx.Client, judge: Judge) -> None:
    form = {"TEXT": "at once"}
    answer = uws.post("/uws/echo/sync", data=form, follow_redirects=True)
    assert (answer.status_code, answer.text) == (200, "at once")
    answer = uws.get("/uws/echo/sync", params=form, follow_redirects=True)
    assert answer.text == "at once"
    nothing = uws.post("/uws/wait/sync", data={"SECONDS": "0"}, follow_redirects=True)
    assert (nothing.status_code, nothing.url.path[-8:]) == (200, "/results")
    assert len(judge(nothing.content)) == 0
    answer = uws.post("/uws/fail/sync", follow_redirects=True)
    assert "command_failed" in answer.text
    assert "the reason" in answer.text


def test_the_service_describes_itself(uws: httpx.Client) -> None:
    text = uws.get("/uws/wait/availability").text
    assert "<vosi:available>true</vosi:available>" in text
    described = "/uws/wait/job-description"
    assert b"VOTABLE" in uws.get(described).content
    assert b"VOTABLE" in uws.get(described, headers={"accept": "image/png"}).content
    accept = {"accept": "application/json"}
    answer = uws.get(described, headers=accept, follow_redirects=True)
    names = {one["name"] for one in answer.json()["parameters"]}
    assert names == {"SECONDS", "STEPS", "FAIL"}
    assert uws.get("/uws/none/availability").status_code == 404
    assert uws.get("/uws/none/jobs").status_code == 404
    assert uws.post("/uws/none/jobs").status_code == 404


def test_browsers_get_pages_and_programs_xml(uws: httpx.Client) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*"}
    job = make(uws, "echo", TEXT="<script>alert(1)</script>", MORE="a")
    for path in (job, "/uws/echo/jobs", "/uws/merge/jobs", "/uws/wait/jobs"):
        page = uws.get(path, headers=browser)
        assert page.headers["content-type"].startswith("text/html")
        assert "<script>" not in page.text
    for accept in ("*/*", "application/xml,text/plain", "text/plain", "q/;;=,"):
        answer = uws.get(job, headers={"accept": accept})
        assert answer.headers["content-type"].startswith("application/xml")


def test_other_peoples_jobs_are_forbidden(
    uws: httpx.Client, served: ServerProcess
) -> None:
    job = make(uws)
    wanted = {"user": "somebody-else", "scopes": ["jobs:run"]}
    token = uws.post("/api/v1/tokens", json=wanted).json()["token"]
    base = served.address.url
    with httpx.Client(base_url=base, auth=("x", token), timeout=PATIENCE) as other:
        assert other.get(job).status_code == 403
        assert other.post(job, data={"ACTION": "DELETE"}).status_code == 403
        assert other.post(f"{job}/phase", data={"PHASE": "RUN"}).status_code == 403
        assert other.get(f"{job}x").status_code == 404
        assert job not in other.get("/uws/wait/jobs").text
        name = job.rpartition("/")[2]
        assert other.get(f"/uws/echo/jobs/{name}").status_code == 404
        assert other.get(f"/api/v1/jobs/{name}").status_code == 404
    nobody = httpx.get(job, timeout=PATIENCE)
    assert nobody.status_code == 401
    assert "Basic" in nobody.headers["www-authenticate"]
    assert (
        httpx.get(f"{base}/uws/wait/capabilities", timeout=PATIENCE).status_code == 200
    )


def test_a_server_behind_a_proxy_gives_its_public_address(tmp_path: Path) -> None:
    public = "https://quire.example.org/base"
    server = ServerProcess(
        tmp_path / "data", environment={"QUIRE_PUBLIC_URL": f"{public}/"}
    )
    server.start()
    try:
        with server.http() as http:
            made = http.post("/uws/wait/jobs").headers["location"]
            assert made.startswith(f"{public}/uws/wait/jobs/")
            listed = http.get("/uws/wait/jobs").text
            assert made in listed
            offered = http.get("/uws/wait/capabilities").text
            assert f"{public}/uws/wait/jobs" in offered
    finally:
        server.stop()
