import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Make = Callable[..., str]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NEW = {"json_parameters": {"foo": "bar"}, "destruction_time": "2036-12-20T10:00:00Z"}
STORABLE = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(STORABLE),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(STORABLE),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def patch(client: httpx.Client, number: str, **update: Any) -> dict[str, Any]:
    answer = client.patch(f"/jobs/{number}", json=update)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


def test_a_job_is_made_as_the_reference_shows_it(wobbly: httpx.Client) -> None:
    answer = wobbly.post("/jobs", json={**NEW, "execution_duration": 600})
    assert answer.status_code == 201
    job = answer.json()
    number, owner = job.pop("id"), job.pop("owner")
    assert number.isdecimal()
    assert owner.startswith("user")
    assert TIME.fullmatch(job.pop("creation_time"))
    assert job == {
        **NEW,
        "execution_duration": 600,
        "service": "cutout",
        "phase": "PENDING",
    }
    assert answer.headers["location"] == f"{wobbly.base_url}jobs/{number}"
    assert wobbly.get(answer.headers["location"]).json()["id"] == number


def test_members_stand_in_the_order_of_the_reference(wobbly: httpx.Client) -> None:
    body = {**NEW, "run_id": "r", "execution_duration": 1}
    number = wobbly.post("/jobs", json=body).json()["id"]
    patch(wobbly, number, phase="QUEUED", message_id="m")
    patch(wobbly, number, phase="ERROR", errors=[ERROR])
    done = patch(wobbly, number, phase="COMPLETED", results=[{"id": "a", "url": "u"}])
    assert list(done) == [
        "json_parameters", "run_id", "destruction_time", "execution_duration", "id",
        "service", "owner", "phase", "message_id", "creation_time", "start_time",
        "end_time", "errors", "results",
    ]  # fmt: skip


ERROR = {"type": "fatal", "code": "Broken", "message": "it is broken"}


def test_a_whole_life(wobbly: httpx.Client, make: Make) -> None:
    number = make()
    queued = patch(wobbly, number, phase="QUEUED", message_id="a-message")
    assert (queued["phase"], queued["message_id"]) == ("QUEUED", "a-message")
    began = "2026-11-20T10:00:00.75+01:00"
    executing = patch(wobbly, number, phase="EXECUTING", start_time=began)
    assert executing["phase"] == "EXECUTING"
    assert executing["start_time"] == "2026-11-20T09:00:00Z"
    assert "end_time" not in executing
    results = [
        {"id": "image", "url": "s3://b/i", "size": 5, "mime_type": "image/fits"},
        {"id": "table", "url": "s3://b/t", "size": None, "mime_type": None},
    ]
    done = patch(wobbly, number, phase="COMPLETED", results=results)
    assert done["phase"] == "COMPLETED"
    assert TIME.fullmatch(done["end_time"])
    assert done["results"] == [results[0], {"id": "table", "url": "s3://b/t"}]
    assert wobbly.get(f"/jobs/{number}").json() == done
    gone = wobbly.delete(f"/jobs/{number}")
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "DELETE"):
        unknown = wobbly.request(method, f"/jobs/{number}")
        assert unknown.status_code == 404
        assert unknown.json() == {
            "detail": [
                {
                    "type": "unknown_job",
                    "loc": ["path", "job_id"],
                    "msg": f"Job {number} not found",
                }
            ]
        }


def test_a_job_may_fail(wobbly: httpx.Client, make: Make) -> None:
    job = patch(wobbly, make(), phase="ERROR", errors=[{**ERROR, "detail": None}])
    assert job["phase"] == "ERROR"
    assert job["errors"] == [ERROR]
    assert job["start_time"] == job["end_time"]


def test_an_abort_before_the_start_has_no_end(wobbly: httpx.Client, make: Make) -> None:
    assert "end_time" not in patch(wobbly, make(), phase="ABORTED")
    number = make()
    patch(wobbly, number, phase="EXECUTING", start_time="2026-11-20T10:00:00Z")
    assert TIME.fullmatch(patch(wobbly, number, phase="ABORTED")["end_time"])


