"""Searches over HTTP: pages, counts, values, exports, and who sees what."""

import io
import json
import re
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.faces.search.conftest import RUNS, start, uid


def numbers(found: dict[str, Any]) -> list[int]:
    return [int(run["uid"][:8], 16) for run in found["runs"]]


def asked(http: httpx.Client, **query: Any) -> dict[str, Any]:
    answer = http.get("/api/v1/runs", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


EXAMPLES = [
    ("scan_id = 3", lambda _n, s: s["scan_id"] == 3),
    ("plan_name = scan", lambda _n, s: s["plan_name"] == "scan"),
    (
        "plan_name = scan or plan_name = count",
        lambda _n, s: s["plan_name"] != "grid_scan",
    ),
    ("plan_name in [scan, count]", lambda _n, s: s["plan_name"] != "grid_scan"),
    ("not plan_name = scan", lambda _n, s: s["plan_name"] != "scan"),
    ('sample.name ~ "Cu1*"', lambda _n, s: s["sample"]["name"].startswith("Cu1")),
    ("sample.T >= 2.5 and sample.T < 5", lambda _n, s: 2.5 <= s["sample"]["T"] < 5),
    ("scan_id in 3..5", lambda _n, s: 3 <= s["scan_id"] <= 5),
    ("duration > 0.4 min", lambda n, _s: n != RUNS - 1),
    ("duration > 0.6 min", lambda *_: False),
    ("status = open", lambda n, _s: n == RUNS - 1),
    ("exit_status = fail", lambda n, _s: n % 6 == 0),
    ("start.time > 2023-11-14T22:23:30Z", lambda n, _s: n > 10),
    ("missing(exit_status)", lambda n, _s: n == RUNS - 1),
    ("exists(stop.uid)", lambda n, _s: n != RUNS - 1),
    ("not flag.DCH = bad", lambda *_: True),
    ('"ni"', lambda n, _s: n % 2 == 0),
    ("detectors.status_pxd = RUNNING", lambda n, _s: n % 4 != 0),
    ("all_detectors_running = true", lambda n, _s: n % 4 != 0),
    ("experiment = 27 and run <= 3", lambda n, _s: 12 <= n <= 14),
    ("", lambda *_: True),
]


@pytest.mark.parametrize(("query", "expected"), EXAMPLES, ids=[q for q, _ in EXAMPLES])
def test_a_query_finds_what_it_says(
    query: str, expected: Any, http: httpx.Client
) -> None:
    wanted = [n for n in reversed(range(RUNS)) if expected(n, start(n))]
    assert numbers(asked(http, q=query)) == wanted


def test_orders_and_pages_join_without_a_gap(http: httpx.Client) -> None:
    for order, wanted in (
        ("newest", list(reversed(range(RUNS)))),
        ("oldest", list(range(RUNS))),
        ("number", list(range(RUNS))),
        ("-number", list(reversed(range(RUNS)))),
    ):
        seen: list[int] = []
        cursor: dict[str, Any] = {}
        while True:
            page = asked(http, order=order, limit=7, **cursor)
            seen += numbers(page)
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert seen == wanted


def test_a_cursor_is_of_one_question(http: httpx.Client) -> None:
    cursor = asked(http, limit=2)["next"]
    answer = http.get("/api/v1/runs", params={"q": "scan_id = 1", "cursor": cursor})
    assert answer.status_code == 422
    assert "another query" in answer.json()["detail"]


def test_pages_of_a_saved_query_are_all_of_one_version(http: httpx.Client) -> None:
    def save(query: str) -> None:
        body = {"query": query}
        http.put("/api/v1/queries/paged", json=body).raise_for_status()

    save("scan_id > 0")
    first = asked(http, q="@paged", limit=2)
    following = {"q": "@paged", "cursor": first["next"]}
    assert asked(http, **following)["runs"]
    save("scan_id < 3")
    refused = http.get("/api/v1/runs", params=following)
    assert (refused.status_code, refused.json()["field"]) == (422, "cursor")


def test_now_is_the_same_on_all_pages(http: httpx.Client) -> None:
    first = asked(http, q="time < now - 1 d", limit=2)
    following = asked(http, q="time < now - 1 d", cursor=first["next"])
    whole = asked(http, q="time < now - 1 d", limit=RUNS)
    assert first["runs"] + following["runs"] == whole["runs"]


def test_counts_say_what_lacks_a_value(http: httpx.Client) -> None:
    found = asked(http, q="exit_status = success", counts="true", limit=1)
    assert found["counts"] == {"matched": 19, "lacking": 1, "exact": True}
    body = {"q": "plan_name = scan"}
    assert http.post("/api/v1/runs/count", json=body).json() == {"runs": 8}
    assert http.post("/api/v1/runs/count", json={}).json() == {"runs": RUNS}


def test_text_and_tree_are_joined(http: httpx.Client) -> None:
    tree = {"field": "scan_id", "op": "<", "value": 4}
    body = {"q": "plan_name = scan", "tree": tree, "order": "oldest", "full": True}
    found = http.post("/api/v1/runs/search", json=body).json()
    assert numbers(found) == [1, 22]
    assert found["runs"][0]["start"] == start(1)


def test_a_text_has_a_json_form(http: httpx.Client) -> None:
    text = 'plan_name = scan and not (sample.T > 3 or sample.name ~ "Ni*")'
    tree = http.post("/api/v1/runs/parse", json={"q": text}).json()["tree"]
    one = http.post("/api/v1/runs/search", json={"tree": tree}).json()
    assert numbers(one) == numbers(asked(http, q=text)) != []


WRONG = [
    ("run_typ = physics", "did you mean 'run_type'"),
    ("status = opn", "did you mean"),
    ("scan_id > 'a'", "column"),
    ("duration > 3 keV", "column"),
    ("plan_name = ", "column"),
    ("(scan_id = 1", "column"),
    ("60", "column"),
    ("plan_name ~ /x/", "column"),
    ("a.__class__ = 1; drop table run", "column"),
    ("@nobody", "column"),
    ("(" * 60 + "scan_id = 1" + ")" * 60, "deep"),
    ("x" * 5000, "4,000"),
    ("lumi > 9**9**9", "column"),
]


@pytest.mark.parametrize(("query", "told"), WRONG, ids=[q[:20] for q, _ in WRONG])
def test_a_bad_query_is_told_where_and_how(
    query: str, told: str, http: httpx.Client
) -> None:
    answer = http.get("/api/v1/runs", params={"q": query})
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert told in problem["detail"]
    assert problem["field"] == "q"
    assert "SELECT" not in answer.text


def test_values_and_facets(http: httpx.Client) -> None:
    query = {"field": "run_type", "q": "experiment = 27"}
    found = http.get("/api/v1/runs/distinct", params=query).json()["values"]
    assert {one["value"]: one["runs"] for one in found} == {"physics": 6, "cosmic": 6}
    facets = http.get("/api/v1/runs/facets").json()["facets"]
    plans = {one["value"]: one["runs"] for one in facets["plan_name"]}
    assert plans == {"count": 8, "scan": 8, "grid_scan": 8}
    assert facets["start.data_groups"] == [{"value": "beam", "runs": 5}]
    answer = http.get("/api/v1/runs/distinct", params={"field": "plan_nam"})
    assert answer.status_code == 400


def test_the_plan_of_a_search_is_shown(http: httpx.Client) -> None:
    plan = http.get("/api/v1/runs/explain", params={"q": "scan_id = 3"}).json()["plan"]
    assert any(re.search("run_(view_)?scan_id", line) for line in plan)


def test_the_fields_are_listed(http: httpx.Client) -> None:
    fields = http.get("/api/v1/runs/fields").json()["fields"]
    found = {one["name"]: one for one in fields}
    assert found["statistics.lumi_recorded"]["unit"] == "nb-1"
    assert found["status"]["choices"]
    assert all(one["description"] for one in fields)


def test_exports_hold_exactly_the_filtered_set(http: httpx.Client) -> None:
    query = {"q": "plan_name = scan", "fields": "uid,scan_id,sample.T,hostile"}
    rows = {}
    for form in ("csv", "jsonl", "arrow", "parquet"):
        answer = http.get("/api/v1/runs/export", params={**query, "format": form})
        assert answer.status_code == 200
        rows[form] = answer.content
    lines = rows["csv"].decode().splitlines()
    assert lines[0] == "uid,scan_id,sample.T,hostile"
    assert len(lines) == 9
    assert lines[-1] == f"{uid(1)},1,0.5,'=1+1"
    objects = [json.loads(line) for line in rows["jsonl"].splitlines()]
    assert objects[-1] == {
        "uid": uid(1),
        "scan_id": 1,
        "sample.T": 0.5,
        "hostile": "=1+1",
    }
    tables = (
        pa.ipc.open_stream(rows["arrow"]).read_all(),
        pq.read_table(io.BytesIO(rows["parquet"])),
    )
    for table in tables:
        assert table.column("uid").to_pylist() == [one["uid"] for one in objects]
        assert table.column("scan_id").to_pylist() == [o["scan_id"] for o in objects]


def test_the_fields_of_an_export_are_named_as_in_queries(http: httpx.Client) -> None:
    asked = {"q": "scan_id = 3", "format": "jsonl"}
    names = "start.`sample`.name, `hostile`,`a,b`,"
    answer = http.get("/api/v1/runs/export", params={**asked, "fields": names})
    expected = {"start.`sample`.name": "Cu3", "`hostile`": "=1+1", "`a,b`": None}
    assert json.loads(answer.text.splitlines()[-1]) == expected
    field = {"field": "start.`sample`.name", "q": "scan_id = 5"}
    found = http.get("/api/v1/runs/distinct", params=field).json()
    assert found["values"] == [{"value": "Cu5", "runs": 1}]
    answer = http.get("/api/v1/runs/export", params={**asked, "fields": " , "})
    assert (answer.status_code, "names none" in answer.text) == (422, True)


def test_an_export_of_an_unknown_field_is_refused(http: httpx.Client) -> None:
    query = {"fields": "uid,plan_nam"}
    answer = http.get("/api/v1/runs/export", params=query)
    assert answer.status_code == 400
    assert "plan_name" in answer.json()["detail"]


def test_a_stranger_sees_only_what_a_group_lets_in(http: httpx.Client) -> None:
    wanted = {"user": "guest", "groups": ["beam"], "scopes": ["runs:read"]}
    made = http.post("/api/v1/tokens", json=wanted).json()
    guest = {"authorization": f"Bearer {made['token']}"}
    alone = http.post("/api/v1/tokens", json={**wanted, "groups": []}).json()
    nobody = {"authorization": f"Bearer {alone['token']}"}

    found = http.get("/api/v1/runs", params={"counts": "true"}, headers=guest).json()
    assert numbers(found) == [20, 15, 10, 5, 0]
    assert found["counts"]["matched"] == 5
    facets = http.get("/api/v1/runs/facets", headers=guest).json()["facets"]
    assert sum(one["runs"] for one in facets["plan_name"]) == 5
    export = http.get("/api/v1/runs/export", headers=guest)
    assert len(export.text.splitlines()) == 6
    assert http.get(f"/api/v1/runs/{uid(5)}", headers=guest).status_code == 200
    assert http.get(f"/api/v1/runs/{uid(6)}", headers=guest).status_code == 404
    runs = http.get("/rest/v1/runs/", headers=guest).json()
    assert runs["count"] == 5
    path = f"/api/v1/runs/{uid(6)}/history"
    assert http.get(path, headers=guest).status_code == 404

    assert http.get("/api/v1/runs", headers=nobody).json()["runs"] == []
    facets = http.get("/api/v1/runs/facets", headers=nobody).json()["facets"]
    assert facets["plan_name"] == []
    body = {"q": "plan_name = scan"}
    count = http.post("/api/v1/runs/count", json=body, headers=nobody)
    assert count.json() == {"runs": 0}
    for token in (made, alone):
        http.delete(f"/api/v1/tokens/{token['id']}").raise_for_status()


def test_a_run_is_found_at_once(http: httpx.Client) -> None:
    fresh = {"uid": "found-at-once", "time": 1.0, "colour": "mauve"}
    for number in range(5):
        document = {**fresh, "uid": f"found-at-once-{number}", "n": number}
        http.post("/api/v1/documents", json=[["start", document]]).raise_for_status()
        found = asked(http, q=f"colour = mauve and n = {number}")
        assert [run["uid"] for run in found["runs"]] == [document["uid"]]
        found = asked(http, q='text("mauve")')
        assert len(found["runs"]) == number + 1


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", "scan_id"),
        ("", "query"),
        ("/export", "limit"),
        ("/distinct", "fields"),
        ("/facets", "q"),
    ],
)
def test_what_a_search_would_pass_over_is_refused(
    http: httpx.Client, path: str, name: str
) -> None:
    answer = http.get(f"/api/v1/runs{path}", params={name: "5"})
    assert answer.status_code == 422
    assert name in answer.text


