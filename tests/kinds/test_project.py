"""Products of real runs, made by a real server, read by h5py alone."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from tests.documents.samples import FOLDER

from quire.client.connection import Connection
from quire.client.errors import JobFailed, RefusedInput
from quire.client.jobs import Job, submit_to
from quire.products.manifest import (
    PIECE,
    coverage_faults,
    decode_manifest,
    list_hash,
    whole_hash,
)
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, document, make_uid

ASSETS = FOLDER / "assets"


class Place:
    """A server that knows where the documents' assets lie."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        settings: str = "",
        roots: Sequence[Path] = (ASSETS,),
    ) -> None:
        self.server = ServerProcess(folder / "data", environment=environment)
        self.server.folder.mkdir(parents=True)
        (self.server.folder / "quire.toml").write_text(
            f"asset_roots = {json.dumps([str(one) for one in roots])}\n"
            "[asset_root_map]\n"
            f'"/example/assets" = {json.dumps(str(ASSETS))}\n'
            "[projections.start]\nenabled = false\n"
            f"{settings}"
        )
        self.server.start()
        address = self.server.address
        self.connection = Connection(address.url, address.token)

    def send(self, body: bytes) -> str:
        with self.server.http() as http:
            answer = http.post(
                "/api/v1/documents",
                content=body,
                headers={"content-type": "application/x-ndjson"},
            )
        answer.raise_for_status()
        assert not answer.json()["refused"], answer.json()
        return str(json.loads(body.splitlines()[0])[1]["uid"])

    def project(
        self, run: str, projection: str = "", form: str = "nexus", external: str = ""
    ) -> Job:
        given = {"projection": projection, "format": form}
        if external:
            given["external"] = external
        return submit_to(self.connection, "project", given, runs=(run,)).wait(60)

    def product(self, job: Job) -> Path:
        told = self.connection.get(f"/api/v1/products/{job.record['product']}")
        with self.server.http() as http:
            whole = http.get(told["links"]["file"]).content
        found = self.server.folder / str(told["file"])
        assert found.read_bytes() == whole
        return found

    def entries(self, job: Job) -> dict[str, Any]:
        told = self.connection.get(f"/api/v1/jobs/{job.id}/results/entries")
        return {one["key"]: one for one in told}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("projected"))
    yield made
    made.server.stop()


def linked(field: str, stream: str = "primary") -> dict[str, Any]:
    return {"type": "linked", "location": "event", "stream": stream, "field": field}


def configured(field: str, device: str = "dev", index: int = 0) -> dict[str, Any]:
    return {
        **linked(field),
        "location": "configuration",
        "config_device": device,
        "config_index": index,
    }


def calculated(
    name: str, *args: Any, field: str = "a", **kwargs: Any
) -> dict[str, Any]:
    return {
        **linked(field),
        "type": "calculated",
        "calculation": {"callable": name, "args": list(args), "kwargs": kwargs},
    }


def static(value: Any) -> dict[str, Any]:
    return {"type": "static", "value": value}


def run_of(
    seed: str,
    entries: dict[str, Any],
    *,
    rows: int = 5,
    stop: bool = True,
    **more: Any,
) -> bytes:
    """Return a run of two streams, the first one with two descriptors."""
    uid = make_uid(seed, "start")
    projection = {
        "name": "own",
        "version": "1",
        "configuration": {},
        "projection": entries,
    }
    start = {"uid": uid, "time": 1.7e9, "projections": [projection], **more}
    documents = [document("start", start)]
    for number, (stream, value) in enumerate(
        [("primary", 1.0), ("primary", 2.0), ("baseline", 3.0)]
    ):
        told = {
            "a": {"source": "t", "dtype": "number", "shape": [], "units": "mm"},
            "b": {"source": "t", "dtype": "integer", "shape": [], "units": "s"},
            "w": {"source": "t", "dtype": "string", "shape": []},
        }
        exposure = {"source": "t", "dtype": "number", "shape": [], "units": "s"}
        descriptor = {
            "uid": make_uid(seed, f"d{number}"),
            "run_start": uid,
            "time": 1.7e9 + number,
            "name": stream,
            "data_keys": told,
            "configuration": {
                "dev": {
                    "data": {"exposure": value},
                    "timestamps": {"exposure": 1.7e9},
                    "data_keys": {"exposure": exposure},
                }
            },
        }
        documents.append(document("descriptor", descriptor))
    for row in range(rows):
        which = 0 if row < rows // 2 else 1
        data = {"a": row + 0.5, "b": row, "w": f"Å{row}"}
        documents.append(document("event", event(seed, which, row + 1, data)))
    first = {"a": -1.0, "b": 7, "w": "only"}
    documents.append(document("event", event(seed, 2, 1, first)))
    if stop:
        end = {"uid": make_uid(seed, "stop"), "run_start": uid, "time": 1.7e9 + 99}
        documents.append(document("stop", {**end, "exit_status": "success"}))
    return as_ndjson(documents)