def test_results_may_be_none(wobbly: httpx.Client, make: Make) -> None:
    assert "results" not in patch(wobbly, make(), phase="COMPLETED", results=[])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (300.5, 300),
        ("600", 600),
        ("12.9", 12),
        (0, None),
        (None, None),
        (0.5, None),
        (2**31 - 1, 2**31 - 1),
    ],
)
def test_durations_are_whole_seconds(
    wobbly: httpx.Client, make: Make, given: object, shown: int | None
) -> None:
    number = make(execution_duration=given)
    assert wobbly.get(f"/jobs/{number}").json().get("execution_duration") == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2036-12-20T10:00:00", "2036-12-20T10:00:00Z"),
        ("2036-12-20 10:00:00.999999+02:00", "2036-12-20T08:00:00Z"),
        ("20361220T100000Z", "2036-12-20T10:00:00Z"),
        ("2036-12-20", "2036-12-20T00:00:00Z"),
        (2_000_000_000, "2033-05-18T03:33:20Z"),
        (2_000_000_000.9, "2033-05-18T03:33:20Z"),
        ("+2e9", "2033-05-18T03:33:20Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_times_come_in_many_forms(
    wobbly: httpx.Client, make: Make, given: object, shown: str
) -> None:
    number = make(destruction_time=given)
    assert wobbly.get(f"/jobs/{number}").json()["destruction_time"] == shown


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.dictionaries(st.text('abc"\\é\n\u2028'), JSON, max_size=4))
def test_parameters_are_kept_as_they_are(
    wobbly: httpx.Client, make: Make, parameters: dict[str, Any]
) -> None:
    number = make(json_parameters=parameters)
    assert wobbly.get(f"/jobs/{number}").json()["json_parameters"] == parameters


def test_other_members_are_passed_over(wobbly: httpx.Client, make: Make) -> None:
    job = patch(wobbly, make(unknown=1), phase="ABORTED", results="x", other=2)
    assert job["phase"] == "ABORTED"


def test_times_of_a_job_are_changed_together(wobbly: httpx.Client, make: Make) -> None:
    number = make(execution_duration=5)
    later = "2037-01-01T00:00:00Z"
    job = patch(wobbly, number, destruction_time=later, execution_duration=9)
    assert (job["destruction_time"], job["execution_duration"]) == (later, 9)
    for update in ({"destruction_time": later}, {"execution_duration": 9}, {}):
        answer = wobbly.patch(f"/jobs/{number}", json=update)
        assert answer.status_code == 422
        missing = {"destruction_time", "execution_duration"} - set(update)
        told = answer.json()["detail"]
        assert {one["loc"][-1] for one in told} == missing
        assert {one["type"] for one in told} == {"missing"}


def test_the_other_faces_show_the_job(
    wobbly: httpx.Client, make: Make, http: httpx.Client
) -> None:
    owner = wobbly.get(f"/jobs/{make(json_parameters={'a': 1})}").json()["owner"]
    (job,) = http.get("/api/v1/jobs", params={"owner": owner}).json()["jobs"]
    assert (job["kind"], job["phase"]) == ("cutout", "PENDING")
    assert job["parameters"] == {"a": 1}
    assert http.post(f"/api/v1/jobs/{job['id']}/run").status_code == 409
    assert http.post(f"/api/v1/jobs/{job['id']}/abort").json()["phase"] == "ABORTED"
    assert http.post(f"/api/v1/jobs/{job['id']}/retry").status_code == 422
    assert [one["phase"] for one in wobbly.get("/jobs").json()] == ["ABORTED"]


def test_no_service_has_the_name_of_a_kind(service: Callable[..., Any]) -> None:
    answer = service("merge").post("/jobs", json=NEW)
    assert answer.status_code == 422