def test_a_run_of_many_words_is_shown_whole(http: httpx.Client) -> None:
    long = {
        "uid": "many-words",
        "time": 2.0,
        "note": {str(n): n for n in range(40_000)},
    }
    http.post("/api/v1/documents", json=[["start", long]]).raise_for_status()
    assert http.get("/api/v1/runs/many-words").json()["start"] == long
    (found,) = asked(http, q="uid = many-words", full=True)["runs"]
    assert found["start"] == long


def test_digits_are_a_scan_id_or_else_the_beginning_of_a_uid(
    http: httpx.Client,
) -> None:
    odd = {"uid": "98765432-0000-4000-8000-00000000beef", "time": 5.0}
    http.post("/api/v1/documents", json=[["start", odd]]).raise_for_status()
    for which in ("98765", "98765432"):
        assert http.get(f"/api/v1/runs/{which}").json()["uid"] == odd["uid"]
    by_number = http.get("/api/v1/runs/98765", params={"by": "scan_id"})
    for answer in (
        by_number,
        http.get("/api/v1/runs/54321"),
        http.get("/api/v1/runs/9876"),
    ):
        assert answer.status_code == 404
        assert "no run has this scan_id" in answer.json()["detail"]
    assert http.get("/api/v1/runs/-98765").status_code != 200
    # Zeros before a number are those of a uid: this is no scan_id 11.
    assert http.get("/api/v1/runs/00000011").json()["uid"] == uid(0x11)
    assert http.get("/api/v1/runs/0000000").status_code == 409
