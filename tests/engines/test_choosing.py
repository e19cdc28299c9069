from pathlib import Path
from typing import Any

import pytest

from quire.config import Settings
from quire.engines.choosing import (
    ChoosingEngine,
    EngineSettings,
    Tables,
    make_launcher,
    read_engines,
)
from quire.engines.dask.launcher import DaskLauncher
from quire.engines.slurm.launcher import SlurmLauncher
from quire.errors import InputError
from quire.jobs.limits import KindLimits, Limits
from quire.ports.engine import Launch
from quire.ports.launcher import Resources
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.engine_bench import Bench
from quire.testing.hostile_kinds import hostile
from quire.testing.inline_engine import InlineEngine

TABLES = Tables(kinds="quire.testing.hostile_kinds:hostile", tables="")
DASK = {"type": "dask", "address": "tcp://127.0.0.1:8786", "slots": 3}


def made(table: dict[str, Any]) -> object:
    [(settings, rest)] = read_engines({"cluster": table}).values()
    return make_launcher("cluster", settings, rest, TABLES, Path("/data"))


def test_tables_make_launchers() -> None:
    assert isinstance(made(DASK), DaskLauncher)
    assert isinstance(made({"type": "slurm", "partition": "short"}), SlurmLauncher)
    own = made({"type": "tests.engines.test_choosing:echo", "prefix": ["ssh"]})
    assert own == {"prefix": ["ssh"]}


def echo(rest: dict[str, Any]) -> dict[str, Any]:
    return rest


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "type"),
        ({**DASK, "slots": 0}, "slots"),
        ({**DASK, "grace": 0}, "grace"),
        ({"type": "dask"}, "address"),
        ({**DASK, "adress": "x"}, "adress"),
        ({"type": "slurm", "pyton": "x"}, "pyton"),
        ({"type": "nonsense"}, "no launcher"),
        ({"type": "os:nonsense"}, "no launcher"),
    ],
)
def test_a_bad_table_is_named(table: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        made(table)
    assert "engines.cluster" in str(caught.value)


def test_the_servers_own_has_no_table() -> None:
    with pytest.raises(InputError, match="own"):
        read_engines({"embedded": DASK})


def test_a_kind_on_an_unknown_engine_is_named() -> None:
    limits = KindLimits({"sleep": Limits(engine="cluser")})
    with pytest.raises(InputError, match="cluser"):
        ChoosingEngine({"embedded": object(), "cluster": object()}, limits)  # type: ignore[dict-item]


def test_a_kind_goes_before_its_engine() -> None:
    settings = EngineSettings(
        type="slurm", cores=1, memory=5, wall_clock=60, partition="long", tags=("a",)
    )
    assert settings.resources(Limits(), seconds=0) == Resources(
        cores=1, memory=5, wall_clock=60, partition="long", tags=("a",)
    )
    kind = Limits(cores=4, partition="short", tags=("b",), wall_clock=10)
    assert settings.resources(kind, seconds=7) == Resources(
        cores=4, memory=5, wall_clock=7, partition="short", tags=("b",)
    )


def test_the_settings_take_them(tmp_path: Path) -> None:
    (tmp_path / "quire.toml").write_text(
        '[engines.cluster]\ntype = "dask"\naddress = "tcp://x:1"\n'
        '[kinds.project]\nengine = "cluster"\ncores = 2\ntags = ["gpu=1"]\n'
    )
    settings = Settings.load(data_folder=tmp_path, environment={"QUIRE_ENGINES": "x"})
    assert settings.engines["cluster"]["address"] == "tcp://x:1"
    assert settings.kinds["project"].tags == ("gpu=1",)


async def test_each_kind_runs_where_it_should(tmp_path: Path) -> None:
    doorbell = LocalDoorbell()
    bench = Bench(MemoryStore(doorbell=doorbell), doorbell, tmp_path)
    engines = {
        name: InlineEngine(bench.attempts, doorbell, hostile(), slots=slots)
        for name, slots in (("embedded", 2), ("cluster", 3))
    }
    limits = KindLimits({"sleep": Limits(engine="cluster")})
    engine = ChoosingEngine(engines, limits)
    await engine.start()
    job = await bench.submit("sleep")
    await engine.launch(Launch(job=job, attempt=1, kind="sleep"))
    assert (engines["cluster"].free(), engines["embedded"].free()) == (2, 2)
    room = engine.room()
    assert (room("sleep").name, room("sleep").free) == ("cluster", 2)
    assert (room("behave").name, room("behave").free) == ("embedded", 2)
    assert not engine.lasting("behave")
    await bench.abort(job)
    await engine.kill(job, 1)
    assert engine.free() == 5
    await engine.stop()


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("", ()),
        ("http://one", ("http://one",)),
        (["http://one", "http://two"], ("http://one", "http://two")),
    ],
)
def test_an_engine_may_name_several_servers(
    url: str | list[str], urls: tuple[str, ...]
) -> None:
    [(settings, _)] = read_engines({"cluster": {**DASK, "url": url}}).values()
    assert settings.urls == urls
