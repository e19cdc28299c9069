"""A Slurm of our own: munged, slurmctld and slurmd in a folder, on loopback."""

import contextlib
import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from quire.testing.ports import free_port
from quire.testing.slurm.accounting import Accounting
from quire.testing.slurm.configuration import (
    FREEZER,
    Place,
    Tracking,
    configuration,
)
from quire.testing.waiting import PATIENCE

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue", "scontrol")
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
# Seconds between two looks at a daemon.
_LOOK = 0.05
_NUMBERS = 10_000  # of jobs, more than one controller ever gives here
# Seconds that a job has after SIGTERM.
_POLITE = 3.0


class NoSlurm(RuntimeError):
    """No Slurm can be started on this machine; says why."""


class SlurmCluster:
    """One controller and one node, that may be killed and started again.

    Parameters
    ----------
    tracking
        How jobs are known; `Tracking.CGROUP` needs root and a cgroup hierarchy that
        may be written to.
    accounted
        Whether there is accounting (sacct), in a MariaDB.

    Raises
    ------
    NoSlurm, NoAccounting
        It cannot be started here; so does every other failure to start.
    """

    proves = "slurm"

    def __init__(
        self,
        tracking: Tracking = Tracking.CGROUP,
        *,
        cores: int = 8,
        accounted: bool = False,
    ) -> None:
        check(tracking)
        # Short: the path of a Unix socket has 107 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o755)
        ports = [free_port() for _ in range(4)]
        self.place = Place(
            folder=self.folder,
            node=f"node{ports[0]}",
            hostname=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            controller_port=ports[0],
            node_port=ports[1],
            tracking=tracking,
            cores=cores,
            accounting_port=ports[2] if accounted else 0,
        )
        self._accounting: Accounting | None = None
        if accounted:
            self._accounting = Accounting(
                self.folder,
                hostname=self.place.hostname,
                user=self.place.user,
                ports=(ports[2], ports[3]),
                path=_PATH,
            )
        self.environment = {"SLURM_CONF": str(self.place.file), "PATH": _PATH}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._controllers = 0

    def __enter__(self) -> Self:
        """Make it and start it."""
        try:
            self._make()
            self.start("munged", until=(self.folder / "munge.socket").exists)
            if self._accounting is not None:
                self._accounting.start(self.environment)
                self.run("sacctmgr", "--immediate", "add", "cluster", "quire")
            self.start("slurmctld")
            self.start("slurmd")
            self.until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it and whatever runs in it, and delete what it wrote."""
        self._end()

    def start(self, name: str, *, until: Callable[[], bool] = lambda: True) -> None:
        """Start one of the daemons, also after it was killed."""
        if name == "slurmctld":
            self._number_anew()
        with (self.folder / f"{name}.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(  # noqa: S603  # Slurm's own
                # None of them is to outlive a killed test.
                ["setpriv", "--pdeathsig", "KILL", *self._command(name)],  # noqa: S607
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )
        self._wait(until, name)

    def kill(self, name: str) -> None:
        """Kill a daemon as ``kill -9`` does.

        The controller writes its state down some seconds late: a killed one may forget
        a job, or run one again that it had begun or ended.
        """
        daemon = self._daemons.pop(name)
        daemon.kill()
        daemon.wait()

    def revive(self) -> list[str]:
        """Start again what has ended by itself, as systemd would; return its names."""
        ended = [name for name, one in self._daemons.items() if one.poll() is not None]
        for name in ended:
            self.start(name)
        return ended

    def standing(self) -> str:
        """Return how its nodes and jobs stand, for whoever looks for a reason."""
        told = []
        for command in ("sinfo --long --Node", "squeue --me --long"):
            try:
                told.append(self.run(*command.split()))
            except (subprocess.SubprocessError, OSError) as problem:
                told.append(f"{command}: {problem}")
        return "\n".join([*told, self.said("slurmctld"), self.said("slurmd")])

    def stop(self, name: str) -> None:
        """Stop a daemon in order, with SIGTERM; jobs go on without it."""
        daemon = self._daemons.pop(name)
        daemon.terminate()
        daemon.wait(PATIENCE)

    def run(self, *command: str, text: str = "") -> str:
        """Run one of Slurm's commands and return what it says.

        Parameters
        ----------
        text
            Its standard input.
        """
        done = subprocess.run(  # noqa: S603  # Slurm's own
            command,
            input=text,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
            env={**os.environ, **self.environment},
        )
        return done.stdout.strip()

    def clear(self) -> None:
        """Take all jobs out of the queue and off the node."""
        self._cancel("--state=PENDING")
        begun = time.monotonic()
        self._cancel("--batch", "--signal=TERM")
        while self.run("squeue", "--noheader", "--me"):
            waited = time.monotonic() - begun
            if waited > PATIENCE:
                raise RuntimeError("jobs do not end")
            if waited > _POLITE:
                self._cancel("--batch", "--signal=KILL")
                self._cancel()
            time.sleep(_LOOK)
        self.resume()

    def restart(self) -> None:
        """Restart its daemons, as its operator would where jobs do not start.

        A controller that was killed may hold a job for running that has ended, and its
        node for taken. So what it holds for running is cancelled, whether anything of
        it lives or not.
        """
        for name in ("slurmd", "slurmctld"):
            self.stop(name)
        for name in ("slurmctld", "slurmd"):
            self.start(name)
        self.until_ready()
        self._cancel("--state=RUNNING")

    def until_ready(self) -> None:
        """Wait until the node takes jobs."""
        self._wait(self._ready, "slurmd")

    def processes(self) -> Iterator[int]:
        """Yield every process that was started in this Slurm and knows it."""
        needle = f"SLURM_CONF={self.place.file}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if needle in (entry / "environ").read_bytes().split(b"\0"):
                        yield int(entry.name)

    def said(self, name: str) -> str:
        """Return the end of what a daemon has written."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]

    def _cancel(self, *options: str) -> None:
        # It fails where a job has ended just now.
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("scancel", "--quiet", "--me", *options)

    def resume(self) -> None:
        """Have the node take jobs again, as an operator would.

        Slurm drains it when a controller that was killed starts a job there again that
        runs already (``Duplicate jobid``).
        """
        if self._state().startswith("drain"):
            node = f"NodeName={self.place.node}"
            with contextlib.suppress(subprocess.CalledProcessError):
                self.run("scontrol", "update", node, "State=RESUME")

    def _state(self) -> str:
        try:
            return self.run("sinfo", "--noheader", "--format=%T", "--partition=main")
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return ""

    def _ready(self) -> bool:
        self.resume()
        state = self._state()
        return state in {"idle", "mixed", "allocated", "completing"}

    def _command(self, name: str) -> Sequence[str]:
        folder = self.folder
        match name:
            case "munged":
                return (
                    *("munged", "--foreground", "--force", "--num-threads=2"),
                    f"--socket={folder}/munge.socket",
                    f"--key-file={folder}/munge.key",
                    f"--pid-file={folder}/munged.pid",
                    f"--seed-file={folder}/munge.seed",
                )
            case "slurmctld":
                return ("slurmctld", "-D")
            case _:
                return ("slurmd", "-D", "-N", self.place.node)

    def _make(self) -> None:
        for name in ("state", "spool"):
            (self.folder / name).mkdir(mode=0o755)
        for name, text in configuration(self.place).items():
            (self.folder / name).write_text(text)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))

    def _number_anew(self) -> None:
        """Have a controller give numbers to jobs that none before it has given.

        One that was killed may forget a job that the node still runs, and give its
        number again: then the node refuses the new one.
        """
        self._controllers += 1
        text = configuration(self.place)["slurm.conf"]
        first = f"FirstJobId={self._controllers * _NUMBERS}\n"
        fresh = self.place.file.with_suffix(".new")
        fresh.write_text(text + first)
        fresh.replace(self.place.file)

    def _wait(self, condition: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self._daemons[name].poll() is not None or time.monotonic() > deadline:
                raise NoSlurm(f"{name} does not come up: {self.said(name)}")
            time.sleep(_LOOK)

    def _end(self) -> None:
        for name in ("slurmd", "slurmctld", "munged"):
            if name in self._daemons:
                self.kill(name)
        if self._accounting is not None:
            self._accounting.stop()
        while left := list(self.processes()):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            time.sleep(_LOOK)
        self._remove_cgroups()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_cgroups(self) -> None:
        top = FREEZER / f"slurm_{self.place.node}"
        folders = sorted(top.rglob("*"), reverse=True) if top.exists() else []
        for folder in [*(one for one in folders if one.is_dir()), top]:
            with contextlib.suppress(OSError):  # what it lists is no file to delete
                folder.rmdir()


def check(tracking: Tracking) -> None:
    """See whether a Slurm can be started here, as far as that can be told before.

    Raises
    ------
    NoSlurm
        It cannot.
    """
    lacking = [one for one in _PROGRAMS if shutil.which(one, path=_PATH) is None]
    if lacking:
        raise NoSlurm(
            f"not installed: {', '.join(lacking)}"
            " (Debian: apt install munge slurmctld slurmd slurm-client)"
        )
    if tracking is Tracking.CGROUP and os.geteuid() != 0:
        raise NoSlurm("proctrack/cgroup needs root")
