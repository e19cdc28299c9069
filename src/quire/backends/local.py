"""Labs as child processes of this machine, which live on when the server ends.

Each has a keeper (`quire.backends.keeper`), a port of its own on the loopback, and a
folder. All its processes carry a marker in their environment; together with the
keeper's process number and start time it tells a later server which they are.
"""

import asyncio
import collections
import contextlib
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Protocol, TypedDict, TypeVar, cast
from urllib.parse import quote

from msgspec.structs import replace

from quire.backends.accounts import own_account
from quire.backends.jupyter import Program, Serving
from quire.backends.keeper import Order
from quire.backends.places import Place, Places, this_boot
from quire.backends.processes import (
    descendants,
    environments,
    is_marked,
    kill_all,
    marked,
    send_signal,
    started,
)
from quire.labs.errors import LabFailed
from quire.labs.lab import Account
from quire.ports.lab_backend import LabOrder, Seen

A = TypeVar("A")
R = TypeVar("R")

# Environment variable by which the processes of a lab are known.
MARKER = "QUIRE_LAB"
# Where a lab keeps what its user has set, below its folder.
_SETTINGS = {
    "JUPYTER_CONFIG_DIR": "settings",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "IPYTHONDIR": "ipython",
}
# Of the server's own environment a lab gets these alone.
_HANDED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "SSL_CERT_FILE", "TMPDIR")
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 5.0
_ANSWER_SECONDS = 5.0
# Seconds that a keeper has to end its lab in order, then to be gone after SIGKILL.
_GRACE_SECONDS = 5.0
_KILL_SECONDS = 20.0
_EXEC_SECONDS = 0.02
_TAIL = 400
_WRITE = (
    'umask 077 && mkdir -p -- "$1" && cat > "$1/$2.part" && mv -- "$1/$2.part" "$1/$2"'
)


class LabProgram(Protocol):
    """Knows what labs are made of."""

    def program(self, serving: Serving, env: Mapping[str, str]) -> Program:
        """Return how a lab is started."""
        ...


