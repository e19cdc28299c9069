import asyncio
import os
import pwd
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from quire.backends.accounts import LocalAccounts, own_account
from quire.backends.jupyter import Jupyter, Program, Serving
from quire.backends.local import MARKER, LocalLabs
from quire.backends.places import Places
from quire.backends.processes import descendants, marked, started
from quire.errors import Forbidden
from quire.labs.errors import LabFailed
from quire.labs.lab import Account, Group, Resources
from quire.ports.lab_backend import LabBackend
from quire.testing.fake_labs import FakeAccounts, FakeLabs
from quire.testing.lab_backend_contract import LabBackendContract, order
from quire.testing.not_proved import not_proved
from quire.testing.waiting import PATIENCE

LAB = "11111111-1111-4111-8111-111111111111"
STUB = Path(__file__).with_name("stub_lab.py")
SOURCE = Path(__file__).parents[2] / "src"


class Stub:
    """A lab's program that is up in no time."""

    def __init__(self, *words: str, python: str = sys.executable) -> None:
        self._words = words
        self._python = python

    def program(self, serving: Serving, env: Mapping[str, str]) -> Program:
        assert env["QUIRE_TEST"] == "ä"
        check = f"{serving.prefix}up"
        command = (self._python, str(STUB), str(serving.port), check, *self._words)
        return Program(
            command=command, env={"JUPYTER_TOKEN": serving.token}, check="up"
        )


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def ready(backend: LabBackend, lab: str = LAB) -> list[str]:
    return [message async for message in backend.ready(lab)]


def keeper(folder: Path) -> int:
    place = Places(folder / "places").get(LAB)
    assert place is not None
    return place.pid


class TestFakeLabs(LabBackendContract):
    @pytest.fixture
    def account(self) -> Account:
        return FakeAccounts().account("rachel")

    @pytest.fixture
    def backend(self) -> LabBackend:
        return FakeLabs()

    async def end(self, backend: LabBackend, lab: str) -> None:
        assert isinstance(backend, FakeLabs)
        backend.end(lab)


class TestLocalLabs(LabBackendContract):
    @pytest.fixture
    def account(self) -> Account:
        return own_account()

    @pytest.fixture
    async def backend(self, tmp_path: Path) -> AsyncIterator[LabBackend]:
        backend = LocalLabs(tmp_path, Stub())
        yield backend
        for lab in await backend.observe():
            await backend.delete(lab)

    async def end(self, backend: LabBackend, lab: str) -> None:
        assert isinstance(backend, LocalLabs)
        place = backend._places.get(lab)
        assert place is not None
        for pid in descendants(place.pid):
            os.kill(pid, signal.SIGKILL)
        await until(lambda: started(place.pid) is None)


def living(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if started(pid) is not None]


def sleeper(env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env=env
    )


@pytest.fixture
async def clean(tmp_path: Path) -> AsyncIterator[None]:
    yield
    await LocalLabs(tmp_path, Stub()).delete(LAB)


@pytest.mark.usefixtures("clean")
async def test_daemons_of_a_lab_are_gone_with_it(tmp_path: Path) -> None:
    backend = LocalLabs(tmp_path, Stub("daemons"))
    await backend.create(order(own_account()))
    await ready(backend)
    below = list(descendants(keeper(tmp_path)))
    assert len(below) == 3  # the lab, a daemon, and one without its environment

    await backend.delete(LAB)

    assert living(below) == []


@pytest.mark.usefixtures("clean")
async def test_what_a_killed_keeper_leaves_is_found(tmp_path: Path) -> None:
    backend = LocalLabs(tmp_path, Stub("daemons"))
    await backend.create(order(own_account()))
    await ready(backend)
    os.kill(keeper(tmp_path), signal.SIGKILL)
    await until(lambda: started(keeper(tmp_path)) is None)
    left = await backend.observe()
    assert not left[LAB].alive

    await backend.delete(LAB)

    marker = backend._marked(LAB)
    assert list(marked(MARKER, marker)) == []
    assert await backend.observe() == {}


