"""What DPM publishes, as server-sent events."""

from itertools import pairwise
from pathlib import Path

import httpx
from tests.faces.dpm.conftest import Ask, camera, listening, settled, specification

from quire.products.acquisition_states import NEXT, Substate


def test_every_change_is_told_in_order(
    ask: Ask, http: httpx.Client, tmp_path: Path
) -> None:
    wanted = specification("TOPIC.1", camera(tmp_path / "a.fits", "CAM"))
    late = tmp_path / "late.fits"
    seen: list[str] = []
    with listening(http, "/daq/status") as events:
        ask("/daq/QueueDaq", specification=wanted).raise_for_status()
        for _, name, status in events:
            assert name == "status"
            if status["id"] == "TOPIC.1":
                seen.append(status["subState"])
            if status["subState"] == "Completed":
                break
    assert seen == ["Scheduled", "Collecting", "Merging", "Releasing", "Completed"]
    ask("/daq/QueueDaq", specification=specification("TOPIC.2", late))
    settled(ask, "TOPIC.2")
    with listening(http, "/daq/status") as events:
        # The present state comes first, of what is active alone.
        number, _, status = next(one for one in events if one[2]["id"] == "TOPIC.2")
        assert (status["subState"], status["error"]) == ("Collecting", True)
        ask("/daq/AbortDaq", id="TOPIC.2").raise_for_status()
        told = [next(events)[2]["subState"] for _ in range(2)]
    assert told == ["Aborting", "Aborted"]
    # Who was away is told what it missed, and nothing twice.
    with listening(http, "/daq/status", **{"Last-Event-ID": number}) as events:
        missed = [next(events)[2] for _ in range(2)]
    assert [one["subState"] for one in missed] == told
    assert {one["id"] for one in missed} == {"TOPIC.2"}


def test_no_step_goes_back_when_it_is_retried(
    ask: Ask, http: httpx.Client, tmp_path: Path
) -> None:
    late = tmp_path / "late.fits"
    seen: list[str] = []
    with listening(http, "/daq/status") as events:
        wanted = specification("TOPIC.3", late)
        ask("/daq/QueueDaq", specification=wanted).raise_for_status()
        for _, _, status in events:
            if status["id"] != "TOPIC.3":
                continue
            seen.append(status["subState"])
            if status["error"]:
                camera(late, "CAM")
                ask("/daq/RetryMergeDaq", id="TOPIC.3").raise_for_status()
            if status["subState"] == "Completed":
                break
    for before, after in pairwise(seen):
        assert before == after or Substate(after) in NEXT[Substate(before)], seen


def test_the_storage_is_told_at_intervals(http: httpx.Client) -> None:
    with listening(http, "/dpm/storage") as events:
        first, second = next(events), next(events)
    assert first[1] == second[1] == "storage"
    assert first[2]["timestamp"] < second[2]["timestamp"]
    assert set(first[2]) == {"capacity", "free", "available", "timestamp"}
