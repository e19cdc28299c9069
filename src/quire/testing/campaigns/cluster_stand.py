"""Two servers on one PostgreSQL and one data folder, with a Dask and a Slurm."""

import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from quire.testing.campaigns.jobs import RESULT
from quire.testing.campaigns.server import ServerProcess
from quire.testing.dask.cluster import DaskCluster
from quire.testing.faults.line import BreakingLine, Place, Wear
from quire.testing.postgres.server import PostgresServer
from quire.testing.slurm.cluster import SlurmCluster
from quire.testing.slurm.configuration import Tracking

SERVERS = ("one", "two")
LABELLED = frozenset({"on_dask", "on_slurm", "here"})
"""Kinds that copy their label into their result: one for each engine."""

# Connections to the database carry many small pieces: those would else never live.
_DATABASE = Wear(pieces=400, silent=0.3, silence=2.0, late=0.002, delay=0.1)
_RUNNERS = Wear(pieces=12, silent=0.3, silence=2.0, late=0.05, delay=0.3)
_SCHEDULER = Wear(pieces=60, silent=0.3, silence=2.0, late=0.02, delay=0.2)

# How often a server is started over lines that break, before it is given up.
_STARTS = 10

_PROGRAM = """#!/bin/sh
sleep "$2"
printf %s "$1" > label.txt
"""
_SETTINGS = """
attempt_lease = 4.0
slots = 2

[engines.dask]
type = "dask"
address = {scheduler}
slots = 6
poll = 0.3
url = {url}

[engines.slurm]
type = "slurm"
slots = 4
poll = 0.5
cores = 1
memory = 200_000_000
python = {python}
environment = {{ SLURM_CONF = {conf}, PATH = {path} }}
patience = 5.0
url = {url}
"""
_KIND = """
[commands.{name}]
program = {program}
arguments = ["{{LABEL}}", "{{SECONDS}}"]
parameters = [
    {{name = "LABEL", required = true}},
    {{name = "SECONDS", type = "number", default = 0.3}},
]
results = [{{id = "{result}", file = "label.txt"}}]

[kinds.{name}]
engine = "{engine}"
"""


