"""A scheduler of Dask and its workers, as processes on loopback."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from quire.testing.ports import free_port

_START_SECONDS = 120.0
_LOOK_SECONDS = 0.02


class DaskCluster:
    """One scheduler and some workers, each to be killed and started again.

    Parameters
    ----------
    folder
        For logs and for what the workers keep.
    nanny
        Whether each worker has Dask's nanny, which starts it again.
    tls
        Files of the authority, the certificate and its key, for a cluster behind TLS.
    """

    proves = "dask"

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 2,
        nanny: bool = False,
        tls: tuple[Path, Path, Path] | None = None,
    ) -> None:
        self._folder = folder
        self._tls = tls
        self._nanny = "--nanny" if nanny else "--no-nanny"
        self._port = free_port()
        self._scheduler: subprocess.Popen[bytes] | None = None
        self._workers: list[subprocess.Popen[bytes] | None] = [None] * workers

    @property
    def address(self) -> str:
        """Where the scheduler is, also after it was started again."""
        return f"{'tls' if self._tls else 'tcp'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start what does not run, and return once all workers are there."""
        from distributed import Client

        security = self._security()
        if self._scheduler is None:
            scheme = "tls://" if self._tls else ""
            where = ("--host", f"{scheme}127.0.0.1", "--port", str(self._port))
            self._scheduler = self._run(
                "scheduler", "scheduler", *where, "--no-dashboard", "--no-show"
            )
        make: Any = Client
        deadline = time.monotonic() + _START_SECONDS
        with make(
            self.address,
            timeout=_START_SECONDS,
            set_as_default=False,
            security=security,
        ) as client:
            # Those that lost their scheduler end by themselves, each in its own time.
            while not self._all_there(client.scheduler_info()["workers"]):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"Dask did not start; see {self._folder}")
                time.sleep(_LOOK_SECONDS)

    def _security(self) -> Any:
        """Return what Dask's own clients need."""
        if self._tls is None:
            return None
        from distributed import Security

        make: Any = Security
        authority, certificate, key = map(str, self._tls)
        return make(
            tls_ca_file=authority,
            tls_client_cert=certificate,
            tls_client_key=key,
            require_encryption=True,
        )

    def _files(self) -> tuple[str, ...]:
        if self._tls is None:
            return ()
        options = ("--tls-ca-file", "--tls-cert", "--tls-key")
        pairs = zip(options, self._tls, strict=True)
        return tuple(str(word) for pair in pairs for word in pair)

    def _all_there(self, known: Mapping[str, Any]) -> bool:
        for number, worker in enumerate(self._workers):
            if worker is None or worker.poll() is not None:
                self._workers[number] = self._run(
                    f"worker-{number}",
                    "worker",
                    self.address,
                    self._nanny,
                    *("--nthreads", "2", "--no-dashboard", "--host", "127.0.0.1"),
                    *("--local-directory", str(self._folder)),
                )
        return len(known) >= len(self._workers)

    def kill_scheduler(self) -> None:
        """Kill it with SIGKILL; its workers end by themselves."""
        _kill(self._scheduler)
        self._scheduler = None

    def kill_worker(self, number: int) -> None:
        """Kill a worker with SIGKILL."""
        _kill(self._workers[number])
        self._workers[number] = None

    def worker_pid(self, number: int) -> int:
        """Return the process of a worker, 0 if it was killed."""
        worker = self._workers[number]
        return worker.pid if worker else 0

    def stop(self) -> None:
        """End all of it in order, and what is left by force."""
        running = [one for one in (*self._workers, self._scheduler) if one]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._workers = [None] * len(self._workers)
        self._scheduler = None

    def _run(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", "distributed.cli.dask_" + words[0]]
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # Dask's own programs
                [*program, *words[1:], *self._files()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.send_signal(signal.SIGKILL)
        process.wait()
