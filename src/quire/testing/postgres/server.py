"""A PostgreSQL of our own: made in a folder, on loopback, gone afterwards."""

import contextlib
import os
import pwd
import random
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import psutil
import psycopg

from quire.testing.ports import free_port
from quire.testing.waiting import PATIENCE

# What is made by it may be lost: it is made anew.
_INITDB = ("--auth=trust", "--username=quire", "--encoding=UTF8", "--no-sync")
# For a start behind a crash, on a slow disk.
_SECONDS = "240"
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")


class NoPostgres(RuntimeError):
    """No PostgreSQL server is installed."""


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, the newest where there are several.

    Raises
    ------
    NoPostgres
        There is none.
    """
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    for pattern in _PLACES:
        places += sorted(Path("/").glob(pattern.lstrip("/")))
    places = [place for place in places if (place / "initdb").exists()]
    if not places:
        raise NoPostgres(
            "no PostgreSQL server is installed (Debian: apt install postgresql)"
        )
    return places[-1]


class PostgresServer:
    """One PostgreSQL with durable commits, listening on loopback.

    As root it runs as the user ``postgres``, for it refuses to be root.

    Parameters
    ----------
    folder
        Where its data goes; made if missing.
    settings
        Of ``postgresql.conf``, beside those that it needs here.
    """

    proves = "postgres"

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        self._folder = folder
        self._settings = tuple(settings)
        self.port = free_port()

    def __enter__(self) -> Self:
        """Make it and start it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        self._run("initdb", *_INITDB)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and delete what it wrote."""
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The postmaster's process."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start it, also after it was killed."""
        options = [
            f"-p {self.port}",
            "-c listen_addresses=127.0.0.1",
            f"-c unix_socket_directories={self._folder}",
            *(f"-c {setting}" for setting in self._settings),
        ]
        log = str(self._folder / "server.log")
        self._run(
            "pg_ctl", "start", "-w", "-t", _SECONDS, "-l", log, "-o", " ".join(options)
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``smart``, ``fast`` or ``immediate`` (as a crash would)."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "stop", "-w", "-t", _SECONDS, "-m", mode)

    def kill(self) -> None:
        """Kill all of its processes at once, as a power cut would; the data stays."""
        master = psutil.Process(self.pid)
        family = [master, *master.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(family)

    def kill_one(self) -> None:
        """Kill the process of one connection: all others end, and it recovers itself."""
        backends = psutil.Process(self.pid).children()
        clients = [one for one in backends if "127.0.0.1" in " ".join(one.cmdline())]
        if clients:
            random.choice(clients).kill()  # noqa: S311  # no secret

    def wait(self, seconds: float = PATIENCE) -> None:
        """Return once it takes connections.

        Raises
        ------
        psycopg.OperationalError
            It does not.
        """
        give_up = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.05)
            else:
                return

    def url(self, database: str = "postgres") -> str:
        """Return where clients find a database; there is no password."""
        return f"postgresql://quire@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[str]:
        """Make a database for as long as the context lasts; yields its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield self.url(name)
        finally:
            with psycopg.connect(self.url(), autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def _run(self, program: str, *arguments: str) -> None:
        user = None
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres").pw_name
        subprocess.run(  # noqa: S603  # a program of PostgreSQL's
            [programs() / program, "-D", self._folder / "data", *arguments],
            check=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            env=environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