class LocalLabs:
    """A `quire.ports.lab_backend.LabBackend` on this machine.

    Parameters
    ----------
    folder
        Where what is noted of labs lies, and the labs of the server's own account.
    program
        What labs are made of.
    idle_seconds
        After which a lab without activity ends, 0 for never.
    server_file
        By which the labs of the server's own account find the server again when it
        came back at another port (`quire.server_file`); other accounts may not read it.
    python
        Interpreter of the keepers; every account that has labs must be able to run it.
    """

    def __init__(
        self,
        folder: Path,
        program: LabProgram,
        *,
        idle_seconds: int = 0,
        server_file: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        self._folder = folder
        self._program = program
        self._idle_seconds = idle_seconds
        self._server_file = server_file
        self._python = python
        self._places = Places(folder / "places")
        self._marker = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
        # A start goes on in its thread when nobody waits for it any more.
        self._locks: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)

    async def create(self, order: LabOrder) -> str:
        """Start a lab and return the address at which it will serve."""
        return await asyncio.to_thread(self._alone, order.id, self._create, order)

    async def ready(self, lab: str) -> AsyncIterator[str]:
        """Yield messages until the lab serves.

        Raises
        ------
        LabFailed
            It has ended instead.
        """
        import httpx

        place = self._place(lab)
        headers = {"Authorization": f"token {place.token}"} if place.token else {}
        yield f"Waiting for JupyterLab at {place.url}"
        began = told = time.monotonic()
        listening = False
        async with httpx.AsyncClient(
            headers=headers, timeout=_ANSWER_SECONDS, trust_env=False
        ) as http:
            while self._runs(place):
                with contextlib.suppress(httpx.TransportError):
                    answer = await http.get(place.check)
                    if answer.status_code == httpx.codes.OK:
                        yield "JupyterLab answers"
                        return
                    if not listening:
                        listening = True
                        yield "JupyterLab listens"
                if time.monotonic() - told > _PATIENCE_SECONDS:
                    told = time.monotonic()
                    yield f"Still waiting for JupyterLab, {told - began:.0f} s by now"
                await asyncio.sleep(_POLL_SECONDS)
        raise LabFailed(f"JupyterLab has ended: {self._last_words(lab)}")

    async def put_file(self, lab: str, name: str, text: str) -> None:
        """Write a file into the folder that the lab shows; `name` has no slash."""
        place = self._place(lab)
        if "/" in name or name.startswith("."):
            raise LabFailed(f"{name!r} is no name for a file in a lab")
        await asyncio.to_thread(_write_as, place.account, place.shown, name, text)

    async def delete(self, lab: str) -> None:
        """End a lab, whatever is left of it; nothing happens if nothing is."""
        await asyncio.to_thread(self._alone, lab, self._delete, lab)

    async def observe(self) -> Mapping[str, Seen]:
        """Return what is there, by the labs' ids: also what nobody asked for."""
        return await asyncio.to_thread(self._observe)

    def _alone(self, lab: str, work: Callable[[A], R], about: A) -> R:
        with self._locks[lab]:
            return work(about)

    def _create(self, order: LabOrder) -> str:
        folder = self._lab_folder(order.account, order.user)
        shown = folder / "notebooks"
        serving = self._serving(order, shown)
        program = self._program.program(serving, order.env)
        url = f"http://127.0.0.1:{serving.port}{order.prefix}"
        place = Place(
            lab=order.id,
            account=order.account,
            shown=str(shown),
            url=url,
            check=f"{url}{program.check}",
            token=serving.token if serving.token in program.env.values() else "",
            boot=this_boot(),
        )
        # Before anything runs, so that it is found whenever the server dies.
        self._places.put(place)
        settings = {name: str(folder / last) for name, last in _SETTINGS.items()}
        written: Order = {
            "program": list(program.command),
            "folder": str(folder),
            "shown": str(shown),
            "settings": sorted(settings.values()),
            "reset": order.options.reset_user_env,
            "memory": order.limits.memory,
            "processors": _processors(order),
        }
        marker = {MARKER: self._marked(order.id)}
        found = self._finding(order.account)
        env = {**found, **_environment(order, settings), **program.env, **marker}
        child = self._start(order, env, written)
        # Takes in the exit code, for as long as this server lives.
        threading.Thread(target=child.wait, name="quire lab", daemon=True).start()
        since = self._since(order.id, child.pid)
        self._places.put(replace(place, pid=child.pid, started=since))
        return url

    def _finding(self, account: Account) -> Mapping[str, str]:
        if self._server_file is None or account.uid != os.geteuid():
            return {}
        return {"QUIRE_SERVER_FILE": str(self._server_file.absolute())}

    def _since(self, lab: str, pid: int) -> int:
        """Return when a keeper was started, once it can be told from others.

        For a moment within execve(2) a process has no environment to be known by.
        """
        deadline = time.monotonic() + _GRACE_SECONDS
        while (since := started(pid)) is not None and time.monotonic() < deadline:
            if is_marked(pid, MARKER, self._marked(lab)):
                return since
            time.sleep(0.001)
        return 0

    def _serving(self, order: LabOrder, shown: Path) -> Serving:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        return Serving(
            port=port,
            prefix=order.prefix,
            shown=str(shown),
            token=secrets.token_urlsafe(32),
            root=order.account.uid == 0,
            debug=order.options.enable_debug,
            idle_seconds=self._idle_seconds,
        )

    def _start(
        self, order: LabOrder, env: Mapping[str, str], written: Order
    ) -> subprocess.Popen[bytes]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        log = os.open(self._places.log(order.id), flags, 0o600)
        try:
            child = subprocess.Popen(  # noqa: S603 - our own program
                [self._python, "-m", "quire.backends.keeper"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(env),
                cwd="/",
                start_new_session=True,
                **_as(order.account),
            )
        except (OSError, ValueError) as error:
            raise LabFailed(f"the lab could not be started: {error}") from None
        finally:
            os.close(log)
        stdin = cast("IO[bytes]", child.stdin)
        with contextlib.suppress(BrokenPipeError), stdin:
            stdin.write(json.dumps(written).encode())
        return child

    def _delete(self, lab: str) -> None:
        place = self._places.get(lab)
        if place is not None and self._runs(place):
            send_signal(place.pid, signal.SIGTERM)
            self._wait(place, _GRACE_SECONDS)
            # Its keeper last: what daemons leave behind comes to it.
            self._kill(lambda: descendants(place.pid) if self._runs(place) else ())
            send_signal(place.pid, signal.SIGKILL)
            self._wait(place, _GRACE_SECONDS)
        self._kill(lambda: marked(MARKER, self._marked(lab)))
        # What was within execve(2) at that moment could not be known.
        time.sleep(_EXEC_SECONDS)
        self._kill(lambda: marked(MARKER, self._marked(lab)))
        self._places.remove(lab)

    def _kill(self, find: Callable[[], Iterable[int]]) -> None:
        try:
            kill_all(find, limit=_KILL_SECONDS)
        except TimeoutError as error:
            raise LabFailed(str(error)) from None

    def _observe(self) -> Mapping[str, Seen]:
        found: dict[str, Seen] = dict.fromkeys(self._ids_of_marked(), Seen(alive=False))
        for place in self._places.all():
            if not self._runs(place):
                found[place.lab] = Seen(alive=False)
                continue
            login = f"{place.url}lab?token={place.token}" if place.token else ""
            found[place.lab] = Seen(alive=True, url=place.url, login=login)
        return found

    def _ids_of_marked(self) -> Iterator[str]:
        needle = f"{MARKER}={self._marker}/".encode()
        for _, environment in environments():
            for pair in environment.split(b"\0"):
                if pair.startswith(needle):
                    yield pair[len(needle) :].partition(b"/")[0].decode()

    def _marked(self, lab: str) -> str:
        # The slash ends the id.
        return f"{self._marker}/{lab}/"

    def _runs(self, place: Place) -> bool:
        return (
            place.pid > 0
            and place.boot == this_boot()
            and started(place.pid) == place.started
            # Start times are coarse: another may have got the same number within it.
            and is_marked(place.pid, MARKER, self._marked(place.lab))
        )

    def _wait(self, place: Place, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._runs(place) and time.monotonic() < deadline:
            time.sleep(0.01)

    def _place(self, lab: str) -> Place:
        place = self._places.get(lab)
        if place is None:
            raise LabFailed("the lab is not there")
        return place

    def _lab_folder(self, account: Account, user: str) -> Path:
        if account.uid != own_account().uid:
            return Path(account.home) / "quire-lab"
        return self._folder / "of" / quote(user, safe="").replace(".", "%2E")

    def _last_words(self, lab: str) -> str:
        try:
            said = self._places.log(lab).read_text(errors="replace").strip()
        except OSError:
            said = ""
        return said[-_TAIL:] or "it said nothing"


def _environment(order: LabOrder, settings: Mapping[str, str]) -> dict[str, str]:
    account = order.account
    given = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    names = {"HOME": account.home, "USER": account.name, "LOGNAME": account.name}
    kernels = Path(account.home) / ".local/share/jupyter"
    return {
        **given,
        **names,
        "SHELL": "/bin/sh",
        "JUPYTER_PATH": str(kernels),
        **settings,
        "CPU_LIMIT": str(order.limits.cpu),
        "MEM_LIMIT": str(order.limits.memory),
        **order.env,
    }


class _Other(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _as(account: Account) -> _Other:
    """Return with what a process is started under an account."""
    if account.uid == os.geteuid():
        return {}
    groups = [group.id for group in account.groups]
    return {"user": account.uid, "group": account.gid, "extra_groups": groups}


def _processors(order: LabOrder) -> list[int]:
    """Return as many processors as the lab may use, others for other labs."""
    every = sorted(os.sched_getaffinity(0))
    wanted = max(1, -int(-order.limits.cpu // 1))
    if wanted >= len(every):
        return every
    first = int.from_bytes(hashlib.sha256(order.id.encode()).digest()[:4], "big")
    return [every[(first + place) % len(every)] for place in range(wanted)]


def _write_as(account: Account, folder: str, name: str, text: str) -> None:
    done = subprocess.run(  # noqa: S603 - names are arguments, never part of the text
        ["/bin/sh", "-c", _WRITE, "sh", folder, name],
        input=text.encode(),
        capture_output=True,
        check=False,
        env={"PATH": os.defpath},
        cwd="/",
        **_as(account),
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise LabFailed(f"{name} could not be written: {said}")