@pytest.mark.usefixtures("clean")
async def test_a_later_backend_finds_the_lab_again(tmp_path: Path) -> None:
    former = LocalLabs(tmp_path, Stub())
    url = await former.create(order(own_account()))
    await ready(former)

    backend = LocalLabs(tmp_path, Stub())

    seen = (await backend.observe())[LAB]
    assert (seen.alive, seen.url) == (True, url)
    assert await ready(backend)
    await backend.delete(LAB)
    assert await former.observe() == {}


async def test_another_process_of_the_same_number_is_left_alone(
    tmp_path: Path,
) -> None:
    backend = LocalLabs(tmp_path, Stub())
    await backend.create(order(own_account()))
    places = Places(tmp_path / "places")
    place = places.get(LAB)
    assert place is not None
    with sleeper() as other:
        await backend.delete(LAB)
        places.put(replace(place, pid=other.pid, started=started(other.pid) or 0))

        assert not (await backend.observe())[LAB].alive
        await backend.delete(LAB)

        assert other.poll() is None
        other.kill()


async def test_a_stray_is_seen_and_ended(tmp_path: Path) -> None:
    backend = LocalLabs(tmp_path, Stub())
    lab = str(uuid.uuid4())
    env = {MARKER: backend._marked(lab)}
    with sleeper(env) as one:
        await until(lambda: list(marked(MARKER, backend._marked(lab))))
        assert not (await backend.observe())[lab].alive
        deleting = asyncio.create_task(backend.delete(lab))
        await until(lambda: one.poll() is not None)
        await deleting
    assert lab not in await backend.observe()


@pytest.mark.usefixtures("clean")
async def test_a_lab_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    class Broken:
        def program(self, _: Serving, __: Mapping[str, str]) -> Program:
            command = (sys.executable, "-c", "raise SystemExit('no such kernel')")
            return Program(command=command, env={}, check="up")

    backend = LocalLabs(tmp_path, Broken())
    await backend.create(order(own_account()))
    with pytest.raises(LabFailed, match="no such kernel"):
        await ready(backend)


@pytest.mark.usefixtures("clean")
async def test_a_lab_sees_nothing_of_the_servers_environment(tmp_path: Path) -> None:
    os.environ["QUIRE_PRIVATE_TO_THE_SERVER"] = "1"
    try:
        backend = LocalLabs(tmp_path, Stub())
        await backend.create(order(own_account()))
    finally:
        del os.environ["QUIRE_PRIVATE_TO_THE_SERVER"]
    await ready(backend)
    place = Places(tmp_path / "places").get(LAB)
    assert place is not None
    text = (Path(place.shown) / "environment").read_text()
    assert "QUIRE_PRIVATE_TO_THE_SERVER" not in text
    assert "QUIRE_TEST=ä" in text
    assert "MEM_LIMIT=3221225472" in text
    await backend.delete(LAB)


def test_secrets_are_the_servers_alone(tmp_path: Path) -> None:
    backend = LocalLabs(tmp_path, Stub())

    async def go() -> list[int]:
        await backend.create(order(own_account()))
        modes = [path.stat().st_mode for path in _files(tmp_path / "places")]
        await backend.delete(LAB)
        return modes

    assert [mode & 0o077 for mode in asyncio.run(go())] == [0, 0]


def _files(folder: Path) -> Iterable[Path]:
    return [path for path in folder.iterdir() if path.is_file()]


