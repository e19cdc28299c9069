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
from tests.writers.reading import READERS

from quire.actions.projecting import site
from quire.client.connection import Connection
from quire.client.errors import JobFailed, RefusedInput
from quire.client.jobs import Job, submit_to
from quire.errors import InputError
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
    place.send(b"".join(lines))
    second = place.project(run)
    assert place.product(second) != place.product(first)
    with h5py.File(place.product(second)) as file:
        assert file["entry"].attrs["complete"]


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


@pytest.mark.parametrize("form", READERS)
def test_every_format_of_a_run(place: Place, form: str) -> None:
    entries = {
        "/entry/a": linked("a"),
        "/entry/sum": calculated("numpy:add", "a", "b"),
        "/entry/base": linked("a", "baseline"),
        "/entry/title": static("Ä"),
        "/entry/w": linked("w"),
    }
    run = place.send(run_of("formats", entries))
    job = place.project(run, form=form)
    found = READERS[form](place.product(job))
    values = [float(one) for one in found["/entry/sum"][0]]
    assert values == [2 * row + 0.5 for row in range(5)]
    several = form in ("nexus", "zarr")
    assert ("/entry/base" in found) == several
    # FITS has no Å, which only the values tell: the file is begun anew without.
    text = place.entries(job)["/entry/w"]
    assert (text["code"] == "not_held") == (form == "fits") == ("/entry/w" not in found)
    told = place.entries(job)["/entry/base"]
    assert (told["status"] == "ok") == several
    assert told["code"] in ("", "not_held")


def test_a_stream_without_events_has_the_rows_of_its_files(place: Place) -> None:
    body = (FOLDER / "external_stream_assets.jsonl").read_bytes()
    whole = place.send(body)
    uid = make_uid("eventless", "start")
    lines = [line for line in body.splitlines(keepends=True) if b'["event"' not in line]
    bare = b"".join(lines).replace(whole.encode(), uid.encode())
    for line in lines[1:]:
        own = json.loads(line)[1]["uid"].encode()
        other = make_uid("eventless", own.decode()).encode()
        bare = bare.replace(own, other) if b"/" not in own else bare
    place.send(bare)
    with (
        h5py.File(place.product(place.project(whole, "generic"))) as one,
        h5py.File(place.product(place.project(uid, "generic"))) as two,
    ):
        images = one["/entry/data/cam_image"][:]
        assert images.ndim > 2
        assert images.any()
        assert np.array_equal(two["/entry/data/cam_image"][:], images)
        assert two["/entry/data/cam_image"].dtype == images.dtype
        assert two["/entry/streams/primary/seq_num"][:].tolist() == [1, 2, 3, 4, 5]


def test_images_in_files_that_events_name(place: Place) -> None:
    run = place.send((FOLDER / "external_resource_datum.jsonl").read_bytes())
    shapes: list[tuple[int, ...]] = []

    def look(_: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset) and found.ndim > 2 and found[:].any():
            shapes.append(found.shape)

    with h5py.File(place.product(place.project(run, "generic"))) as file:
        file.visititems(look)
    assert shapes


FACILITY = """
import time
import numpy as np
from quire.products.projection.functions import Function, FunctionParameter, Takes, Works

def slow(rows):
    while True:
        pass

def greedy(rows):
    return np.zeros(2**31)[: len(rows)]

def broken(rows):
    raise ValueError("as asked")

def short(rows):
    return rows[:1]

def leaves(rows):
    import os
    os._exit(3)

def functions():
    offset = FunctionParameter(name="offset", takes=Takes.NUMBER, default=1.0)
    return [
        Function(name="site:shift", call=lambda rows, offset: rows + offset, version="7",
                 units="same", parameters=(offset,)),
        Function(name="site:ranks", call=lambda rows: rows.argsort().argsort(),
                 works=Works.WHOLE),
        Function(name="site:slow", call=slow, seconds=1.0),
        Function(name="site:greedy", call=greedy, memory_bytes=64 * 2**20),
        *(Function(name=f"site:{one.__name__}", call=one) for one in (broken, short, leaves)),
    ]
"""


