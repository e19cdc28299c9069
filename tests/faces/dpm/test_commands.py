"""ESO's commands, as an OCM bridge sends them."""

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from astropy.io import fits
from tests.faces.dpm.conftest import (
    Ask,
    camera,
    listening,
    settled,
    specification,
)

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE, until
from quire.writers.fits.verify import verify

STATUS = {"id", "fileId", "state", "subState", "error", "alerts", "timestamp"}


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer.status_code == status, body
    assert set(body) == {"exception", "id", "message", "errors"}
    assert body["exception"] == "DaqException"
    assert body["message"]
    return body


def test_an_acquisition_is_queued_merged_and_archived(
    ask: Ask, server: ServerProcess, tmp_path: Path
) -> None:
    files = [camera(tmp_path / f"{n}.fits", f"CAM{n}") for n in range(2)]
    name = "TEST.2026-11-21T01:02:03.004"
    text = json.dumps(specification(name, *files))
    answer = ask("/daq/QueueDaq", specification=text)
    assert answer.json() == {"id": name, "error": False}
    status = settled(ask, name)
    assert set(status) == STATUS
    assert status["fileId"] == name
    assert (status["state"], status["subState"]) == ("StateCompleted", "Completed")
    assert (status["error"], status["alerts"]) == (False, [])
    assert status["timestamp"].endswith("Z")
    gone = refused(ask("/daq/GetDaqStatus", id=name), 404)
    assert gone["id"] == name
    assert "GetArchivedDaqStatus" in gone["message"]
    inside = ask("/daq/GetInternalDaqStatus", id=name).json()
    assert set(inside) > STATUS
    assert inside["specification"] == text
    assert verify(server.folder / inside["result"]).problems == ()
    collected = server.folder / "jobs" / inside["job"] / "done"
    assert until(lambda: not collected.exists())


def test_an_id_is_queued_once_for_all(ask: Ask, tmp_path: Path) -> None:
    wanted = specification("DPM.TWICE", camera(tmp_path / "a.fits", "CAM"))
    assert ask("/daq/QueueDaq", specification=wanted).status_code == 200
    assert refused(ask("/daq/QueueDaq", specification=wanted), 409)["id"] == "DPM.TWICE"
    settled(ask, "DPM.TWICE")
    refused(ask("/daq/QueueDaq", specification=wanted), 409)


def test_all_errors_of_a_specification_are_told_with_their_places(ask: Ask) -> None:
    wanted: dict[str, Any] = {
        "id": "DPM.BAD",
        "sources": [
            {"type": "fitsFile", "sourceName": "a", "location": "../x", "odd": 1},
            {
                "type": "fitsKeywords",
                "sourceName": "b",
                "keywords": [{"type": "valueKeyword", "name": "low", "value": []}],
            },
        ],
        "target": {},
    }
    for form in (wanted, json.dumps(wanted)):
        body = refused(ask("/daq/QueueDaq", specification=form), 422)
        assert body["id"] == "DPM.BAD"
        assert {one["field"] for one in body["errors"]} >= {
            "/sources/0/location",
            "/sources/0/odd",
            "/sources/1/keywords/0/name",
            "/sources/1/keywords/0/value",
            "/target/fileId",
        }
    refused(ask("/daq/GetArchivedDaqStatus", id="DPM.BAD"), 404)


def test_an_error_blocks_where_it_is_until_it_is_retried(
    ask: Ask, tmp_path: Path
) -> None:
    good, late = camera(tmp_path / "a.fits", "CAM0"), tmp_path / "b.fits"
    wanted = specification("DPM.LATE", good, late)
    ask("/daq/QueueDaq", specification=wanted).raise_for_status()
    blocked = settled(ask, "DPM.LATE")
    assert (blocked["state"], blocked["subState"]) == ("StateMerging", "Collecting")
    assert blocked["error"] is True
    (alert,) = blocked["alerts"]
    assert set(alert) == {"id", "severity", "description", "timestamp"}
    assert (alert["id"], alert["severity"]) == ("source:cam1", "Error")
    assert ask("/daq/GetDaqStatus", id="DPM.LATE").json() == blocked
    again = ask("/daq/RetryMergeDaq", id="DPM.LATE")
    assert (again.status_code, again.json()) == (200, None)
    still = until(lambda: s if (s := settled(ask, "DPM.LATE"))["error"] else None)
    assert still["alerts"][0]["id"] == alert["id"]
    assert still["subState"] == "Collecting"
    camera(late, "CAM1")
    assert ask("/daq/RetryMergeDaq", id="DPM.LATE").json() is None
    done = until(
        lambda: (
            s if (s := settled(ask, "DPM.LATE"))["subState"] == "Completed" else None
        )
    )
    assert (done["error"], done["alerts"]) == (False, [])