def test_who_has_an_account_here() -> None:
    own = own_account()
    accounts = LocalAccounts(
        "ann", {"bob": "no-such-account", "eve": "root"}, Jupyter()
    )
    assert accounts.account("ann") == own
    for user, reason in (
        ("carl", "labs.users names none for carl"),
        ("bob", "no-such-account"),
    ):
        with pytest.raises(Forbidden, match=reason):
            accounts.account(user)
    assert own.groups[0].id == own.gid


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason=not_proved(
        "others' labs", why="only root may start them", mend="run as root"
    ),
)
async def test_anothers_lab_runs_under_their_account(tmp_path: Path) -> None:
    account = _stranger()
    python = shutil.which("python3", path="/usr/bin")
    assert python is not None, "needs a Python that everybody may run"
    os.environ["PYTHONPATH"] = str(SOURCE)
    try:
        backend = LocalLabs(tmp_path, Stub(python=python), python=python)
        await backend.create(order(account))
    finally:
        del os.environ["PYTHONPATH"]
    await ready(backend)
    await backend.put_file(LAB, "run.ipynb", "{}")

    pids = [keeper(tmp_path), *descendants(keeper(tmp_path))]
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in pids}
    file = Path(account.home) / "quire-lab" / "notebooks" / "run.ipynb"
    assert owners == {account.uid}
    assert file.stat().st_uid == account.uid
    groups = Path(f"/proc/{pids[0]}/status").read_text().partition("Groups:")[2]
    assert groups.splitlines()[0].split() == [str(account.gid)]
    await backend.delete(LAB)
    assert living(pids) == []
    shutil.rmtree(account.home)


def _stranger() -> Account:
    """Return an account that is not ours, with a home of its own."""
    entry = pwd.getpwnam("nobody")
    home = tempfile.mkdtemp(prefix="home-")
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return Account(
        name="nobody",
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        home=home,
        groups=(Group(name="nogroup", id=entry.pw_gid),),
    )


@pytest.mark.usefixtures("clean")
async def test_settings_are_set_aside_and_files_stay(tmp_path: Path) -> None:
    backend = LocalLabs(tmp_path, Stub())
    wanted = order(own_account())
    for reset in (False, True):
        options = replace(wanted.options, reset_user_env=reset)
        await backend.create(replace(wanted, options=options))
        await ready(backend)
        if not reset:
            folder = tmp_path / "of" / "rachel"
            (folder / "settings" / "mine").touch()
            (folder / "notebooks" / "mine").touch()
        await backend.delete(LAB)
    assert not (folder / "settings" / "mine").exists()
    assert len(list(folder.glob("settings.*/mine"))) == 1
    assert (folder / "notebooks" / "mine").exists()


@pytest.mark.usefixtures("clean")
async def test_a_lab_has_its_limits(tmp_path: Path) -> None:
    backend = LocalLabs(tmp_path, Stub())
    limits = Resources(cpu=1.0, memory=2**30)
    await backend.create(replace(order(own_account()), limits=limits))
    await ready(backend)
    for pid in descendants(keeper(tmp_path)):
        assert len(os.sched_getaffinity(pid)) == 1
        assert resource.prlimit(pid, resource.RLIMIT_DATA) == (2**30, 2**30)
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
    await backend.delete(LAB)


@pytest.mark.usefixtures("clean")
async def test_a_labs_processes_together_have_a_limit(tmp_path: Path) -> None:
    backend = LocalLabs(tmp_path, Stub("hungry"))
    limits = Resources(cpu=1.0, memory=140_000_000)
    await backend.create(replace(order(own_account()), limits=limits))
    await ready(backend)
    log = Places(tmp_path / "places").log(LAB)
    await until(lambda: "that this lab may have" in log.read_text())
    # One of the two is enough, and the lab itself goes on.
    await until(lambda: len(living(descendants(keeper(tmp_path)))) == 2)
    assert (await backend.observe())[LAB].alive
    assert await ready(backend)
    await backend.delete(LAB)


def test_a_name_is_no_way_out_of_the_folder(tmp_path: Path) -> None:
    backend = LocalLabs(tmp_path, Stub())
    for user in ("..", ".", "../..", "a/b", "a\nb"):
        folder = backend._lab_folder(own_account(), user)
        assert folder.parent == tmp_path / "of"
        assert folder.name not in ("", ".", "..")
