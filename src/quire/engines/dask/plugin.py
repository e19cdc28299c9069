"""What runs in Dask's workers: a plug-in that keeps a runner warm, and its task.

A task of Dask cannot be ended; a runner can. So the task only waits for the runner,
which is a process tree of its own, hears of an abort by itself, and dies with the
worker.
"""

import asyncio
import hashlib
from typing import Any

from distributed import WorkerPlugin, get_worker

from quire.engines.warm_runners import WarmRunners
from quire.ports.launcher import AttemptKey, RunnerOrder

_PREFIX = "quire-runners-"


class RunnerPlugin(WorkerPlugin):
    """Keeps a warm runner beside a worker of Dask.

    Its name says what the runner knows: a server that is started again finds it at
    work, and one with other settings gets one of its own.

    Parameters
    ----------
    kinds, tables
        As in `quire.ports.launcher.RunnerOrder`.
    """

    idempotent = True

    def __init__(self, *, kinds: str, tables: str) -> None:
        self.name = _name(kinds, tables)
        self._given = {"kinds": kinds, "tables": tables}
        self.runners: WarmRunners | None = None

    def setup(self, worker: Any) -> None:  # noqa: ARG002  # Dask's signature
        """Start the runner, with the worker."""
        self.runners = WarmRunners(**self._given)
        self.runners.start()

    def teardown(self, worker: Any) -> None:  # noqa: ARG002  # Dask's signature
        """End the runner, with all that runs below it."""
        if self.runners is not None:
            self.runners.close()


def attempt_here(order: RunnerOrder) -> None:
    """Have one attempt done beside this worker; a task of Dask.

    Raises
    ------
    RuntimeError
        There is no such plug-in.
    OSError
        The runner cannot be started; the worker's log tells why.
    """
    wanted = _name(order.kinds, order.tables)
    for plugin in _plugins(get_worker()):
        if plugin.name == wanted and plugin.runners is not None:
            return plugin.runners.run(order)
    raise RuntimeError("this worker has no such plug-in of Quire's")


async def end_here(key: AttemptKey, *, dask_worker: Any = None) -> None:
    """Have an attempt ended and swept, if it runs beside this worker."""
    for plugin in _plugins(dask_worker):
        if plugin.runners is not None:
            await asyncio.to_thread(plugin.runners.end, key)


def _plugins(worker: Any) -> list[RunnerPlugin]:
    every = list(worker.plugins.values())
    return [plugin for plugin in every if isinstance(plugin, RunnerPlugin)]


def _name(kinds: str, tables: str) -> str:
    known = hashlib.sha256(f"{kinds} {tables}".encode()).hexdigest()
    return f"{_PREFIX}{known[:16]}"