def test_functions_of_a_facility(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    told = packages / "site_functions-1.0.dist-info"
    told.mkdir(parents=True)
    (packages / "site_functions.py").write_text(FACILITY)
    (told / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: site-functions\nVersion: 1.0\n"
    )
    (told / "entry_points.txt").write_text(
        "[quire.functions]\nsite = site_functions:functions\n"
    )
    place = Place(tmp_path, {"PYTHONPATH": str(packages)})
    names = ("slow", "greedy", "broken", "short", "leaves")
    entries = {f"/entry/{name}": calculated(f"site:{name}") for name in names}
    entries |= {
        "/entry/shift": calculated("site:shift", offset=2),
        "/entry/default": calculated("site:shift"),
        "/entry/ranks": calculated("site:ranks", field="b"),
        "/entry/wrong": calculated("site:shift", "a text"),
        "/entry/a": linked("a"),
    }
    try:
        job = place.project(place.send(run_of("site", entries)))
        codes = {key: one["code"] for key, one in place.entries(job).items()}
        with h5py.File(place.product(job)) as file:
            entry = file["entry"]
            assert entry["shift"][:].tolist() == [row + 2.5 for row in range(5)]
            assert entry["shift"].attrs["callable_version"] == "7"
            assert entry["shift"].attrs["units"] == "mm"
            assert entry["default"][0] == 1.5
            assert entry["ranks"][:].tolist() == [0, 1, 2, 3, 4]
            assert len(entry["a"]) == 5
    finally:
        place.server.stop()
    assert codes == {
        "/entry/slow": "limit_exceeded",
        "/entry/greedy": "limit_exceeded",
        "/entry/broken": "callable_failed",
        "/entry/short": "callable_failed",
        "/entry/leaves": "limit_exceeded",
        "/entry/shift": "",
        "/entry/default": "",
        "/entry/ranks": "",
        "/entry/wrong": "bad_arguments",
        "/entry/a": "",
    }


def test_functions_and_projections_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "beamline.py").write_text(FACILITY)
    content = {
        "name": "shifted",
        "version": "3",
        "configuration": {},
        "projection": {"/entry/a": calculated("site:shift", offset=2)},
    }
    (tmp_path / "shifted.json").write_text(json.dumps(content))
    settings = (
        "[projecting]\n"
        'functions = ["beamline:functions"]\n'
        f"projections = [{json.dumps(str(tmp_path / 'shifted.json'))}]\n"
    )
    environment = {"PYTHONPATH": str(tmp_path / "packages")}
    place = Place(tmp_path, environment, settings)
    try:
        run = place.send(run_of("configured", {"/entry/own": linked("a")}))
        with h5py.File(place.product(place.project(run, "shifted"))) as file:
            assert file["/entry/a"][0] == 2.5
        with h5py.File(place.product(place.project(run))) as file:
            assert "own" in file["entry"]
        told = place.connection.get("/api/v1/projections")
        assert told["configured"] == [content]
        assert "site:shift" in {one["name"] for one in told["functions"]}
    finally:
        place.server.stop()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"functions": ["os.system"]}, "module:callable"),
        ({"functions": ["nowhere:at_all"]}, "nowhere"),
        ({"functions": ["json:dumps"]}, "json:dumps"),
        ({"projections": ["none.json"]}, "none.json"),
        ({"projections": ["bad.json"]}, "bad.json"),
        ({"projections": ["odd.json"]}, "/x"),
        ({"projections": ["generic.json"]}, "generic"),
        ({"funtcions": []}, "funtcions"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    table: dict[str, Any], words: str, tmp_path: Path
) -> None:
    odd = {"name": "odd", "version": "1", "configuration": {}}
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "odd.json").write_text(json.dumps({**odd, "projection": {"/x": 3}}))
    (tmp_path / "generic.json").write_text(
        json.dumps({**odd, "name": "generic", "projection": {"/x": static(1)}})
    )
    with pytest.raises(InputError, match="projecting") as refused:
        site(table, tmp_path)
    assert words in str(refused.value)


