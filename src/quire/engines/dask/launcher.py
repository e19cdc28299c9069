"""Attempts as tasks of an existing Dask scheduler, one each."""

import asyncio
import contextlib
import logging
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any

import msgspec

from quire.errors import InputError
from quire.ports.launcher import (
    AttemptKey,
    LauncherAway,
    LaunchRefused,
    RunnerOrder,
    Seen,
    There,
)

_log = logging.getLogger(__name__)
# Ended attempts that are remembered until they are asked for.
_REMEMBERED = 10_000
# What Dask calls a task that has run. One that failed could not start its runner, or
# its worker died; what is cancelled or lost was forgotten by a scheduler.
_OVER = frozenset({"finished", "error"})
_NO_WORKER = "it waits in Dask: no worker there has what it asks for"
_BROKEN = "its task in Dask failed; the worker's log tells why"


class DaskSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What the table of a Dask engine may say, beside its resources.

    Attributes
    ----------
    address
        Of the scheduler, as ``tcp://host:8786`` or ``tls://host:8786``.
    tls_ca_file, tls_cert, tls_key
        For a scheduler behind TLS: files of the authority, of the certificate by which
        this server is known there, and of its key.
    patience
        Seconds that the scheduler may take to answer.
    """

    address: str
    tls_ca_file: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    patience: Annotated[float, msgspec.Meta(gt=0)] = 5.0


class DaskLauncher:
    """A `quire.ports.launcher.Launcher` over a scheduler of Dask.

    Of an attempt's resources Dask knows tags alone: ``gpu`` or ``gpu=2`` asks for
    workers that were started with ``--resources gpu=2``.

    Parameters
    ----------
    kinds, tables
        What the warm runners know; as in `quire.ports.launcher.RunnerOrder`.
    """

    def __init__(self, settings: DaskSettings, *, kinds: str, tables: str = "") -> None:
        self._settings = settings
        self._given = {"kinds": kinds, "tables": tables}
        # Dask's classes say nothing of their types.
        self._client: Any = None
        self._scheduler = ""
        self._starting: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()
        self._futures: dict[AttemptKey, Any] = {}
        self._ended: OrderedDict[AttemptKey, Seen] = OrderedDict()

    async def start(self) -> None:
        """Begin to have the plug-in installed: the scheduler may be away."""
        self._starting = asyncio.create_task(self._begin())

    async def launch(self, order: RunnerOrder) -> None:
        """Submit an attempt, unless it is under way.

        Raises
        ------
        LauncherAway
            The scheduler does not answer.
        LaunchRefused
            A tag is no resource of Dask's.
        """
        from quire.engines.dask.plugin import attempt_here

        resources = _resources(order.resources.tags)
        client = await self._connected()
        key = order.job, order.attempt
        known = self._futures.get(key)
        if known is not None and known.status == "pending":
            return
        future = client.submit(
            attempt_here,
            order,
            key=_name(key),
            resources=resources or None,
            retries=0,
            pure=False,
        )
        self._futures[key] = future
        future.add_done_callback(lambda done: self._note_end(key, done))

    async def kill(self, key: AttemptKey) -> None:
        """Take an attempt out of the queue, and have its runner end.

        Raises
        ------
        LauncherAway
            The scheduler does not answer.
        """
        from quire.engines.dask.plugin import end_here

        client = await self._connected()
        future = self._futures.pop(key, None)
        try:
            async with asyncio.timeout(self._settings.patience):
                if future is not None:
                    await client.cancel([future], force=True)
                await client.run(end_here, key, on_error="ignore")
        except (OSError, TimeoutError) as problem:
            raise LauncherAway(f"Dask: {problem!r}") from None

    async def poll(self, keys: Sequence[AttemptKey]) -> Mapping[AttemptKey, Seen]:
        """Return how attempts stand; Dask does not tell who waits from who runs.

        Raises
        ------
        LauncherAway
            The scheduler does not answer.
        """
        client = await self._connected()
        pending = [
            key
            for key in keys
            if key in self._futures and self._futures[key].status == "pending"
        ]
        states = await self._states(client, [_name(key) for key in pending])
        told = {key: self._ended[key] for key in keys if key in self._ended}
        for key in pending:
            why = _NO_WORKER if states.get(_name(key)) == "no-worker" else ""
            told[key] = Seen(there=There.WAITING, why=why)
        return told

    async def stop(self) -> None:
        """Let go: what runs there goes on, what waits is taken up by the next server."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        client, self._client = self._client, None
        self._futures.clear()
        if client is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(self._settings.patience):
                    await client.close()

    async def _states(self, client: Any, names: Sequence[str]) -> Mapping[str, str]:
        """Return what the scheduler calls the states of tasks."""
        if not names:
            return {}
        try:
            async with asyncio.timeout(self._settings.patience):
                found: dict[str, str] = await client.scheduler.get_task_status(
                    keys=list(names)
                )
        except (OSError, TimeoutError) as problem:
            raise LauncherAway(f"Dask: {problem!r}") from None
        return found

    async def _begin(self) -> None:
        try:
            await self._connected()
        except LauncherAway as problem:
            _log.warning("%s; attempts wait until it answers", problem)

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._client is None or self._client.status != "running":
                self._client = await self._connect()
            client = self._client
            scheduler = str(client.scheduler_info(n_workers=0).get("id", ""))
            if scheduler != self._scheduler:
                await self._install(client)
                self._scheduler = scheduler
            return client

    async def _connect(self) -> Any:
        former, self._client = self._client, None
        if former is not None:
            with contextlib.suppress(Exception):
                await former.close()
        self._futures.clear()
        self._scheduler = ""
        settings = self._settings
        # Takes 0.3 s to load.
        distributed = await asyncio.to_thread(import_module, "distributed")
        client = distributed.Client(
            settings.address,
            asynchronous=True,
            timeout=settings.patience,
            set_as_default=False,
            security=_security(settings),
            name="quire",
        )
        try:
            await client
        except Exception as problem:  # noqa: BLE001  # also ValueError, of a broken TLS
            with contextlib.suppress(Exception):
                await client.close()
            raise LauncherAway(f"Dask at {settings.address}: {problem}") from None
        return client

    async def _install(self, client: Any) -> None:
        from quire.engines.dask.plugin import RunnerPlugin

        try:
            async with asyncio.timeout(self._settings.patience):
                await client.register_plugin(RunnerPlugin(**self._given))
        except (OSError, TimeoutError) as problem:
            raise LauncherAway(f"Dask: {problem!r}") from None

    def _note_end(self, key: AttemptKey, future: Any) -> None:
        if key in self._futures and self._futures[key] is future:
            del self._futures[key]
            if future.status in _OVER:
                why = _BROKEN if future.status == "error" else ""
                self._ended[key] = Seen(there=There.GONE, why=why)
                if len(self._ended) > _REMEMBERED:
                    self._ended.popitem(last=False)
        future.release()


