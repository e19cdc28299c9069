"""A trap at a named point of an attempt: who comes there first kills the victim."""

import os
import signal
from pathlib import Path

from quire.engines.embedded.processes import children

_FILE = "trap"
SERVER, SUPERVISOR, WORKER = "server", "supervisor", "worker"
VICTIMS = (SERVER, SUPERVISOR, WORKER)


class Trap:
    """Set by one process, sprung in another, once.

    Parameters
    ----------
    folder
        Where it is noted; all processes know it.
    process
        Whose it is: ``server`` or ``worker``.
    """

    def __init__(self, folder: Path, process: str) -> None:
        self._folder = folder
        self._process = process

    def set(self, job: str, victim: str, point: str) -> None:
        """Set it for a job, unless it was sprung for that job before."""
        if not self.sprung(job):
            draft = self._folder / f"{_FILE}.draft"
            draft.write_text(f"{job}\n{victim}\n{point}")
            draft.rename(self._folder / _FILE)

    def sprung(self, job: str) -> bool:
        """Return whether the victim was killed during that job."""
        return (self._folder / f"sprung.{job}").exists()

    def at(self, point: str) -> None:
        """Kill the victim, if the trap is set for this point."""
        path = self._folder / _FILE
        try:
            job, victim, where = path.read_text().split("\n")
            if where != f"{self._process} {point}":
                return
            path.rename(self._folder / f"sprung.{job}")
        except FileNotFoundError:
            return
        for pid in self._pids(victim):
            os.kill(pid, signal.SIGKILL)

    def _pids(self, victim: str) -> list[int]:
        if self._process == SERVER:
            supervisors = children(os.getpid())
            own = {SERVER: [os.getpid()], SUPERVISOR: supervisors}
            return own.get(victim) or [
                pid for supervisor in supervisors for pid in children(supervisor)
            ]
        supervisor = os.getppid()
        above = {WORKER: os.getpid(), SUPERVISOR: supervisor}
        return [above[victim] if victim in above else _parent(supervisor)]


def _parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])
