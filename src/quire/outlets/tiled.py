"""To a tiled server, through its own writer (`bluesky_tiled_plugins.TiledWriter`).

That writer keeps a run in memory until its stop and cannot take one up again, so a
run is written as a whole, and written anew after a failure or a late document. It
blocks, so it runs in a child process, which is killed where it hangs.
"""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec

from quire.ports.document_records import StoredDocument
from quire.ports.outlet import OutletUnavailable, RunRejected

_CHILD = (sys.executable, "-m", "quire.outlets.tiled_child")
_FEW_RETRIES = {"TILED_RETRY_ATTEMPTS": "2", "TILED_RETRY_TIMEOUT": "10"}
_CLOSE_SECONDS = 2.0


class _Answer(msgspec.Struct):
    error: str = ""
    kind: str = ""


class TiledOutlet:
    """`quire.ports.outlet.RunOutlet` to a tiled server.

    Parameters
    ----------
    uri
        Of the container that is to hold the runs.
    api_key
        Gives what admits to create, write and delete there, empty for none; asked
        again after each failure.
    settle
        Seconds after its last document in which a run without a stop is left alone.
    timeout
        Seconds in which the writer must take the next page or finish.
    """

    def __init__(
        self,
        uri: str,
        api_key: Callable[[], str] = str,
        *,
        settle: float = 60.0,
        timeout: float = 300.0,
    ) -> None:
        self.target = uri.partition("?")[0]
        self.settle = settle
        self._uri = uri
        self._api_key = api_key
        self._timeout = timeout
        self._child: Process | None = None

    async def send_run(
        self,
        run: str,
        pages: AsyncIterator[Sequence[StoredDocument]],
        *,
        closed: bool,
        begun: bool,
        claim: Callable[[], Awaitable[None]],
    ) -> None:
        """Write a run anew.

        Raises
        ------
        OutletUnavailable
            The server cannot be reached, or the writer does not start.
        RunRejected
            The writer fails, dies or hangs on this run, or others wrote it.
        """
        try:
            await self._prepare(run, closed=closed, begun=begun)
            if not begun:
                await claim()
            await self._write(run, pages)
        except RunRejected:
            raise
        except BaseException:
            # In the midst of a run: nobody could go on with this child.
            await self._kill()
            raise

    async def aclose(self) -> None:
        """End the child."""
        child = self._child
        try:
            if child is not None and child.stdin is not None:
                child.stdin.close()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await child.wait()
        finally:
            await self._kill()

    async def _prepare(self, run: str, *, closed: bool, begun: bool) -> None:
        request = {"run": run, "begun": begun, "live": not closed}
        try:
            await self._say(msgspec.json.encode(request) + b"\n")
            await self._answer(run)
        except (OSError, EOFError) as problem:
            raise OutletUnavailable(f"{self.target}: {_words(problem)}") from problem

    async def _write(
        self, run: str, pages: AsyncIterator[Sequence[StoredDocument]]
    ) -> None:
        try:
            async for page in pages:
                await self._say(b"".join(map(encode, page)))
            await self._say(b"null\n")
            await self._answer(run)
        except (OSError, EOFError) as problem:
            # The server was there a moment ago: it is this run that did it.
            await self._kill()
            raise RunRejected(run, 0, _words(problem)) from problem

    async def _say(self, lines: bytes) -> None:
        child = await self._running()
        assert child.stdin is not None  # noqa: S101 - it was asked for
        async with asyncio.timeout(self._timeout):
            child.stdin.write(lines)
            await child.stdin.drain()

    async def _answer(self, run: str) -> None:
        child = await self._running()
        assert child.stdout is not None  # noqa: S101 - it was asked for
        async with asyncio.timeout(self._timeout):
            line = await child.stdout.readline()
        if not line:
            raise EOFError("it said nothing")
        said = msgspec.json.decode(line, type=_Answer)
        if said.kind == "unavailable":
            raise OutletUnavailable(f"{self.target}: {said.error}")
        if said.error:
            raise RunRejected(run, 0, said.error, foreign=said.kind == "foreign")

    async def _running(self) -> Process:
        if self._child is None:
            self._child = await asyncio.create_subprocess_exec(
                *_CHILD,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={**os.environ, **_FEW_RETRIES},
            )
            first = {"uri": self._uri, "api_key": self._api_key()}
            await self._say(msgspec.json.encode(first) + b"\n")
        return self._child

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            ended = asyncio.ensure_future(child.wait())
            try:
                await asyncio.shield(ended)
            except asyncio.CancelledError:
                await ended  # a child that was killed is gone in an instant
                raise


def encode(document: StoredDocument) -> bytes:
    """Return a document as a line for the child."""
    raw = document.raw.replace(b"\n", b" ")
    name = document.name.value.encode()
    return b'["%b",%b,%b]\n' % (name, raw, msgspec.json.encode(document.repeated))


def _words(problem: Exception) -> str:
    if isinstance(problem, TimeoutError):
        return "the writer hung"
    return f"the writer ended: {str(problem) or type(problem).__name__}"