def test_images_are_left_where_they_lie(tmp_path: Path) -> None:
    seed, folder = "left", tmp_path / "images"
    folder.mkdir()
    wrote = np.arange(7 * 2 * 3, dtype="u2").reshape(7, 2, 3)
    with h5py.File(folder / "one.h5", "x") as file:
        file["entry/data"] = wrote
    with h5py.File(folder / "two.h5", "x") as file:
        file["entry/data"] = wrote + 100
    uid = make_uid(seed, "start")
    key = {
        "source": "t",
        "dtype": "array",
        "shape": [1, 2, 3],
        "dtype_numpy": "<u2",
        "external": "STREAM:",
    }
    plain = {"source": "t", "dtype": "number", "shape": []}
    documents = [
        document("start", {"uid": uid, "time": 1.7e9}),
        document(
            "descriptor",
            {
                "uid": make_uid(seed, "d0"),
                "run_start": uid,
                "time": 1.7e9,
                "name": "primary",
                "data_keys": {"image": key, "a": plain},
                "configuration": {},
            },
        ),
    ]
    for row in range(1, 11):  # of which 4 has no image
        data = {"a": float(row)}
        documents.append(document("event", event(seed, 0, row, data)))
    for name, spans in {"one": [(1, 4, 0)], "two": [(5, 8, 2), (8, 11, 0)]}.items():
        resource = make_uid(seed, name)
        documents.append(
            document(
                "stream_resource",
                {
                    "uid": resource,
                    "run_start": uid,
                    "data_key": "image",
                    "mimetype": "application/x-hdf5",
                    "uri": f"file://localhost{folder}/{name}.h5",
                    "parameters": {"dataset": "/entry/data", "chunk_shape": [1, 2, 3]},
                },
            )
        )
        for number, (begin, end, frame) in enumerate(spans):
            told = {
                "uid": f"{resource}/{number}",
                "stream_resource": resource,
                "descriptor": make_uid(seed, "d0"),
                "seq_nums": {"start": begin, "stop": end},
                "indices": {"start": frame, "stop": frame + end - begin},
            }
            documents.append(document("stream_datum", told))
    stop = {"uid": make_uid(seed, "stop"), "run_start": uid, "time": 1.7e9 + 99}
    documents.append(document("stop", {**stop, "exit_status": "success"}))
    place = Place(tmp_path, roots=(folder,))
    try:
        run = place.send(as_ndjson(documents))
        copied = place.project(run, external="copy")
        linked_ = place.project(run, external="link")
        files = place.product(copied), place.product(linked_)
        with h5py.File(files[0]) as one, h5py.File(files[1]) as other:
            found, virtual = one["/entry/data/image"], other["/entry/data/image"]
            assert not found.is_virtual
            assert virtual.is_virtual
            assert np.array_equal(found[:], virtual[:])
            assert np.array_equal(virtual[0], wrote[0].reshape(virtual.shape[1:]))
            gaps = other["/entry/data/image_missing"][:].tolist()
            assert gaps == one["/entry/data/image_missing"][:].tolist()
            assert gaps == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
            sources = {source.file_name for source in virtual.virtual_sources()}
            assert sources == {str(folder / "one.h5"), str(folder / "two.h5")}
            assert other["/entry/data/a"][:].tolist() == list(range(1, 11))
        manifest = json.loads(Path(f"{files[1]}.manifest.json").read_text())
        held = {one["key"]: one for one in manifest["variables"]}
        left = [one["file"] for one in held["/entry/data/image"]["files"]]
        assert left == [str(folder / "one.h5"), str(folder / "two.h5")]
        with pytest.raises(RefusedInput, match="csv cannot link"):
            place.project(run, form="csv", external="link")
    finally:
        place.server.stop()
