"""The files of jobs: what came with them, what they made, what they said."""

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from quire.access.principals import Principal
from quire.actions.attempt_folders import LOG_NAME, discard_done, remove_begun
from quire.actions.attempt_recovery import Left
from quire.actions.job_access import visible_job
from quire.actions.seeing import may_see_product
from quire.errors import InputError, NotFound
from quire.jobs.job import Job, JobResult
from quire.jobs.parameters import Upload, restored, uploads_of
from quire.jobs.phases import Phase
from quire.ports.kind import Kind
from quire.ports.store import Store, Transaction
from quire.products.product import Product, unless_removed

PRODUCT_RESULT = "result"
MANIFEST_RESULT = "manifest"
_CHUNK = 256 * 1024
# A file that grows rings no doorbell: whoever follows it looks so often (seconds).
_LOOK = 0.2
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 64


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be sent.

    Attributes
    ----------
    path
        Absolute.
    """

    path: Path
    mime_type: str


class JobFiles:
    """Finds and keeps the files of jobs.

    Parameters
    ----------
    data_folder
        Absolute; what the paths in records are relative to.
    left
        Returns the files elsewhere that an aborted job may have begun.
    """

    def __init__(
        self, store: Store, data_folder: Path, *, left: Left = lambda _: ()
    ) -> None:
        self._store = store
        self._folder = data_folder
        self._left = left

    async def results(self, job: Job) -> tuple[JobResult, ...]:
        """Return a job's results: its files, then its product with the manifest."""
        if not job.product:
            return job.results
        found = await self._store.view(lambda tx: tx.products.get(job.product))
        product = unless_removed(found)
        if product is None:
            return job.results
        parts = _parts(product)
        taken = {part.id for part in parts}
        return (*parts, *(one for one in job.results if one.id not in taken))

    async def result(self, job: Job, name: str) -> File:
        """Return one result's file.

        Raises
        ------
        NotFound
            The job has none of that name, or its file is gone.
        """
        for result in await self.results(job):
            if result.id == name:
                return self._present(result.path, result.mime_type)
        raise NotFound("result", name)

    async def upload(self, job: Job, kind: Kind, name: str) -> File:
        """Return the file that came as a parameter."""
        uploads = uploads_of(restored(kind.parameters, job.parameters))
        if name.upper() not in uploads:
            raise NotFound("file of parameter", name)
        upload = uploads[name.upper()]
        return self._present(upload.path, upload.mime_type)

    async def keep(self, job: str, name: str, body: bytes, mime_type: str) -> Upload:
        """Keep a file that came as a parameter, durably, in the job's own folder."""
        target = self._new(job, name)
        await asyncio.to_thread(_write, target, body)
        return Upload(
            path=str(target.relative_to(self._folder)),
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            mime_type=mime_type or "application/octet-stream",
        )

    async def copy_upload(self, job: str, name: str, upload: Upload) -> Upload:
        """Keep a copy of a file that came with another job."""
        source = self._present(upload.path, upload.mime_type)
        target = self._new(job, name)
        await asyncio.to_thread(_copy, source.path, target)
        path = str(target.relative_to(self._folder))
        return msgspec.structs.replace(upload, path=path)

    async def keep_copy(
        self, job: str, name: str, path: str, principal: Principal
    ) -> Upload:
        """Keep a copy of what an address of this server stands for.

        Parameters
        ----------
        path
            Of a result of a job or the file of a product, from the server's root on.

        Raises
        ------
        InputError
            It is no such address.
        NotFound
            There is nothing there that the principal may see.
        """
        source = await self._referred(path, principal)
        target = self._new(job, name)
        size, sha256 = await asyncio.to_thread(_copy, source.path, target)
        return Upload(
            path=str(target.relative_to(self._folder)),
            size=size,
            sha256=sha256,
            mime_type=source.mime_type,
        )

    async def discard(self, job: str) -> None:
        """Remove what was kept for a job that came to nothing."""
        await asyncio.to_thread(
            shutil.rmtree, self._folder / "jobs" / job, ignore_errors=True
        )

    async def discard_done(self, job: Job) -> None:
        """Remove what an aborted job has finished, if no attempt can be using it."""
        if job.phase is Phase.ABORTED:
            folder = self._folder / "jobs" / job.id
            with contextlib.suppress(OSError):  # its attempt removes it, or a person
                await asyncio.to_thread(discard_done, folder)
            await asyncio.to_thread(remove_begun, self._left(job))

    async def log(
        self, job: Job, attempt: int, *, follow: bool
    ) -> AsyncIterator[bytes]:
        """Yield what an attempt has written to its standard output and error.

        While nothing comes it yields empty pieces.

        Parameters
        ----------
        attempt
            Its number; the newest if 0.
        follow
            Whether to go on until the attempt is over.
        """
        number = attempt or job.attempt
        path = self._folder / "jobs" / job.id / str(number) / LOG_NAME
        place = 0
        while True:
            # Looked at first: what was written before the end is read after it.
            current = await self._store.view(lambda tx: tx.jobs.get(job.id))
            over = current is None or not (
                current.attempt == number and current.phase.occupied
            )
            while chunk := await asyncio.to_thread(_read, path, place):
                place += len(chunk)
                yield chunk
            if over or not follow:
                return
            yield b""  # nothing yet: whoever listens may look whether it still does
            await asyncio.sleep(_LOOK)

    def _new(self, job: str, name: str) -> Path:
        # Names come from clients: nothing of them may lead out of the folder.
        safe = _UNSAFE.sub("_", name)[:_LONGEST_NAME]
        folder = self._folder / "jobs" / job / "uploads"
        return folder / f"{safe}.{uuid.uuid4().hex[:8]}"

    def _present(self, path: str, mime_type: str) -> File:
        full = (self._folder / path).resolve()
        if not full.is_relative_to(self._folder.resolve()) or not full.is_file():
            raise NotFound("file", Path(path).name, "it is gone")
        return File(path=full, mime_type=mime_type)

    async def _referred(self, path: str, principal: Principal) -> File:
        match path.strip("/").split("/"):
            case ["uws", _, "jobs" | "async", job, "results", name]:
                pass
            case ["api", "v1", "jobs", job, "results", name]:
                pass
            case ["api", "v1", "products", job, "file"]:
                name = ""
            case _:
                mend = "send the file itself, or the address of a result here"
                raise InputError("UPLOAD", f"{path!r:.80} is not read", mend)
        if not name:
            product = await self._store.view(lambda tx: _shown(tx, job, principal))
            return self._present(product.file, product.mime_type)
        found = await self._store.view(lambda tx: _visible(tx, job, principal))
        return await self.result(found, name)


