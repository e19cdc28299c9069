"""What databroker 2.0.2's projector does wrong, a test each that ours does it right.

The defects are those of its module `databroker.projector`; the entries are as
event-model 1.24 has them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import pytest
from tests.kinds.test_project import (
    Place,
    calculated,
    configured,
    linked,
    run_of,
    static,
)

from quire.client.jobs import Job

ENTRIES = {
    "/entry/before": configured("exposure", index=1),
    "/entry/static": static("text"),
    "/entry/odd": {**static(1.5), "location": "event"},
    "/entry/none": linked("no_such"),
    "/entry/a": linked("a"),
    "/entry/nowhere": linked("a", "no_such"),
    "/entry/b": linked("b"),
    "/entry/base": configured("exposure") | {"stream": "baseline"},
    "/entry/after": configured("exposure"),
    "/entry/imported": calculated("no_such_module:f"),
    "/entry/trap": calculated("trap:spring"),
    "/entry/mean": calculated("stats:mean"),
    "/entry/last": linked("w"),
}


class Made:
    """The product of a run, on a server that could import a module named ``trap``."""

    def __init__(self, folder: Path) -> None:
        self.sprung = folder / "sprung"
        (folder / "packages").mkdir()
        (folder / "packages" / "trap.py").write_text(
            f"import pathlib\npathlib.Path({str(self.sprung)!r}).touch()\n"
            "def spring(*_):\n    return 1\n"
        )
        self.place = Place(folder, {"PYTHONPATH": str(folder / "packages")})
        self.run = self.place.send(run_of("defects each", ENTRIES))
        self.job: Job = self.place.project(self.run)
        self.entries = self.place.entries(self.job)

    def file(self) -> Any:
        return h5py.File(self.place.product(self.job))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = Made(tmp_path_factory.mktemp("defects"))
    yield found
    found.place.server.stop()


def test_1_a_static_entry_is_reached(made: Made) -> None:
    """It looks at `location` first, which a static entry has not."""
    with made.file() as file:
        assert file["/entry/static"].asstr()[()] == "text"
        assert file["/entry/odd"][()] == 1.5


def test_2_configuration_is_that_of_the_entry_s_stream(made: Made) -> None:
    """It looks in ``primary``, whatever stream is named."""
    with made.file() as file:
        assert file["/entry/base"][()] == 3.0


def test_3_a_config_index_beyond_zero_is_used(made: Made) -> None:
    """It raises."""
    with made.file() as file:
        assert file["/entry/before"][()] == 2.0
        assert file["/entry/after"][()] == 1.0


def test_4_no_value_depends_on_the_order_of_entries(made: Made) -> None:
    """It keeps configuration only behind the last event entry of a stream."""
    turned = dict(reversed(ENTRIES.items()))
    run = made.place.send(run_of("defects turned", turned))
    job = made.place.project(run)
    there = {key: one["code"] for key, one in made.entries.items()}
    assert {key: one["code"] for key, one in made.place.entries(job).items()} == there
    with made.file() as one, h5py.File(made.place.product(job)) as other:
        for key in (key for key, code in there.items() if not code):
            assert repr(one[key][()]) == repr(other[key][()]), key


def test_5_what_cannot_be_imported_is_an_issue(made: Made) -> None:
    """It lets the ImportError out."""
    assert made.entries["/entry/imported"]["code"] == "unknown_callable"


def test_6_every_entry_has_one_result(made: Made) -> None:
    """It raises at the first fault of some kinds, and notes those of others."""
    assert list(made.entries) == list(ENTRIES)
    assert made.entries["/entry/none"]["code"] == "missing_field"
    assert made.entries["/entry/nowhere"]["code"] == "missing_stream"
    assert made.entries["/entry/last"]["status"] == "ok"


def test_7_nothing_is_imported_because_metadata_names_it(made: Made) -> None:
    """It imports and calls whatever is named."""
    assert made.entries["/entry/trap"]["code"] == "unknown_callable"
    assert not made.sprung.exists()


def test_8_a_stored_run_is_read_in_blocks_and_made_once(made: Made) -> None:
    """It needs `to_dask`, which the runs of an SQL catalog have not."""
    with made.file() as file:
        assert file["/entry/a"][:].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
        assert file["/entry/mean"][()] == 2.5
    before = made.place.product(made.job).stat()
    again = made.place.product(made.place.project(made.run))
    assert (again.stat().st_ino, again.stat().st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    )