def test_an_abort_is_final(ask: Ask, tmp_path: Path) -> None:
    wanted = specification("DPM.GONE", tmp_path / "missing.fits")
    ask("/daq/QueueDaq", specification=wanted).raise_for_status()
    settled(ask, "DPM.GONE")
    answer = ask("/daq/AbortDaq", id="DPM.GONE")
    assert answer.json() == {"id": "DPM.GONE", "error": False}
    status = ask("/daq/GetArchivedDaqStatus", id="DPM.GONE").json()
    assert (status["state"], status["subState"]) == ("StateCompleted", "Aborted")
    for command in ("AbortDaq", "RetryMergeDaq", "GetDaqStatus"):
        refused(ask(f"/daq/{command}", id="DPM.GONE"), 404)


def test_a_blocked_acquisition_that_is_aborted_leaves_no_copies(
    ask: Ask, server: ServerProcess, tmp_path: Path
) -> None:
    here = camera(tmp_path / "a.fits", "CAM0")
    wanted = specification("DPM.LEFT", here, tmp_path / "b.fits")
    ask("/daq/QueueDaq", specification=wanted).raise_for_status()
    settled(ask, "DPM.LEFT")
    job = ask("/daq/GetInternalDaqStatus", id="DPM.LEFT").json()["job"]
    assert list((server.folder / "jobs" / job / "done").iterdir())
    ask("/daq/AbortDaq", id="DPM.LEFT").raise_for_status()
    assert not list((server.folder / "jobs").glob(f"{job}/**/*.fits"))
    assert here.exists()


def test_active_acquisitions_are_those_not_over(ask: Ask, tmp_path: Path) -> None:
    for name in ("DPM.ACT1", "DPM.ACT2"):
        wanted = specification(name, tmp_path / "missing.fits")
        ask("/daq/QueueDaq", specification=wanted).raise_for_status()
        settled(ask, name)
    listed = [one["id"] for one in ask("/daq/GetActiveDaqs").json()]
    assert [name for name in listed if name.startswith("DPM.ACT")] == [
        "DPM.ACT1",
        "DPM.ACT2",
    ]
    for name in ("DPM.ACT1", "DPM.ACT2"):
        ask("/daq/AbortDaq", id=name).raise_for_status()
    listed = [one["id"] for one in ask("/daq/GetActiveDaqs").json()]
    assert not [name for name in listed if name.startswith("DPM.ACT")]


def test_pixels_that_cannot_be_merged_are_a_warning_that_stays(
    ask: Ask, tmp_path: Path
) -> None:
    wanted = specification("DPM.WARN", camera(tmp_path / "a.fits", "C", pixels=True))
    ask("/daq/QueueDaq", specification=wanted).raise_for_status()
    status = settled(ask, "DPM.WARN")
    (alert,) = status["alerts"]
    assert (alert["severity"], status["error"]) == ("Warning", False)
    assert alert["id"].startswith("unmerged_data/cam0/")


def test_only_one_who_is_blocked_can_be_retried(ask: Ask, tmp_path: Path) -> None:
    huge = tmp_path / "huge.fits"
    with huge.open("wb") as stream:
        stream.truncate(8 * 10**12)
    wanted = specification("DPM.HUGE", huge)
    ask("/daq/QueueDaq", specification=wanted).raise_for_status()

    def waiting() -> Any:
        found = ask("/daq/GetDaqStatus", id="DPM.HUGE").json()
        return found if found["alerts"] else None

    status = until(waiting)
    (alert,) = status["alerts"]
    assert (alert["id"], alert["severity"]) == ("low_space", "Warning")
    assert (status["subState"], status["error"]) == ("Scheduled", False)
    assert ask("/daq/GetInternalDaqStatus", id="DPM.HUGE").json()["phase"] == (
        "SUSPENDED"
    )
    assert (
        "Scheduled" in refused(ask("/daq/RetryMergeDaq", id="DPM.HUGE"), 409)["message"]
    )
    huge.unlink()
    camera(huge, "CAM")
    # It goes on by itself once there is space for what it needs.
    assert settled(ask, "DPM.HUGE")["subState"] == "Completed"


