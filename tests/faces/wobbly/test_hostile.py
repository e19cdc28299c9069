"""Whatever is sent, the answer is never a defect of the server."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Make = Callable[..., str]
FUTURE = "2036-12-20T10:00:00Z"
ODD: list[Any] = [
    None, True, 0, -1, 10**30, -(10**400), 10**400, 1e308, "", "x", "\0", "\ud7ff",
    "1e999", "9" * 500, "9999-12-31T23:59:59.999999-23:59", "2036-02-30", "T", [], [[]],
    [None], {}, {"": {}}, {"id": []}, [{"id": "a", "url": "u"}] * 2, "ABORTED", "ERROR",
    "COMPLETED", "EXECUTING", "QUEUED", "PENDING", "ARCHIVED",
]  # fmt: skip
MEMBERS = st.sampled_from(
    ["json_parameters", "destruction_time", "execution_duration", "run_id", "phase",
     "message_id", "start_time", "results", "errors"]
)  # fmt: skip
BODIES = st.dictionaries(MEMBERS, st.sampled_from(ODD), max_size=5)
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@quick
@given(body=BODIES, sound=st.booleans())
def test_any_new_job_is_made_or_refused(
    wobbly: httpx.Client, body: dict[str, Any], *, sound: bool
) -> None:
    if sound:
        body = {"json_parameters": {}, "destruction_time": FUTURE, **body}
    answer = wobbly.post("/jobs", content=json.dumps(body))
    assert answer.status_code in {201, 422}
    if answer.status_code == 201:
        shown = wobbly.get(f"/jobs/{answer.json()['id']}").json()
        assert shown == answer.json()
        assert shown["json_parameters"] == body["json_parameters"]


@quick
@given(st.lists(BODIES, min_size=1, max_size=3))
def test_any_report_is_taken_or_refused(
    wobbly: httpx.Client, make: Make, bodies: list[dict[str, Any]]
) -> None:
    number = make()
    for body in bodies:
        before = wobbly.get(f"/jobs/{number}").json()
        answer = wobbly.patch(f"/jobs/{number}", content=json.dumps(body))
        assert answer.status_code in {200, 422}
        after = wobbly.get(f"/jobs/{number}").json()
        assert after == (answer.json() if answer.status_code == 200 else before)


@pytest.mark.parametrize(
    "value",
    ["9" * 4000, "9" * 5000, "-" + "9" * 500, "1e400", "[" * 70 + "]" * 70, '"\\udfff"',
     '{"__proto__": 1}', '{"": ""}', '"' + "x" * 100_000 + '"', "0.1e-400", "-0"],
    ids=range(11),
)  # fmt: skip
def test_hard_parameters_come_back_or_are_refused(
    wobbly: httpx.Client, value: str
) -> None:
    body = f'{{"json_parameters": {{"a": {value}}}, "destruction_time": "{FUTURE}"}}'
    answer = wobbly.post("/jobs", content=body)
    assert answer.status_code in {201, 422}
    if answer.status_code == 201:
        shown = wobbly.get(f"/jobs/{answer.json()['id']}")
        assert shown.status_code == 200
        assert shown.json()["json_parameters"]["a"] == json.loads(value)
        assert wobbly.get("/jobs").status_code == 200


@pytest.mark.parametrize("size", [2**20 + 1, 2**21])
def test_what_is_too_large_is_refused(wobbly: httpx.Client, size: int) -> None:
    body = {"json_parameters": {"a": "x" * size}, "destruction_time": FUTURE}
    answer = wobbly.post("/jobs", json=body)
    assert answer.status_code == 413
    assert answer.json()["detail"][0]["type"] == "too_large"


@quick
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["phase", "since", "limit", "cursor", "other"]),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
            | st.sampled_from(
                ["PENDING", "1", "-1", "p1_1", "1_1", "99999999999_1", "2026-01-01",
                 "0001-01-01", "1e400", "-99999999999_5", "\0", "0"]
            ),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_any_search_is_answered_or_refused(
    wobbly: httpx.Client, query: list[tuple[str, str | int | float | bool | None]]
) -> None:
    answer = wobbly.get("/jobs", params=httpx.QueryParams(query))
    assert answer.status_code in {200, 422}
    for link in answer.links.values():
        assert wobbly.get(link["url"]).status_code == 200
