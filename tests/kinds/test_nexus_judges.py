"""What the NeXus community's own programs say of our files."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import matplotlib as mpl
import numpy as np
import pytest
from tests.environments import environment
from tests.kinds.test_project import Place, event, linked, static

from quire.testing.documents import as_ndjson, document, make_uid

PROGRAM = Path(__file__).with_name("nexus_judges_program.py")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("judged"))
    yield made
    made.server.stop()


@pytest.fixture(scope="session")
def judges(pytestconfig: pytest.Config) -> Path:
    """Return the interpreter of an environment with nxvalidate and punx."""
    return environment(pytestconfig, "nexus", sys.executable)


def judge(judges: Path, file: Path) -> dict[str, list[str]]:
    done = subprocess.run(
        [judges, PROGRAM, file], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def scan(seed: str, projections: tuple[dict[str, Any], ...] = ()) -> bytes:
    """Return a scan of an angle, with a detector and a monitor that count."""
    uid = make_uid(seed, "start")
    start = {
        "uid": uid,
        "time": 1.7e9,
        "plan_name": "scan",
        "sample": "Cu",
        "scan_id": 7,
        "hints": {"dimensions": [[["theta"], "primary"]]},
    }
    if projections:
        start["projections"] = list(projections)
    counts = {"source": "t", "dtype": "integer", "shape": [], "dtype_numpy": "<i8"}
    keys = {
        "theta": {"source": "t", "dtype": "number", "shape": [], "units": "deg"},
        "counts": counts,
        "i0": counts,
    }
    descriptor = {
        "uid": make_uid(seed, "d0"),
        "run_start": uid,
        "time": 1.7e9,
        "name": "primary",
        "data_keys": keys,
        "object_keys": {"theta": ["theta"], "det": ["counts"], "i0": ["i0"]},
        "hints": {"theta": {"fields": ["theta"]}, "det": {"fields": ["counts"]}},
        "configuration": {
            "theta": {
                "data": {"velocity": 1.0},
                "timestamps": {"velocity": 1.7e9},
                "data_keys": {
                    "velocity": {"source": "t", "dtype": "number", "shape": []}
                },
            }
        },
    }
    documents = [document("start", start), document("descriptor", descriptor)]
    for row in range(21):
        theta = row * 0.1 - 1
        peak = int(1000 * np.exp(-4 * theta**2))
        data = {"theta": theta, "counts": peak, "i0": 500 + row}
        documents.append(document("event", event(seed, 0, row + 1, data)))
    stop = {"uid": make_uid(seed, "stop"), "run_start": uid, "time": 1.7e9 + 30}
    documents.append(document("stop", {**stop, "exit_status": "success"}))
    return as_ndjson(documents)


GEOMETRY: dict[str, Any] = {
    "/entry/instrument/name": static("bl42"),
    "/entry/instrument/source/type": static("Synchrotron X-ray Source"),
    "/entry/instrument/source/name": static("ring"),
    "/entry/instrument/source/probe": static("x-ray"),
    "/entry/instrument/monochromator/wavelength": static(1.0),
    "/entry/instrument/detector/distance": static(2.0),
    "/entry/instrument/detector/x_pixel_size": static(0.1),
    "/entry/instrument/detector/y_pixel_size": static(0.1),
    "/entry/sample/name": static("Cu"),
    "/entry/title": static("sas"),
    "/entry/start_time": static("2026-11-01T00:00:00+00:00"),
    "/entry/end_time": static("2026-11-01T00:00:30+00:00"),
    "/entry/definition": static("NXsas"),
}


def sas(*, without: str = "") -> dict[str, Any]:
    entries = {
        **GEOMETRY,
        "/entry/instrument/detector/data": linked("counts"),
        "/entry/data/data": linked("counts"),
    }
    entries.pop(without, None)
    return {
        "name": "sas",
        "version": "1",
        "configuration": {},
        "projection": entries,
    }


def test_the_scan_that_comes_with_quire_is_an_nxscan(
    place: Place, judges: Path
) -> None:
    run = place.send(scan("judged"))
    for name in ("NXscan", "generic"):
        file = place.product(place.project(run, name))
        assert judge(judges, file) == {"nxvalidate": [], "punx": []}, name
    with h5py.File(place.product(place.project(run, "generic"))) as made:
        theta = made["/entry/instrument/theta"]
        assert theta.attrs["NX_class"] == "NXpositioner"


def test_a_beamline_s_own_projection_is_an_nxsas(place: Place, judges: Path) -> None:
    whole, broken = (
        place.product(place.project(place.send(scan(seed, (told,))), "sas"))
        for seed, told in [
            ("sas", sas()),
            ("no distance", sas(without="/entry/instrument/detector/distance")),
        ]
    )
    assert judge(judges, whole) == {"nxvalidate": [], "punx": []}
    missing = judge(judges, broken)["nxvalidate"]
    assert len(missing) == 1, missing
    assert "/entry/instrument/detector/distance" in missing[0]


def test_the_nxsas_that_comes_with_quire_lacks_the_geometry_alone(
    place: Place, judges: Path
) -> None:
    """What no document of a run tells is for the beamline to add."""
    run = place.send(scan("bare sas"))
    found = judge(judges, place.product(place.project(run, "NXsas")))
    assert found["punx"] == []
    wanted = {"source", "monochromator", "collimator", "distance", "pixel_size", "name"}
    for one in found["nxvalidate"]:
        assert any(word in one for word in wanted), one


def test_what_stands_twice_is_written_once(place: Place) -> None:
    run = place.send(scan("linked", (sas(),)))
    with h5py.File(place.product(place.project(run, "sas"))) as file:
        one, other = file["/entry/instrument/detector/data"], file["/entry/data/data"]
        assert one == other
        assert other.attrs["target"] == one.name
        assert one[10] == 1000


def test_the_default_plot_is_drawn(place: Place, tmp_path: Path) -> None:
    run = place.send(scan("drawn"))
    file = place.product(place.project(run, "NXscan"))
    picture = draw(file, tmp_path / "plot.png")

    assert picture["x"] == "rotation_angle"
    assert picture["y"] == "data"
    assert picture["peak at"] == pytest.approx(0, abs=1e-9)
    assert (tmp_path / "plot.png").stat().st_size > 5000


def pictures(seed: str) -> tuple[bytes, Any]:
    """Return a scan that takes a picture of a moving spot, and its pictures."""
    lines = [json.loads(line) for line in scan(seed).splitlines()]
    rows, columns = np.indices((24, 32))
    taken = []
    for number, (name, body) in enumerate(lines, -1):
        if name == "descriptor":
            key = {"source": "t", "dtype": "array", "shape": [24, 32]}
            body["data_keys"]["spot"] = {**key, "dtype_numpy": "<i8"}
            body["object_keys"]["cam"] = ["spot"]
            body["hints"] = {"cam": {"fields": ["spot"]}}
        if name == "event":
            far = (rows - 6) ** 2 + (columns - 4 - number) ** 2
            picture = (1000 * np.exp(-far / 12)).astype("i8")
            taken.append(picture)
            body["data"]["spot"] = picture.tolist()
            body["timestamps"]["spot"] = body["time"]
    return as_ndjson([document(name, body) for name, body in lines]), np.array(taken)


def test_the_default_plot_of_images_is_drawn(place: Place, tmp_path: Path) -> None:
    """A frame of the signal, as NeXpy shows one of more than two axes."""
    body, taken = pictures("pictures")
    file = place.product(place.project(place.send(body), "generic"))
    with h5py.File(file) as root:
        here = follow_default(root)
        assert here.attrs["signal"] == "spot"
        assert here.attrs["axes"].tolist() == ["theta", ".", "."]
        signal = here["spot"]
        assert np.array_equal(signal[:], taken)
        frame = signal[10]
    mpl.use("agg")
    from matplotlib import pyplot as plt

    plt.imsave(tmp_path / "image.png", frame, cmap="gray")
    shown = plt.imread(tmp_path / "image.png")[..., 0]
    # Brighter here is brighter there, pixel by pixel, and the spot where it was.
    order = np.argsort(frame, axis=None, kind="stable")
    assert np.all(np.diff(shown.reshape(-1)[order]) >= 0)
    assert divmod(int(np.argmax(shown)), shown.shape[1]) == (6, 15)


def follow_default(root: Any) -> Any:
    here = root
    while here.attrs.get("NX_class") != "NXdata":
        here = here[here.attrs["default"]]
    return here


def draw(file: Path, picture: Path) -> dict[str, Any]:
    """Draw what `default` leads to, as NeXpy finds it: signal over its first axis."""
    mpl.use("agg")
    from matplotlib import pyplot as plt

    with h5py.File(file) as root:
        here = follow_default(root)
        name, axis = here.attrs["signal"], here.attrs["axes"][0]
        x, y = here[axis], here[name]
        figure, axes = plt.subplots()
        axes.plot(x[:], y[:], "o-")
        axes.set_xlabel(f"{axis} ({x.attrs.get('units', '')})")
        axes.set_ylabel(name)
        axes.set_title(here.name)
        figure.savefig(picture)
        plt.close(figure)
        return {"x": axis, "y": name, "peak at": float(x[int(np.argmax(y[:]))])}