def _visible(tx: Transaction, job: str, principal: Principal) -> Job:
    return visible_job(tx, job, principal)


def _shown(tx: Transaction, product: str, principal: Principal) -> Product:
    found = tx.products.get(product)
    if found is None or not may_see_product(tx, principal, found):
        raise NotFound("product", product)
    if found.removed is not None:
        raise NotFound("product", product, "it was taken away")
    return found


def _parts(product: Product) -> tuple[JobResult, JobResult]:
    return (
        JobResult(
            id=PRODUCT_RESULT,
            path=product.file,
            size=product.size,
            mime_type=product.mime_type,
            sha256=product.sha256,
        ),
        JobResult(
            id=MANIFEST_RESULT,
            path=product.manifest,
            size=-1,
            mime_type="application/json",
        ),
    )


def _write(target: Path, body: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with target.open("xb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())
    _sync_folder(target.parent)


def _copy(source: Path, target: Path) -> tuple[int, str]:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            size += writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    _sync_folder(target.parent)
    return size, digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    for one in (folder, folder.parent, folder.parent.parent):
        descriptor = os.open(one, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(path: Path, place: int) -> bytes:
    try:
        with path.open("rb") as stream:
            stream.seek(place)
            return stream.read(_CHUNK)
    except FileNotFoundError:
        return b""