def test_merges_of_other_faces_are_acquisitions(
    ask: Ask, http: httpx.Client, tmp_path: Path
) -> None:
    wanted = specification("DPM.UWS", camera(tmp_path / "a.fits", "CAM"))
    body = {"kind": "merge", "parameters": {"SPECIFICATION": wanted}, "run": False}
    job = http.post("/api/v1/jobs", json=body).json()["id"]
    status = ask("/daq/GetDaqStatus", id="DPM.UWS").json()
    assert (status["state"], status["subState"]) == ("StateMerging", "NotScheduled")
    http.post(f"/api/v1/jobs/{job}/run").raise_for_status()
    assert settled(ask, "DPM.UWS")["subState"] == "Completed"
    assert ask("/daq/GetInternalDaqStatus", id="DPM.UWS").json()["job"] == job
    http.delete(f"/api/v1/jobs/{job}").raise_for_status()
    assert ask("/daq/GetArchivedDaqStatus", id="DPM.UWS").json()["subState"] == (
        "Completed"
    )


def test_history_is_searched(ask: Ask, tmp_path: Path) -> None:
    names = [f"DPM.HIST.{n}" for n in range(3)]
    for name in names:
        wanted = specification(name, tmp_path / "missing.fits")
        ask("/daq/QueueDaq", specification=wanted).raise_for_status()
    ask("/daq/AbortDaq", id=names[0]).raise_for_status()
    found = ask("/daq/QueryHistory", text="PM.HIST", limit=2).json()
    assert [one["id"] for one in found["acquisitions"]] == names[:0:-1]
    rest = ask("/daq/QueryHistory", text="PM.HIST", limit=2, cursor=found["next"])
    assert [one["id"] for one in rest.json()["acquisitions"]] == names[:1]
    assert rest.json()["next"] is None
    aborted = ask("/daq/QueryHistory", text="PM.HIST", subState=["Aborted"]).json()
    assert [one["id"] for one in aborted["acquisitions"]] == names[:1]
    asked = ask("/daq/QueryHistory", text="PM.HIST", subState=["Transferring"])
    for one in names[1:]:
        settled(ask, one)
    assert asked.status_code == 200
    late = ask("/daq/QueryHistory", text="PM.HIST", since="2100-01-01T00:00:00Z")
    assert late.json()["acquisitions"] == []
    refused(ask("/daq/QueryHistory", subState=["Failed"]), 422)
    for one in names[1:]:
        ask("/daq/AbortDaq", id=one).raise_for_status()


@pytest.mark.parametrize(
    ("command", "arguments", "status"),
    [
        ("/daq/GetDaqStatus", {"id": "NOBODY"}, 404),
        ("/daq/AbortDaq", {"id": "NOBODY"}, 404),
        ("/daq/RetryMergeDaq", {"id": "NOBODY"}, 404),
        ("/daq/GetInternalDaqStatus", {"id": "NOBODY"}, 404),
        ("/daq/GetDaqStatus", {}, 422),
        ("/daq/GetDaqStatus", {"id": 7}, 422),
        ("/daq/GetDaqStatus", {"id": "A", "more": 1}, 422),
        ("/daq/QueueDaq", {}, 422),
        ("/daq/QueueDaq", {"specification": "{"}, 422),
        ("/daq/QueueDaq", {"specification": 5}, 422),
        ("/daq/ForceAbortDaq", {"id": "A"}, 404),
        ("/dpm/GetDaqStatus", {"id": "NOBODY"}, 404),
        ("/dpm/QueryStorageStatus", {"id": "A"}, 422),
    ],
)
def test_what_cannot_be_done_is_an_exception(
    ask: Ask, command: str, arguments: dict[str, Any], status: int
) -> None:
    refused(ask(command, **arguments), status)


def test_the_storage_is_told(ask: Ask) -> None:
    found = ask("/dpm/QueryStorageStatus").json()
    assert set(found) == {"capacity", "free", "available", "timestamp"}
    assert found["capacity"] >= found["free"] >= found["available"] > 0


def test_the_specification_is_published_as_json_schema(
    ask: Ask, http: httpx.Client
) -> None:
    import jsonschema_rs

    schema = http.get("/api/v1/schemas/data-product-specification").json()
    assert ask("/daq/GetSpecificationSchema").json() == schema
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert validator.is_valid(specification("A.1", Path("/a.fits")))
    assert not validator.is_valid({"id": "A.1"})


