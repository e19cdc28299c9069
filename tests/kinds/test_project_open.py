"""Runs that go on while they are projected."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import pytest
from tests.kinds.test_project import Place, event, linked, run_of

from quire.client.run_reader import RunOverHttp
from quire.jobs.job import Assignment, Completed, Failed, JobResult, Standing
from quire.kinds.project import ProjectKind
from quire.testing.documents import as_ndjson, document

Disturb = Callable[[], None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("open"))
    yield made
    made.server.stop()


class Disturbed(RunOverHttp):
    """Reads a run to which something happens before its rows are read."""

    def __init__(self, place: Place, uid: str, disturb: Disturb) -> None:
        super().__init__(place.connection, uid, whole=False)
        self._disturb = disturb

    def rows(self, name: str, fields: tuple[str, ...], limit: int) -> Iterator[Any]:
        self._disturb()
        return super().rows(name, fields, limit)


class Context:
    def __init__(self, folder: Path, run: str) -> None:
        self.folder = folder / "jobs" / "j" / "1"
        self.folder.mkdir(parents=True)
        self.messages: list[str] = []
        self.assignment = Assignment(
            job="j",
            attempt=1,
            kind="project",
            parameters={"RUN": run, "PROJECTION": "own", "FORMAT": "nexus"},
            runs=(run,),
            owner="me",
            folder=str(self.folder),
            data_folder=str(folder),
        )

    def tell(
        self,
        message: str,
        progress: int | None = None,
        *,
        standing: Standing | None = None,
    ) -> None:
        del progress, standing
        self.messages.append(message)

    def cancelled(self) -> bool:
        return False

    def deliver(self, result: JobResult) -> None:
        raise AssertionError(result)


def rewound(place: Place, seed: str, number: int, value: float) -> None:
    told = {"a": value, "b": 0, "w": "new"}
    later = {**event(seed, 1, number, told), "uid": f"{seed} {number} {value}"}
    place.send(as_ndjson([document("event", {**later, "time": 1.8e9 + value})]))


def test_a_product_has_the_events_that_it_is_named_by(
    place: Place, tmp_path: Path
) -> None:
    run = place.send(run_of("rewound", {"/a": linked("a")}, stop=False))
    left = [99.0]

    def disturb() -> None:
        if left:
            rewound(place, "rewound", 2, left.pop())

    context = Context(tmp_path, run)
    outcome = ProjectKind(lambda _, uid: Disturbed(place, uid, disturb)).work(context)

    assert isinstance(outcome, Completed)
    assert outcome.product is not None
    made = tmp_path / outcome.product.part
    with h5py.File(made) as file:
        assert list(file["a"]) == [0.5, 99.0, 2.5, 3.5, 4.5]
    quiet = place.product(place.project(run, "own"))
    assert quiet.name == made.name
    assert quiet.read_bytes() == made.read_bytes()
    assert any("Begun anew" in one for one in context.messages)


def test_what_comes_behind_the_rows_that_are_read_costs_nothing(
    place: Place, tmp_path: Path
) -> None:
    run = place.send(run_of("growing", {"/a": linked("a")}, stop=False))
    numbers = iter(range(6, 100))

    def disturb() -> None:
        rewound(place, "growing", next(numbers), 1.0)

    context = Context(tmp_path, run)
    outcome = ProjectKind(lambda _, uid: Disturbed(place, uid, disturb)).work(context)

    assert isinstance(outcome, Completed)
    assert not any("Begun anew" in one for one in context.messages)


def test_a_run_that_does_not_rest_is_tried_again_later(
    place: Place, tmp_path: Path
) -> None:
    run = place.send(run_of("restless", {"/a": linked("a")}, stop=False))
    values = iter(range(100, 200))

    def disturb() -> None:
        rewound(place, "restless", 2, float(next(values)))

    context = Context(tmp_path, run)
    outcome = ProjectKind(lambda _, uid: Disturbed(place, uid, disturb)).work(context)

    assert isinstance(outcome, Failed)
    assert (outcome.error.type, outcome.error.code) == ("transient", "run_changed")
