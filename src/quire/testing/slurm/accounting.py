"""Slurm's accounting: a MariaDB and slurmdbd in a folder, on loopback."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from quire.testing.waiting import PATIENCE

PROGRAMS = ("slurmdbd", "mariadbd", "mariadb-install-db", "sacctmgr", "sacct")
_LOOK = 0.05


class NoAccounting(RuntimeError):
    """It cannot be started on this machine; says why."""


class Accounting:
    """What slurmctld sends its records to.

    Parameters
    ----------
    folder
        Of the Slurm, with its munge socket.
    hostname, user
        Of the machine, and whom the daemons run as.
    ports
        Of slurmdbd and of the database.
    path
        Where programs are looked for.

    Raises
    ------
    NoAccounting
        Programs are missing.
    """

    def __init__(
        self,
        folder: Path,
        *,
        hostname: str,
        user: str,
        ports: tuple[int, int],
        path: str,
    ) -> None:
        lacking = [one for one in PROGRAMS if shutil.which(one, path=path) is None]
        if lacking:
            raise NoAccounting(
                f"not installed: {', '.join(lacking)} (Debian: apt install"
                " mariadb-server slurmdbd)"
            )
        self._folder = folder
        self._hostname = hostname
        self._user = user
        self._port, self._store_port = ports
        self._path = path
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, environment: Mapping[str, str]) -> None:
        """Start both, and return once slurmdbd answers.

        Raises
        ------
        NoAccounting
            One does not come up; with what it said.
        """
        store = self._folder / "mariadb"
        base = f"--basedir={self._prefix('mariadbd')}"
        install = (*("mariadb-install-db", "--no-defaults", base), f"--datadir={store}")
        options = (f"--user={self._user}", "--auth-root-authentication-method=normal")
        with (self._folder / "mariadb.log").open("ab") as log:
            subprocess.run(  # noqa: S603  # MariaDB's own
                [*install, *options],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(environment),
            )
        at = ("--bind-address=127.0.0.1", f"--port={self._store_port}")
        place = (f"--datadir={store}", f"--socket={self._folder}/mariadb.socket")
        mariadb = ("mariadbd", "--no-defaults", base, f"--user={self._user}", *at)
        # Nobody else has a way to it, and it holds nothing.
        self._run("mariadb", (*mariadb, *place, "--skip-grant-tables"), environment)
        self._until("mariadb", lambda: _answers(self._store_port))
        self._configure()
        self._run("slurmdbd", ("slurmdbd", "-D"), environment)
        self._until("slurmdbd", lambda: _answers(self._port))

    def stop(self) -> None:
        """End both by force: the database is to be deleted."""
        for one in reversed(self._running):
            one.kill()
            one.wait()
        self._running.clear()

    def _configure(self) -> None:
        folder = self._folder
        lines = [
            f"DbdHost={self._hostname}",
            "DbdAddr=127.0.0.1",
            f"DbdPort={self._port}",
            f"SlurmUser={self._user}",
            "AuthType=auth/munge",
            f"AuthInfo=socket={folder}/munge.socket",
            "StorageType=accounting_storage/mysql",
            "StorageHost=127.0.0.1",
            f"StoragePort={self._store_port}",
            f"StorageUser={self._user}",
            "StorageLoc=accounting",
            f"PidFile={folder}/slurmdbd.pid",
            f"PluginDir={self._plugins()}",
        ]
        file = folder / "slurmdbd.conf"
        file.touch(mode=0o600)
        file.write_text("\n".join(lines) + "\n")

    def _plugins(self) -> str:
        prefixes = [self._prefix("slurmdbd"), Path("/usr")]
        found = [str(one) for top in prefixes for one in top.glob("lib/*/slurm-wlm")]
        return ":".join(dict.fromkeys(found))

    def _prefix(self, program: str) -> Path:
        return Path(str(shutil.which(program, path=self._path))).resolve().parents[1]

    def _environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **environment}

    def _run(
        self, name: str, command: tuple[str, ...], environment: Mapping[str, str]
    ) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # MariaDB's and Slurm's own
                ["setpriv", "--pdeathsig", "KILL", *command],  # noqa: S607
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self._environment(environment),
            )
        self._running.append(process)

    def _until(self, name: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self._running[-1].poll() is not None or time.monotonic() > deadline:
                said = (self._folder / f"{name}.log").read_text(errors="replace")
                raise NoAccounting(f"{name} does not come up: {said[-2000:]}")
            time.sleep(_LOOK)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True
