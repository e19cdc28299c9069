"""Merges as UWS shows them: held, mended, done; their products outlive them."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from tests.faces.test_acquisitions import camera, specification
from tests.faces.uws.test_service import UWS, ended

Judge = Callable[[bytes], Any]


def merge(uws: httpx.Client, wanted: dict[str, Any], *, part: bool = False) -> str:
    text = json.dumps(wanted)
    files = {"specification": ("spec.json", text.encode())} if part else None
    data = {"PHASE": "RUN", **({} if part else {"Specification": text})}
    answer = uws.post("/uws/merge/jobs", data=data, files=files)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_a_product_is_a_result_and_outlives_its_job(
    uws: httpx.Client, judge: Judge, tmp_path: Path
) -> None:
    source = camera(tmp_path / "a.fits", "CAM")
    job = merge(uws, specification("UWS.1", source), part=True)
    assert ended(uws, job) == "COMPLETED"
    tree = judge(uws.get(job).content)
    results = [one.get("id") for one in tree.find(f"{UWS}results")]
    assert results == ["result", "manifest"]
    product = uws.get(f"{job}/results/result").content
    manifest = uws.get(f"{job}/results/manifest").json()
    assert manifest
    name = uws.get(f"/api/v1/jobs/{job.rpartition('/')[2]}").json()["product"]
    assert uws.delete(job).status_code == 303
    assert uws.get(job).status_code == 404
    kept = uws.get(f"/api/v1/products/{name}/file")
    assert hashlib.sha256(kept.content).digest() == hashlib.sha256(product).digest()


def test_a_bad_source_holds_and_run_goes_on(
    uws: httpx.Client, judge: Judge, tmp_path: Path
) -> None:
    missing = tmp_path / "late.fits"
    job = merge(uws, specification("UWS.2", missing))
    assert ended(uws, job) == "HELD"
    tree = judge(uws.get(job).content)
    alerts = [one for one in tree[-1] if one.tag.endswith("}alert")]
    assert [one.get("severity") for one in alerts] == ["Error"]
    assert "late.fits" in alerts[0].text
    camera(missing, "CAM")
    assert uws.post(f"{job}/phase", data={"PHASE": "RUN"}).status_code == 303
    assert ended(uws, job) == "COMPLETED"
    info = {one.tag.rpartition("}")[2]: one.text for one in judge(
        uws.get(job).content
    )[-1]}  # fmt: skip
    assert info["attempt"] == "2"


def test_a_bad_specification_is_refused_with_all_its_errors(uws: httpx.Client) -> None:
    form = {"SPECIFICATION": '{"id": 5, "sources": "none"}'}
    answer = uws.post("/uws/merge/jobs", data=form)
    assert answer.status_code == 422
    assert len(answer.text.splitlines()) > 1
    assert uws.post("/uws/merge/jobs").status_code == 422