def test_others_acquisitions_are_not_there(
    ask: Ask, http: httpx.Client, tmp_path: Path
) -> None:
    wanted = specification("DPM.MINE", tmp_path / "missing.fits")
    ask("/daq/QueueDaq", specification=wanted).raise_for_status()
    made = http.post("/api/v1/tokens", json={"user": "other", "scopes": ["jobs:run"]})
    headers = {"authorization": f"Bearer {made.json()['token']}"}
    for command in ("GetDaqStatus", "AbortDaq", "GetInternalDaqStatus"):
        answer = http.post(f"/daq/{command}", json={"id": "DPM.MINE"}, headers=headers)
        refused(answer, 404)
    assert http.post("/daq/GetActiveDaqs", headers=headers).json() == []
    found = http.post("/daq/QueryHistory", headers=headers).json()
    assert found["acquisitions"] == []
    refused(http.post("/dpm/Exit", headers=headers), 403)
    refused(http.post("/daq/GetActiveDaqs", headers={"authorization": ""}), 401)
    ask("/daq/AbortDaq", id="DPM.MINE").raise_for_status()


def test_exit_replies_first_and_nothing_queued_is_lost(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data")
    process.start()
    late = tmp_path / "late.fits"
    with process.http() as http:
        wanted = specification("DPM.EXIT", late)
        http.post("/daq/QueueDaq", json={"specification": wanted}).raise_for_status()
        answer = http.post("/dpm/Exit")
        assert (answer.status_code, answer.json()) == (200, "OK")
    assert process.wait(PATIENCE) == 0
    assert not (tmp_path / "data" / "server.json").exists()
    process.start()
    with process.http() as http:

        def ask(command: str, /, **arguments: Any) -> httpx.Response:
            return http.post(command, json=arguments)

        assert settled(ask, "DPM.EXIT")["error"] is True
        camera(late, "CAM")
        ask("/daq/RetryMergeDaq", id="DPM.EXIT").raise_for_status()
        done = until(
            lambda: (
                s
                if (s := settled(ask, "DPM.EXIT"))["subState"] != "Collecting"
                else None
            )
        )
        assert done["subState"] == "Completed"
    process.stop()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"specification": "\\ud800"}',
        b'{"id":"A","id":"B"}',
    ],
)
def test_a_garbled_body_is_refused(http: httpx.Client, body: bytes) -> None:
    refused(http.post("/daq/QueueDaq", content=body), 422)


def test_every_command_is_described(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    for command in ("QueueDaq", "AbortDaq", "RetryMergeDaq", "GetDaqStatus"):
        assert "requestBody" in paths[f"/daq/{command}"]["post"]
    exit_needs = paths["/dpm/Exit"]["post"]["security"]
    assert {"token": ["admin:all"]} in exit_needs


def test_a_name_that_is_taken_blocks_in_releasing(
    ask: Ask, server: ServerProcess, tmp_path: Path
) -> None:
    taken = server.folder / "products" / "DPM.TAKEN.fits"
    taken.parent.mkdir(exist_ok=True)
    taken.write_bytes(b"somebody's")
    wanted = specification("DPM.TAKEN", camera(tmp_path / "a.fits", "CAM"))
    ask("/daq/QueueDaq", specification=wanted).raise_for_status()
    status = settled(ask, "DPM.TAKEN")
    assert (status["subState"], status["error"]) == ("Releasing", True)
    assert status["alerts"][0]["id"] == "failed_operation/publish_failed"
    assert taken.read_bytes() == b"somebody's"
    job = ask("/daq/GetInternalDaqStatus", id="DPM.TAKEN").json()["job"]
    until(lambda: not list((server.folder / "jobs" / job).rglob("*.part")))
    taken.unlink()
    ask("/daq/RetryMergeDaq", id="DPM.TAKEN").raise_for_status()
    done = until(
        lambda: (
            s if (s := settled(ask, "DPM.TAKEN"))["subState"] == "Completed" else None
        )
    )
    assert done["alerts"] == []
    assert verify(taken).problems == ()


def test_an_abort_while_it_merges_leaves_nothing(
    ask: Ask, http: httpx.Client, server: ServerProcess, tmp_path: Path
) -> None:
    image = fits.ImageHDU(np.zeros((8192, 8192), "int16"))
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "big.fits")
    wanted = specification("DPM.CUT", tmp_path / "big.fits")
    with listening(http, "/daq/status") as events:
        ask("/daq/QueueDaq", specification=wanted).raise_for_status()
        for _, _, status in events:
            if (status["id"], status["subState"]) == ("DPM.CUT", "Merging"):
                break
        assert ask("/daq/AbortDaq", id="DPM.CUT").status_code == 200
    assert settled(ask, "DPM.CUT")["subState"] == "Aborted"
    job = ask("/daq/GetInternalDaqStatus", id="DPM.CUT").json()["job"]
    until(lambda: not list((server.folder / "jobs" / job).rglob("*.part")))
    assert not (server.folder / "products" / "DPM.CUT.fits").exists()
