"""The workspace: a folder an acquisition, for people, made anew from the store.

    dpm/queue.json                          ids of what is not over, oldest first
    dpm/in-progress/<id>/specification.json as it was queued
    dpm/in-progress/<id>/status.json
    dpm/in-progress/<id>/logs/merge.log     all that was told, a line each
    dpm/archive/<id>/                       the same, and manifest.json

Nothing reads it back: deleting it all loses no state, and the next start writes it
again. What cannot be written, as on a full disk, is written at a later change.
"""

import asyncio
import logging
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from quire.actions.acquisitions import ACTIVE
from quire.errors import StoreUnavailable
from quire.jobs.job import Job
from quire.ports.acquisition_records import ACQUISITIONS, AcquisitionQuery
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction
from quire.products.acquisition import Acquisition
from quire.products.product import Product, unless_removed
from quire.progress.log import Entry

FOLDER = "dpm"
_MOST = 10_000
_BATCH = 500
_IDLE = 60.0
_PAUSE = 1.0
# Nobody reads faster: what changes several times meanwhile is written once.
_REST = 0.5
_log = logging.getLogger(__name__)


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    acquisition: Acquisition
    job: Job | None
    product: Product | None
    entries: tuple[Entry, ...]


class Workspace:
    """Writes the workspace as acquisitions change.

    Parameters
    ----------
    data_folder
        Absolute; the workspace lies in ``dpm`` below it.
    """

    def __init__(self, store: Store, doorbell: Doorbell, data_folder: Path) -> None:
        self._store = store
        self._doorbell = doorbell
        self._data_folder = data_folder
        self._folder = data_folder / FOLDER

    async def run(self) -> None:
        """Write what is there, then every change; until cancelled."""
        after: int | None = None
        while True:
            ticket = self._doorbell.ticket(ACQUISITIONS)
            try:
                after, changed = await self._changed(after)
                for one in changed:
                    await self._write(one)
                if changed:
                    await self._write_queue()
                    await asyncio.sleep(_REST)
                    continue
                pause = _IDLE
            except (OSError, StoreUnavailable) as problem:
                _log.warning("the workspace is not up to date: %s", problem)
                pause = _PAUSE
            await self._doorbell.wait(ACQUISITIONS, ticket, pause)

    async def forget(self, acquisitions: Iterable[str]) -> None:
        """Remove the folders of acquisitions that are not remembered any more."""
        for one in acquisitions:
            path = self._folder / "archive" / one
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def _changed(self, after: int | None) -> tuple[int, Sequence[str]]:
        """Return the ids of what has changed since, at first of all that is active."""
        if after is None:
            query = AcquisitionQuery(limit=_MOST, substates=ACTIVE)
            newest, active = await self._store.view(
                lambda tx: (
                    tx.acquisitions.newest_change(),
                    tx.acquisitions.page(query),
                )
            )
            stale = await asyncio.to_thread(self._in_progress)
            return newest, list({one.id for one in active} | set(stale))
        changes = await self._store.view(
            lambda tx: tx.acquisitions.changes(after, _BATCH)
        )
        ids = dict.fromkeys(change.acquisition.id for change in changes)
        return (changes[-1].number if changes else after), list(ids)

    async def _write(self, acquisition: str) -> None:
        known = await self._store.view(lambda tx: _known(tx, acquisition))
        if known is not None:
            await asyncio.to_thread(self._write_folder, known)

    async def _write_queue(self) -> None:
        query = AcquisitionQuery(limit=_MOST, substates=ACTIVE)
        active = await self._store.view(lambda tx: tx.acquisitions.page(query))
        content = msgspec.json.encode([one.id for one in active[::-1]])
        await asyncio.to_thread(_put, self._folder / "queue.json", _pretty(content))

    def _in_progress(self) -> list[str]:
        folder = self._folder / "in-progress"
        return [path.name for path in folder.iterdir()] if folder.is_dir() else []

    def _write_folder(self, known: _Known) -> None:
        name = known.acquisition.id
        folder = self._folder / "in-progress" / name
        archive = self._folder / "archive" / name
        if folder.parent.parent != self._folder or name in {".", ".."}:
            return
        text = known.job.parameters.get("SPECIFICATION") if known.job else None
        if text is not None:
            written = text.encode() if isinstance(text, str) else _encoded(text)
            _put(folder / "specification.json", written)
        _put(folder / "status.json", _status(known))
        if known.entries:
            _put(folder / "logs" / "merge.log", _lines(known.entries))
        if not known.acquisition.archived:
            shutil.rmtree(archive, ignore_errors=True)
            return
        if known.product is not None:
            manifest = self._data_folder / known.product.manifest
            _put(folder / "manifest.json", manifest.read_bytes())
        archive.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(archive, ignore_errors=True)
        folder.rename(archive)


def _known(tx: Transaction, name: str) -> _Known | None:
    found = tx.acquisitions.get(name)
    if found is None:
        return None
    return _Known(
        acquisition=found,
        job=tx.jobs.get(found.job),
        product=unless_removed(tx.products.get(found.job)),
        entries=tx.progress.entries(found.job, 0, _MOST),
    )


def _status(known: _Known) -> bytes:
    one, job = known.acquisition, known.job
    alerts = [
        {**msgspec.to_builtins(alert), "at": _iso(alert.at)} for alert in one.alerts
    ]
    status = {
        "id": one.id,
        "file_id": one.file_id,
        "state": one.substate.state,
        "substate": one.substate,
        "error": one.error,
        "alerts": alerts,
        "changed": _iso(one.changed),
        "queued": _iso(one.created),
        "owner": one.owner,
        "job": one.job,
        "phase": job.phase if job else None,
        "attempt": job.attempt if job else None,
        "product": known.product.file if known.product else None,
    }
    return _encoded(status)


def _lines(entries: Iterable[Entry]) -> bytes:
    lines = []
    for entry in entries:
        event = entry.event
        percent = "" if event.progress is None else f" {event.progress} %"
        words = " ".join(event.message.split())
        lines.append(f"{_iso(entry.at)} {event.type.value}{percent} {words}\n")
    return "".join(lines).encode()


def _iso(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _encoded(value: object) -> bytes:
    return _pretty(msgspec.json.encode(value))


def _pretty(content: bytes) -> bytes:
    return msgspec.json.format(content, indent=2) + b"\n"


def _put(path: Path, content: bytes) -> None:
    """Write a file so that nobody reads half of it; a crash may lose it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
