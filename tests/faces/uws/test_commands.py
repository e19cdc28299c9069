"""Kinds by configuration, as the JSON face shows them."""

import httpx
from tests.faces.uws.test_service import ended, make


def name_of(job: str) -> str:
    return job.rpartition("/")[2]


def test_a_program_runs_and_is_heard(uws: httpx.Client) -> None:
    job = make(uws, "echo", TEXT="a; $(b) `c`", PHASE="RUN")
    assert ended(uws, job) == "COMPLETED"
    path = f"/api/v1/jobs/{name_of(job)}"
    results = uws.get(f"{path}/results").json()["results"]
    assert [one["id"] for one in results] == ["said"]
    assert uws.get(results[0]["href"]).text == "a; $(b) `c`"
    assert sorted(uws.get(f"{path}/log").text.split()) == ["err", "out"]
    assert results[0]["sha256"]
    assert uws.get(results[0]["href"]).headers["content-security-policy"] == "sandbox"


def test_several_values_are_several_arguments(uws: httpx.Client) -> None:
    form = {"TEXT": "a", "MORE": ["b c", "d"], "PHASE": "RUN"}
    job = uws.post("/uws/echo/jobs", data=form).headers["location"]
    assert ended(uws, job) == "COMPLETED"
    said = uws.get(f"{job}/results/said").text
    assert said.split("\n") == ["a", "--also", "b c", "--also", "d"]


def test_a_program_that_fails_says_why(uws: httpx.Client) -> None:
    job = make(uws, "fail", PHASE="RUN")
    assert ended(uws, job) == "ERROR"
    error = uws.get(f"/api/v1/jobs/{name_of(job)}").json()["error"]
    assert error["code"] == "command_failed"
    assert "exit code 3" in error["message"]
    assert "the reason" in error["detail"]


def test_options_cannot_be_smuggled_in(uws: httpx.Client) -> None:
    answer = uws.post("/uws/echo/jobs", data={"TEXT": "--version"})
    assert answer.status_code == 422
    assert "hyphen" in answer.text


def test_a_log_is_followed_while_it_grows(uws: httpx.Client) -> None:
    job = make(uws, "slow", PHASE="RUN")
    while uws.get(f"{job}/phase").text != "EXECUTING":
        uws.get(job, params={"WAIT": "5", "PHASE": "QUEUED"})
    path = f"/api/v1/jobs/{name_of(job)}"
    with uws.stream("GET", f"{path}/log?follow=1") as log:
        pieces = log.iter_text()
        assert "begun" in next(piece for piece in pieces if piece)
        uws.post(f"{path}/abort")
        assert "".join(pieces) == ""
    assert uws.get(job).status_code == 200