def event(seed: str, which: int, number: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": make_uid(seed, f"e{which} {number}"),
        "descriptor": make_uid(seed, f"d{which}"),
        "seq_num": number,
        "time": 1.7e9 + number,
        "data": data,
        "timestamps": dict.fromkeys(data, 1.7e9 + number),
    }


def test_the_sample_run_as_its_projection_says(place: Place) -> None:
    body = (FOLDER / "projections.jsonl").read_bytes()
    events = [
        json.loads(line)[1] for line in body.splitlines() if b'"event"' in line[:9]
    ]
    run = place.send(body)
    job = place.project(run, "nxsas")
    with h5py.File(place.product(job)) as file:
        one, two, motor = (
            [each["data"][key] for each in events] for key in ("det1", "det2", "motor1")
        )
        assert file["/entry/instrument/detector/data"][:].tolist() == one
        assert file["/entry/sample/x"][:].tolist() == motor
        assert file["/entry/instrument/detector/exposure"][()] == 5
        wanted = np.array(one) / np.array(two)
        assert np.array_equal(file["/entry/data/normalised"][:], wanted)
        assert file["/entry/definition"].asstr()[()] == "NXsas"
        told = file["/entry/start_time"]
        assert json.loads(told.asstr()[()]) == {"nested": [1, 2, {"a": None}]}
        assert told.attrs["encoding"] == "json"
        # As nexpy and h5web look for what to draw.
        group = file[file[file.attrs["default"]].attrs["default"].join(["/entry/", ""])]
        assert group.attrs["NX_class"] == "NXdata"
        assert group[group.attrs["signal"]].shape == (11,)
        assert group[group.attrs["axes"][0]][:].tolist() == motor
    assert {one["status"] for one in place.entries(job).values()} == {"ok"}
    with pytest.raises(JobFailed, match="nxsas"):  # several: a name is needed
        place.project(run)


def test_every_entry_stands_for_itself(place: Place) -> None:
    """The defects of databroker's executor, each shown to be none of ours."""
    entries = {
        "/entry/before": configured("exposure", index=1),
        "/entry/static": static("text"),
        "/entry/none": linked("no_such"),
        "/entry/nowhere": linked("a", "no_such"),
        "/entry/a": linked("a"),
        "/entry/b": linked("b"),
        "/entry/base": linked("a", "baseline"),
        "/entry/base_exposure": {**configured("exposure"), "stream": "baseline"},
        "/entry/after": configured("exposure", index=0),
        "/entry/beyond": configured("exposure", index=2),
        "/entry/negative": configured("exposure", index=-1),
        "/entry/no_device": configured("exposure", "other"),
        "/entry/sum": calculated("numpy:add", "a", "b"),
        "/entry/rate": calculated("numpy:divide", "a", "b"),
        "/entry/mean": calculated("stats:mean"),
        "/entry/evil": calculated("os:system", "true"),
        "/entry/imported": calculated("no_such_module:f"),
        "/entry/wrong": calculated("numpy:add", "a"),
        "/entry/text": calculated("numpy:add", "a", "w"),
        "/entry/words": linked("w"),
    }
    job = place.project(place.send(run_of("defects", entries)))
    codes = {key: one["code"] for key, one in place.entries(job).items() if one["code"]}
    assert codes == {
        "/entry/none": "missing_field",
        "/entry/nowhere": "missing_stream",
        "/entry/beyond": "config_index_out_of_range",
        "/entry/negative": "config_index_out_of_range",
        "/entry/no_device": "missing_device",
        "/entry/evil": "unknown_callable",
        "/entry/imported": "unknown_callable",
        "/entry/wrong": "bad_arguments",
        "/entry/text": "bad_arguments",
    }
    assert list(place.entries(job)) == list(entries)
    a, b = np.arange(5) + 0.5, np.arange(5)
    with h5py.File(place.product(job)) as file:
        entry = file["entry"]
        assert entry["before"][()] == 2.0
        assert entry["after"][()] == 1.0
        assert entry["after"].attrs["units"] == "s"
        assert entry["base_exposure"][()] == 3.0
        assert entry["static"].asstr()[()] == "text"
        assert entry["a"][:].tolist() == a.tolist()
        assert entry["a"].attrs["units"] == "mm"
        assert entry["b"].dtype == "int64"
        assert entry["base"][:].tolist() == [-1.0]
        assert entry["sum"][:].tolist() == (a + b).tolist()
        assert entry["rate"][0] == np.inf
        assert entry["rate"].attrs["units"] == "mm / (s)"
        assert entry["mean"][()] == 2.5
        assert entry["mean"].attrs["callable_version"] == "1"
        assert entry["words"].asstr()[:].tolist() == [f"Å{row}" for row in range(5)]
        assert entry.attrs["issues"] == len(codes)
        assert "none" not in entry


def test_old_spellings_are_read_in_runs_that_were_imported(place: Place) -> None:
    flat = {**linked("a"), "type": "calculated", "callable": "stats:max"}
    first = {"type": "linked", "location": "start", "field": "sample"}
    # Today's schema refuses both in new documents, as the reference page says.
    body = run_of("old", {"/entry/max": flat, "/entry/s": first})
    with place.server.http() as http:
        answer = http.post(
            "/api/v1/documents",
            content=body,
            headers={"content-type": "application/x-ndjson"},
        )
    assert [one["name"] for one in answer.json()["refused"]] == ["start"]