def make(settings: Mapping[str, Any], *, kinds: str, tables: str) -> DaskLauncher:
    """Return the launcher of a table ``[engines.NAME]``.

    Raises
    ------
    InputError
        The table cannot be used.
    """
    if find_spec("distributed") is None:
        mend = "pip install 'quire[dask]'"
        raise InputError("type", "Dask is not installed here", mend)
    try:
        read = msgspec.convert(settings, DaskSettings)
    except msgspec.ValidationError as error:
        raise InputError("dask", str(error)) from None
    _check_tls(read)
    return DaskLauncher(read, kinds=kinds, tables=tables)


def _check_tls(settings: DaskSettings) -> None:
    """Refuse what could never connect, or would do so in the clear.

    Raises
    ------
    InputError
        A file is missing, or the address is not that of a scheduler behind TLS.
    """
    names = ("tls_ca_file", "tls_cert", "tls_key")
    files = {name: getattr(settings, name) for name in names}
    behind_tls = settings.address.startswith("tls://")
    for name, file in files.items():
        if not file and (behind_tls or any(files.values())):
            raise InputError(name, "is missing", "all three files of TLS, or none")
        if file and not os.access(file, os.R_OK):
            raise InputError(name, f"{file!r} cannot be read")
    if any(files.values()) and not behind_tls:
        reason = f"{settings.address!r} is not behind TLS"
        raise InputError("address", reason, "tls://host:8786")


def _name(key: AttemptKey) -> str:
    return f"quire-{key[0]}-{key[1]}"


def _resources(tags: Sequence[str]) -> dict[str, float]:
    found = {}
    for tag in tags:
        name, _, count = tag.partition("=")
        try:
            found[name] = float(count or 1)
        except ValueError:
            raise LaunchRefused(f"the tag {tag!r} is no name=number") from None
    return found


def _security(settings: DaskSettings) -> Any:
    if not settings.tls_ca_file:
        return None
    return import_module("distributed").Security(
        tls_ca_file=settings.tls_ca_file,
        tls_client_cert=settings.tls_cert or None,
        tls_client_key=settings.tls_key or None,
        require_encryption=True,
    )
