"""Flags, sign-off, comments, facility fields and good-run lists over HTTP."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.faces.search.conftest import uid


@pytest.fixture
def run(http: httpx.Client, request: pytest.FixtureRequest) -> str:
    name = "quality-" + re.sub(r"\W", "-", request.node.name)
    event = {"descriptor": f"d-{name}", "filled": {}, "timestamps": {"x": 1.0}}
    documents = [
        ["start", {"uid": name, "time": 100.0, "scan_id": 900, "beam": name}],
        [
            "descriptor",
            {
                "uid": f"d-{name}",
                "run_start": name,
                "time": 100.0,
                "name": "primary",
                "data_keys": {"x": {"source": "s", "dtype": "number", "shape": []}},
            },
        ],
        *(
            [
                "event",
                {
                    **event,
                    "uid": f"{name}-{n}",
                    "seq_num": n,
                    "time": 100.0 + n,
                    "data": {"x": 1.0},
                },
            ]
            for n in range(1, 11)
        ),
        [
            "stop",
            {
                "uid": f"s-{name}",
                "run_start": name,
                "time": 111.0,
                "exit_status": "success",
            },
        ],
    ]
    answer = http.post("/api/v1/documents", json=documents)
    assert answer.json()["refused"] == []
    return name


def said(http: httpx.Client, run: str) -> dict[str, Any]:
    quality: dict[str, Any] = http.get(f"/api/v1/runs/{run}").json()["quality"]
    return quality


def test_a_flag_is_set_found_and_undone(http: httpx.Client, run: str) -> None:
    here = f"/api/v1/runs/{run}"
    flag = {"detector": "DCH", "value": "bad", "cause": "HV", "comment": "trip"}
    found = http.post(f"{here}/flags", json=flag).json()["flags"]
    assert [(one["value"], one["cause"], one["author"]) for one in found] == [
        ("bad", "HV", found[0]["author"])
    ]
    query = {"q": f"flag.DCH = bad and beam = `{run}`".replace("`", "'")}
    assert len(http.get("/api/v1/runs", params=query).json()["runs"]) == 1
    whole = http.get(f"/rest/v1/runs/{run}/").json()
    assert whole["quality_expert"]["DCH"] == "bad"

    better = {**flag, "value": "good"}
    http.post(f"{here}/flags", json=better).raise_for_status()
    assert [one["value"] for one in said(http, run)["flags"]] == ["good"]
    undo = {"version": 2, "reason": "was bad after all"}
    http.post(f"{here}/undo", json=undo).raise_for_status()
    assert [one["value"] for one in said(http, run)["flags"]] == ["bad"]
    assert http.post(f"{here}/undo", json=undo).status_code == 409
    http.post(f"{here}/undo", json={"version": 3}).raise_for_status()
    assert [one["value"] for one in said(http, run)["flags"]] == ["good"]
    history = http.get(f"{here}/history").json()["history"]
    assert [one["version"] for one in history] == [1, 2, 3, 4]
    assert history[2]["reason"] == "was bad after all"


def test_complete_is_locked_and_takes_a_second_person(
    http: httpx.Client, run: str
) -> None:
    here = f"/api/v1/runs/{run}"
    scopes = ["runs:read", "runs:annotate"]
    assert http.put(f"{here}/sign-off", json={"state": "complete"}).status_code == 409
    me = http.get(here).json()["owner"]
    made = http.post("/api/v1/tokens", json={"user": me, "scopes": scopes}).json()
    shifter = {"authorization": f"Bearer {made['token']}"}
    signed = {"state": "signed off"}
    answer = http.put(f"{here}/sign-off", json=signed, headers=shifter)
    assert answer.json()["sign_off"] == "signed off"
    alone = http.put(f"{here}/sign-off", json={"state": "complete"}, headers=shifter)
    assert alone.status_code == 409
    assert "second person" in alone.json()["detail"]
    http.put(f"{here}/sign-off", json={"state": "complete"}).raise_for_status()
    flag = {"detector": "DCH", "value": "bad"}
    assert http.post(f"{here}/flags", json=flag).status_code == 409
    noted = {"text": "noted all the same", "reason": "for the shift"}
    comment = http.post(f"{here}/comments", json=noted)
    number = comment.json()["comments"][0]["number"]
    query = {"q": 'sign_off = complete and text("noted")'}
    assert len(http.get("/api/v1/runs", params=query).json()["runs"]) == 1
    gone = http.delete(f"{here}/comments/{number}", params={"reason": "a slip"})
    gone.raise_for_status()
    assert said(http, run)["comments"] == []
    last = http.get(f"{here}/history").json()["history"][-2:]
    assert [entry["reason"] for entry in last] == ["for the shift", "a slip"]
    http.put(f"{here}/sign-off", json={"state": "open"}).raise_for_status()
    http.post(f"{here}/flags", json=flag).raise_for_status()


def test_facility_fields_are_set_over_the_start(http: httpx.Client, run: str) -> None:
    here = f"/api/v1/runs/{run}"
    for name, value in (
        ("experiment", 77),
        ("run", 4),
        ("run_type", "physics"),
        ("statistics.lumi_recorded", 12.5),
    ):
        answer = http.post(f"{here}/fields", json={"name": name, "value": value})
        assert answer.status_code == 200, answer.text
    query = {"q": "experiment = 77 and statistics.lumi_recorded > 0.01 pb-1"}
    assert len(http.get("/api/v1/runs", params=query).json()["runs"]) == 1
    found = http.get("/rest/v1/runs/", params={"min_experiment": 77}).json()
    assert found["results"][0]["run"] == 4
    http.post(f"{here}/fields", json={"name": "experiment", "value": None})
    assert http.get("/api/v1/runs", params=query).json()["runs"] == []


@pytest.mark.parametrize("name", ["statistics.`dead time`", "statistics.dead time"])
def test_a_field_is_set_by_the_name_that_finds_it(
    name: str, http: httpx.Client, run: str
) -> None:
    here, field = f"/api/v1/runs/{run}", {"name": name, "value": 3}
    said = http.post(f"{here}/fields", json=field).json()
    assert said["fields"] == {"statistics.dead time": 3}
    query = {"q": f"beam = '{run}' and statistics.`dead time` = 3"}
    assert len(http.get("/api/v1/runs", params=query).json()["runs"]) == 1
    gone = http.post(f"{here}/fields", json={**field, "value": None}).json()
    assert gone["fields"] == {}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("flags", {"detector": "a b", "value": "bad"}, "detector"),
        ("flags", {"detector": "DCH", "value": " "}, "value"),
        ("flags", {"detector": "DCH"}, "/"),
        (
            "flags",
            {
                "detector": "D",
                "value": "x",
                "span": {"unit": "h", "first": 1, "last": 2},
            },
            "span/unit",
        ),
        (
            "flags",
            {
                "detector": "D",
                "value": "x",
                "span": {"unit": "event", "first": 3, "last": 2},
            },
            "span/last",
        ),
        (
            "flags",
            {
                "detector": "D",
                "value": "x",
                "span": {"unit": "event", "first": 1.5, "last": 3},
            },
            "span/first",
        ),
        ("flags", {"detector": "D", "value": "x", "reason": "r" * 10_001}, "reason"),
        ("comments", {"text": ""}, "text"),
        ("fields", {"name": "plan_name", "value": "x"}, "plan_name"),
        ("fields", {"name": "run", "value": "x"}, "run"),
        ("fields", {"name": "run", "value": 2**80}, "run"),
        (
            "fields",
            {"name": "her.number_of_bunches", "value": True},
            "her.number_of_bunches",
        ),
    ],
)
def test_bad_judgements_name_the_field(
    path: str, body: dict[str, Any], field: str, http: httpx.Client, run: str
) -> None:
    answer = http.post(f"/api/v1/runs/{run}/{path}", json=body)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["field"] == field
    assert said(http, run)["version"] == 0


def test_many_are_flagged_and_undone_as_one(http: httpx.Client) -> None:
    flag = {"q": "experiment = 26", "detector": "SVD", "value": "good", "reason": "r"}
    batch = http.post("/api/v1/runs/flags", json=flag).json()
    assert batch["runs"] == 12
    query = {"q": "flag.SVD = good", "counts": "true"}
    assert http.get("/api/v1/runs", params=query).json()["counts"]["matched"] == 12
    undone = http.post(f"/api/v1/batches/{batch['id']}/undo", json={})
    assert undone.json()["runs"] == 12
    assert http.get("/api/v1/runs", params=query).json()["counts"]["matched"] == 0
    assert http.post("/api/v1/batches/none/undo", json={}).status_code == 404
    again = http.post(f"/api/v1/batches/{batch['id']}/undo", json={})
    assert again.status_code == 409
    assert "undone already" in again.json()["detail"]


def test_no_undo_completes_what_was_changed_since(http: httpx.Client, run: str) -> None:
    here = f"/api/v1/runs/{run}"
    complete(http, run)
    http.put(f"{here}/sign-off", json={"state": "open"}).raise_for_status()
    reopened = said(http, run)["version"]
    flag = {"detector": "DCH", "value": "good"}
    http.post(f"{here}/flags", json=flag).raise_for_status()
    refused = http.post(f"{here}/undo", json={"version": reopened})
    assert (refused.status_code, "sign-off" in refused.text) == (409, True)
    assert said(http, run)["sign_off"] == "open"
    assert said(http, run)["version"] == reopened + 1


@pytest.fixture
def many(http: httpx.Client) -> Iterator[list[str]]:
    """More runs than are changed at once, of which the oldest is judged last."""
    uids = [f"many-{n:03}" for n in range(210)]
    starts = [
        ["start", {"uid": one, "time": 50.0 + n, "beam": "many"}]
        for n, one in enumerate(uids)
    ]
    http.post("/api/v1/documents", json=starts).raise_for_status()
    yield uids
    http.put(f"/api/v1/runs/{uids[0]}/sign-off", json={"state": "open"})


def complete(http: httpx.Client, run: str) -> None:
    for state in ("signed off", "complete"):
        answer = http.put(f"/api/v1/runs/{run}/sign-off", json={"state": state})
        answer.raise_for_status()


def matched(http: httpx.Client, query: str) -> int:
    answer = http.post("/api/v1/runs/count", json={"q": query})
    found: int = answer.json()["runs"]
    return found


def test_many_are_changed_all_or_none(http: httpx.Client, many: list[str]) -> None:
    flag = {"q": "beam = many", "detector": "TOP", "value": "bad"}
    complete(http, many[0])
    refused = http.post("/api/v1/runs/flags", json=flag)
    assert (refused.status_code, many[0] in refused.text) == (409, True)
    assert matched(http, "flag.TOP = bad") == 0
    http.put(f"/api/v1/runs/{many[0]}/sign-off", json={"state": "open"})
    batch = http.post("/api/v1/runs/flags", json=flag).json()
    assert batch["runs"] == matched(http, "flag.TOP = bad") == 210
    complete(http, many[-1])
    undo = f"/api/v1/batches/{batch['id']}/undo"
    assert http.post(undo, json={}).status_code == 409
    assert matched(http, "flag.TOP = bad") == 210
    http.put(f"/api/v1/runs/{many[-1]}/sign-off", json={"state": "open"})
    assert http.post(undo, json={}).json()["runs"] == 210


def test_a_batch_is_undone_in_the_runs_that_one_sees(http: httpx.Client) -> None:
    flag = {"q": "experiment = 26", "detector": "ARICH", "value": "bad"}
    batch = http.post("/api/v1/runs/flags", json=flag).json()
    assert batch["runs"] == 12
    undo = f"/api/v1/batches/{batch['id']}/undo"
    for groups, answered in ((["none"], 404), (["beam"], 200)):
        wanted = {"user": "guest", "groups": groups, "scopes": ["runs:annotate"]}
        token = http.post("/api/v1/tokens", json=wanted).json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        answer = http.post(undo, json={}, headers=headers)
        assert answer.status_code == answered
        assert not re.search(r"0000-4000", answer.text)
    assert answer.json()["runs"] == 3
    assert matched(http, "flag.ARICH = bad") == 9
    assert http.post(undo, json={}).json()["runs"] == 9


def test_bad_parts_in_both_units_are_both_told(http: httpx.Client, run: str) -> None:
    for unit, first, last in (("event", 3, 4), ("time", 105.0, 106.0)):
        span = {"unit": unit, "first": first, "last": last}
        flag = {"detector": "DCH", "value": "bad", "span": span}
        http.post(f"/api/v1/runs/{run}/flags", json=flag).raise_for_status()
    asked = {"q": f"beam = '{run}'"}
    http.post("/api/v1/run-lists/mixed", json=asked).raise_for_status()
    here = "/api/v1/run-lists/mixed"
    _, *lines = http.get(here, params={"format": "csv"}).text.splitlines()
    assert [line.split(",")[3:] for line in lines] == [
        ["event", "1", "2"],
        ["event", "5", "10"],
        ["time", "100.0", "105.0"],
        ["time", "106.0", "111.0"],
    ]
    for unit in ("event", "time"):
        answer = http.get(here, params={"format": "json", "unit": unit})
        assert (answer.status_code, "ask for csv" in answer.text) == (409, True)


def test_a_list_stands_in_the_order_of_numbers(http: httpx.Client) -> None:
    asked = {"q": "experiment >= 26 and run < 4"}
    http.post("/api/v1/run-lists/ordered", json=asked).raise_for_status()
    here = "/api/v1/run-lists/ordered"
    lines = http.get(here, params={"format": "csv"}).text.splitlines()[1:]
    places = [tuple(map(int, line.split(",")[:2])) for line in lines]
    assert places == [(26, 1), (26, 2), (26, 3), (27, 1), (27, 2), (27, 3)]
    whole = http.get(here).json()["members"]
    assert [(one["experiment"], one["run"]) for one in whole] == places
    none = http.get(here, params={"version": 7})
    assert none.status_code == 404
    assert "ordered@7" in none.json()["detail"]


def test_a_good_run_list_is_frozen(http: httpx.Client, run: str) -> None:
    span = {"unit": "event", "first": 3, "last": 4}
    flag = {"detector": "DCH", "value": "bad", "span": span}
    http.post(f"/api/v1/runs/{run}/flags", json=flag).raise_for_status()
    asked = {"q": f"beam = '{run}'", "note": "for the paper"}
    made = http.post("/api/v1/run-lists/paper", json=asked)
    assert made.status_code == 201
    assert (made.json()["label"], made.json()["runs"]) == ("paper@1", 1)
    here = "/api/v1/run-lists/paper"
    golden = http.get(here, params={"format": "json"}).json()
    assert golden == {"900": [[1, 2], [5, 10]]}
    lines = http.get(here, params={"format": "csv"}).text.splitlines()
    assert lines[1:] == [f"0,900,{run},event,1,2", f"0,900,{run},event,5,10"]
    query = {"q": "run_lists = 'paper@1'"}
    assert len(http.get("/api/v1/runs", params=query).json()["runs"]) == 1

    http.post(f"/api/v1/runs/{run}/undo", json={"version": 1}).raise_for_status()
    again = http.post("/api/v1/run-lists/paper", json=asked).json()
    assert again["version"] == 2
    assert again["data_version"] != made.json()["data_version"]
    first = http.get(here, params={"format": "json", "version": 1}).json()
    assert first == golden
    second = http.get(here, params={"format": "json"}).json()
    assert second == {"900": [[1, 10]]}
    differ = http.get(f"{here}/difference", params={"version": 1}).json()
    assert differ["other_parts"] == [run]
    every = http.get("/api/v1/run-lists").json()["lists"]
    assert [one["label"] for one in every if one["name"] == "paper"] == [
        "paper@1",
        "paper@2",
    ]


def test_a_list_cuts_out_bad_parts_of_runs_that_are_good(
    http: httpx.Client, run: str
) -> None:
    """Asked as the reference says: ``flag.TOP`` has the flags of parts as well."""
    good = "missing(quality_expert.TOP) or quality_expert.TOP != bad"
    bad = {"detector": "TOP", "value": "bad"}
    part = {**bad, "span": {"unit": "event", "first": 3, "last": 4}}

    def frozen(query: str) -> Any:
        asked = {"q": f"beam = '{run}' and ({query})"}
        http.post("/api/v1/run-lists/cut", json=asked).raise_for_status()
        return http.get("/api/v1/run-lists/cut", params={"format": "json"}).json()

    assert frozen(good) == frozen("not flag.TOP = bad") == {"900": [[1, 10]]}
    http.post(f"/api/v1/runs/{run}/flags", json=part).raise_for_status()
    assert frozen(good) == {"900": [[1, 2], [5, 10]]}
    assert frozen("not flag.TOP = bad") == {}
    http.post(f"/api/v1/runs/{run}/flags", json=bad).raise_for_status()
    assert frozen(good) == {}


def test_a_list_over_experiments_says_so(http: httpx.Client) -> None:
    asked = {"q": "experiment in 26..27 and run_type = physics"}
    http.post("/api/v1/run-lists/both", json=asked).raise_for_status()
    here = "/api/v1/run-lists/both"
    answer = http.get(here, params={"format": "json"})
    assert answer.status_code == 409
    assert "experiment=" in answer.json()["detail"]
    one = http.get(here, params={"format": "json", "experiment": 26}).json()
    assert len(one) == 12
    ranges = http.get(here, params={"format": "ranges"}).json()
    assert ranges == {"26": [[1, 12]], "27": [[1, 6]]}


def test_nobody_judges_without_the_scope(http: httpx.Client) -> None:
    made = http.post(
        "/api/v1/tokens", json={"user": "reader", "scopes": ["runs:read"]}
    ).json()
    reader = {"authorization": f"Bearer {made['token']}"}
    here = f"/api/v1/runs/{uid(1)}"
    flag = {"detector": "DCH", "value": "bad"}
    assert http.post(f"{here}/flags", json=flag, headers=reader).status_code == 403
    http.delete(f"/api/v1/tokens/{made['id']}").raise_for_status()