def test_a_run_that_is_open_is_partial_and_made_again(place: Place) -> None:
    entries = {"/entry/a": linked("a")}
    whole = run_of("open", entries)
    lines = whole.splitlines(keepends=True)
    run = place.send(b"".join(lines[:-1]))
    first = place.project(run)
    with h5py.File(place.product(first)) as file:
        assert not file["entry"].attrs["complete"]
        assert file["entry"].attrs["exit_status"] == ""
    place.send(b"".join(lines))
    second = place.project(run)
    assert place.product(second) != place.product(first)
    with h5py.File(place.product(second)) as file:
        assert file["entry"].attrs["complete"]
        assert file["entry"].attrs["exit_status"] == "success"


def test_the_same_again_is_not_made_twice(place: Place) -> None:
    run = place.send(run_of("twice", {"/entry/a": linked("a")}))
    first = place.project(run)
    made = place.product(first).stat()
    second = place.project(run)
    assert place.product(second) == place.product(first)
    assert place.product(second).stat().st_mtime_ns == made.st_mtime_ns
    assert place.entries(second) == place.entries(first)
    for name in ("entries", "provenance"):
        one, other = (
            place.connection.get(f"/api/v1/jobs/{job.id}/results/{name}")
            for job in (first, second)
        )
        assert one == other
    manifest = Path(f"{place.product(first)}.manifest.json")
    told = json.loads(manifest.read_bytes())
    stated, size = decode_manifest(manifest.read_bytes()), made.st_size
    assert coverage_faults(stated) == ()
    assert stated.size == size
    whole = place.product(first).read_bytes()
    pieces = [whole[at : at + PIECE] for at in range(0, size, PIECE)]
    part = list_hash(hashlib.sha256(one).digest() for one in pieces)
    assert stated.parts[0].sha256 == part
    assert stated.sha256 == whole_hash([part])
    assert told["job"] == first.id
    assert told["inputs"]["documents"]["streams"]["primary"]["rows"] == 5
    assert told["variables"][0]["units"] == "mm"
    prov = told["provenance"]
    beside = Path(f"{place.product(first)}.prov.json")
    assert json.loads(beside.read_text()) == prov
    (generated,) = prov["wasGeneratedBy"].values()
    assert generated["prov:entity"] in prov["entity"]
    assert generated["prov:activity"] in prov["activity"]
    assert place.connection.get(f"/api/v1/jobs/{first.id}/results/provenance") == prov


def test_a_run_without_projections_is_projected_as_it_is(place: Place) -> None:
    body = run_of("generic", {}, hints={"dimensions": [[["b"], "primary"]]})
    run = place.send(body.replace(b'"projections"', b'"other"', 1))
    job = place.project(run)
    with h5py.File(place.product(job)) as file:
        group = file["/entry/data"]
        assert group.attrs["NX_class"] == "NXdata"
        assert group.attrs["signal"] == "a"
        assert group.attrs["axes"].tolist() == ["b"]
        assert file["/entry/data_baseline/a"][:].tolist() == [-1.0]
        assert file["/entry/instrument/dev/exposure_1"][()] == 2.0
        assert file["/entry/entry_identifier_uuid"].asstr()[()] == run


def test_what_json_does_not_have_is_kept_in_the_file(place: Place) -> None:
    entries = {
        "/entry/nan": static([1.5, "@nan"]),
        "/entry/inf": static("@inf"),
        "/entry/@note": static("an attribute"),
        "plain": static("at the root"),
        "/entry/../escape": static(1),
        "/entry/plain/below": static(1),
        "/entry/huge": static(2**70),
    }
    body = run_of("awkward", entries).replace(b'"@nan"', b"NaN")
    job = place.project(place.send(body.replace(b'"@inf"', b"Infinity")))
    with h5py.File(place.product(job)) as file:
        assert np.isnan(file["/entry/nan"][1])
        assert file["/entry/inf"][()] == np.inf
        assert file["entry"].attrs["note"] == "an attribute"
        assert file["/entry/plain/below"][()] == 1
        assert file["plain"].asstr()[()] == "at the root"
        assert json.loads(file["/entry/huge"].asstr()[()]) == 2**70
    codes = {key: one["code"] for key, one in place.entries(job).items() if one["code"]}
    assert codes == {"/entry/../escape": "bad_key"}


def test_what_cannot_be_made_at_all_fails(place: Place) -> None:
    run = place.send(run_of("nothing", {"/entry/a": linked("no_such")}))
    with pytest.raises(JobFailed, match="missing_field"):
        place.project(run)
    with pytest.raises(JobFailed, match="no projection 'other'"):
        place.project(run, "other")
    with pytest.raises(RefusedInput, match="RUN"):
        place.project("no such run")
    with pytest.raises(RefusedInput, match="FORMAT"):
        place.project(run, form="papyrus")
