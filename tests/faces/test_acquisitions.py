"""Merges over HTTP: what blocks them, what refuses them, and what comes out."""

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from astropy.io import fits
from tests.writers.fits.judging import judged_products

from quire.testing.waiting import until
from quire.writers.fits.verify import verify

__all__ = ("judged_products",)  # for all tests here


def camera(path: Path, name: str) -> Path:
    primary = fits.PrimaryHDU()
    primary.header["INSTRUME"] = name
    image = fits.ImageHDU(np.arange(600, dtype="int16").reshape(20, 30), name=name)
    fits.HDUList([primary, image]).writeto(path, checksum=True)
    return path


def specification(name: str, *files: Path) -> dict[str, Any]:
    return {
        "id": name,
        "sources": [
            {"type": "fitsFile", "sourceName": f"cam{n}", "location": str(path)}
            for n, path in enumerate(files)
        ],
        "target": {"fileId": name},
    }


def submit(http: httpx.Client, wanted: dict[str, Any]) -> httpx.Response:
    body = {"kind": "merge", "parameters": {"SPECIFICATION": wanted}, "run": True}
    return http.post("/api/v1/jobs", json=body)


def settled(http: httpx.Client, job: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = http.get(f"/api/v1/jobs/{job}").json()
        return None if found["phase"] in {"QUEUED", "EXECUTING"} else found

    return until(ended)


def test_a_product_is_published_and_downloaded(
    http: httpx.Client, tmp_path: Path
) -> None:
    files = [camera(tmp_path / f"{n}.fits", f"CAM{n}") for n in range(3)]
    job = settled(http, submit(http, specification("GOOD.1", *files)).json()["id"])
    assert job["phase"] == "COMPLETED"
    product = http.get(f"/api/v1/products/{job['product']}").json()
    copy = tmp_path / "GOOD.1.fits"
    copy.write_bytes(http.get(product["links"]["file"]).content)
    manifest = http.get(product["links"]["manifest"])
    (tmp_path / "GOOD.1.manifest.json").write_bytes(manifest.content)
    assert verify(copy).problems == ()
    with fits.open(copy, checksum=True) as hdus:
        assert len(hdus) == 4
        hdus.verify("exception")


def bad_source(path: Path, how: str) -> None:
    whole = camera(path, "CAM").read_bytes()
    match how:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(whole[:-2880])
        case _:
            path.write_bytes(b"<html>not found</html>" * 200)


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "no-fits"])
def test_a_bad_source_holds_the_job_until_it_is_mended(
    http: httpx.Client, tmp_path: Path, how: str
) -> None:
    good = camera(tmp_path / "good.fits", "CAM0")
    bad = tmp_path / "bad.fits"
    bad_source(bad, how)
    name = f"HELD.{how}"
    job = settled(http, submit(http, specification(name, good, bad)).json()["id"])
    assert job["phase"] == "HELD"
    (alert,) = job["alerts"]
    assert alert["severity"] == "Error"
    assert "cam1" in alert["description"]
    assert "(" in alert["description"]
    assert job["product"] is None
    bad.unlink(missing_ok=True)
    camera(bad, "CAM1")
    again = http.post(f"/api/v1/jobs/{job['id']}/retry").json()
    assert again["id"] == job["id"]
    done = settled(http, job["id"])
    assert done["phase"] == "COMPLETED"
    assert done["attempt"] == 2
    assert "Error" not in {alert["severity"] for alert in done["alerts"]}


def test_an_id_is_used_once(http: httpx.Client, tmp_path: Path) -> None:
    source = camera(tmp_path / "one.fits", "CAM")
    first = submit(http, specification("TWICE.1", source))
    second = submit(http, specification("TWICE.1", source))
    assert (first.status_code, second.status_code) == (201, 409)
    assert first.json()["id"] in second.json()["detail"]


def test_a_bad_specification_is_refused_with_all_its_errors(
    http: httpx.Client,
) -> None:
    wanted = {"id": "../evil", "sources": [{"type": "what"}], "target": {}}
    answer = submit(http, wanted)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) >= 3
    for text in ("{", "[]", json.dumps({"id": "x"})):
        body = {"kind": "merge", "parameters": {"SPECIFICATION": text}, "run": True}
        assert http.post("/api/v1/jobs", json=body).status_code == 422
    assert http.get("/api/v1/products?run=nothing").json() == {
        "products": [],
        "next": None,
    }