class ClusterStand:
    """All of it; the context starts and ends it.

    Parameters
    ----------
    folder
        Absolute; for the data folder, logs, and what Dask keeps.
    dice
        Chooses what is killed, and when lines break.
    broken
        Whether lines between servers, database, scheduler and runners break.
    slurm
        Whether there is a Slurm; without, its jobs run on Dask.

    Raises
    ------
    NoSlurm, NoPostgres
        It cannot be started here.
    """

    def __init__(
        self, folder: Path, dice: random.Random, *, broken: bool, slurm: bool
    ) -> None:
        self.data_folder = folder / "data"
        self._folder = folder
        self._dice = dice
        self._broken = broken
        self._with_slurm = slurm
        self._stack = contextlib.ExitStack()
        self.lines: dict[str, BreakingLine] = {}
        self.servers: list[ServerProcess] = []
        self.slurm: SlurmCluster | None = None

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all of it."""
        self._stack.close()

    def _start(self) -> None:
        into = self._stack.enter_context
        self.data_folder.mkdir(parents=True)
        dask_folder = self._folder / "dask"
        dask_folder.mkdir()
        # Where the user postgres can reach it.
        place = Path(tempfile.mkdtemp(prefix="quire-campaign-postgres-"))
        self.postgres = into(PostgresServer(place))
        self.database = into(self.postgres.database("campaign"))
        self.dask = into(DaskCluster(dask_folder))
        if self._with_slurm:
            self.slurm = into(SlurmCluster(Tracking.LINUXPROC))
        database, scheduler, url = self.database, self.dask.address, ""
        if self._broken:
            database = self._through(database, "database", _DATABASE)
            scheduler = self._through(scheduler, "scheduler", _SCHEDULER)
            line = self._line("runners", self._any_server, _RUNNERS)
            url = f"http://127.0.0.1:{line.port}"
        self._configure(scheduler, url)
        self.servers = [
            ServerProcess(
                self.data_folder, name=name, environment={"QUIRE_DATABASE": database}
            )
            for name in SERVERS
        ]
        for server in self.servers:
            self._stack.callback(server.kill)
            self._begin(server)

    def _through(self, url: str, name: str, wear: Wear) -> str:
        """Return a URL of the same place behind a line that breaks."""
        parts = urlsplit(url)
        place = (parts.hostname or "", parts.port or 0)
        line = self._line(name, lambda: place, wear)
        return url.replace(f":{place[1]}", f":{line.port}")

    def _line(self, name: str, target: Callable[[], Place], wear: Wear) -> BreakingLine:
        line = BreakingLine(target, seed=self._dice.getrandbits(32), wear=wear)
        self.lines[name] = self._stack.enter_context(line)
        return line

    def _any_server(self) -> Place:
        parts = urlsplit(self._dice.choice(self.servers).address.url)
        return parts.hostname or "", parts.port or 0

    def _configure(self, scheduler: str, url: str) -> None:
        program = self._folder / "work"
        program.write_text(_PROGRAM)
        program.chmod(0o755)
        slurm = self.slurm.environment if self.slurm else {}
        text = _SETTINGS.format(
            scheduler=json.dumps(scheduler),
            url=json.dumps(url),
            python=json.dumps(sys.executable),
            conf=json.dumps(slurm.get("SLURM_CONF", "")),
            path=json.dumps(slurm.get("PATH", "")),
        )
        if self.slurm is None:
            text = text.partition("[engines.slurm]")[0]
        engines = {"on_dask": "dask", "on_slurm": "slurm", "here": ""}
        for name, engine in engines.items():
            chosen = "dask" if engine == "slurm" and self.slurm is None else engine
            text += _KIND.format(
                name=name,
                program=json.dumps(str(program)),
                result=RESULT,
                engine=chosen,
            )
        (self.data_folder / "quire.toml").write_text(text)

    def victims(self) -> list[str]:
        """Return what can be killed."""
        found = ["postgres", "connection", *SERVERS, "scheduler"]
        found += ["worker 0", "worker 1"]
        return found + (["slurmctld", "slurmd"] if self.slurm else [])

    def strike(self, victim: str) -> None:
        """Kill something with SIGKILL, and start it again."""
        pause = self._dice.uniform(0.0, 0.3)
        if victim == "postgres":
            self.postgres.kill()
            time.sleep(pause)
            self.postgres.start()
        elif victim == "connection":
            self.postgres.kill_one()
        elif victim in SERVERS:
            server = self.servers[SERVERS.index(victim)]
            server.kill()
            time.sleep(pause)
            self.postgres.wait()
            self._begin(server)
        elif victim.startswith("slurm"):
            self._strike_slurm(victim, pause)
        else:
            if victim == "scheduler":
                self.dask.kill_scheduler()
            else:
                self.dask.kill_worker(int(victim[-1]))
            time.sleep(pause)
            self.dask.start()

    def part(self) -> str:
        """Let one of the lines pass nothing for a while; return which."""
        name = self._dice.choice(list(self.lines))
        self.lines[name].cut()
        time.sleep(self._dice.uniform(0.2, 3.0))
        self.lines[name].mend()
        return name

    def heal(self) -> None:
        """Have Slurm take jobs again, as its operator would."""
        if self.slurm is not None:
            self.slurm.revive()
            self.slurm.resume()

    def restart_slurm(self) -> None:
        """Restart Slurm's daemons, as its operator would where jobs do not start."""
        if self.slurm is not None:
            self.slurm.restart()

    def standing(self) -> str:
        """Return what may be the reason that jobs do not end."""
        return self.slurm.standing() if self.slurm is not None else ""

    def _begin(self, server: ServerProcess) -> None:
        """Start a server, again where a line breaks meanwhile, as systemd would.

        Raises
        ------
        RuntimeError
            It does not start.
        """
        for left in range(_STARTS if self._broken else 1, 0, -1):
            try:
                server.start()
            except RuntimeError:
                if left == 1:
                    raise
            else:
                return

    def _strike_slurm(self, victim: str, pause: float) -> None:
        assert self.slurm is not None  # it is among the victims
        self.slurm.kill(victim)
        time.sleep(pause)
        self.slurm.start(victim)
