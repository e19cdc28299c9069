"""A real server that can be asked to tell of an operation so many times a second.

``python -m quire.testing.telling_server serve DIR``; then
``POST /tell?operation=ID&rate=1000&seconds=3``. Each event is a decision of its own,
durable before it is heard of. It answers once all are told.
"""

import asyncio
import sys
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from quire.actions.progress_log import tell
from quire.app.server import Server
from quire.app.serving import serve
from quire.clock import SystemClock
from quire.config import Settings
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction
from quire.progress.event import info

_TICK = 0.01


class TellingServer(Server):
    """Answers `/tell` beside everything else, and anyone."""

    def __init__(self, settings: Settings, store: Store, doorbell: Doorbell) -> None:
        super().__init__(settings, store, doorbell)
        self.app = _Telling(self.app, store)


class _Telling:
    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/tell":
            await self._app(scope, receive, send)
            return
        asked = Request(scope).query_params
        rate, seconds = float(asked["rate"]), float(asked["seconds"])
        told = await self._tell(asked["operation"], rate, seconds)
        await JSONResponse({"told": told})(scope, receive, send)

    async def _tell(self, operation: str, rate: float, seconds: float) -> int:
        clock, loop = SystemClock(), asyncio.get_running_loop()
        begun, told = loop.time(), 0
        waiting: set[asyncio.Task[None]] = set()

        def decision(tx: Transaction) -> None:
            message = "Acquiring and merging the frames of the detector"
            tell(tx, operation, info(message, 50), now=clock.now())

        while (elapsed := loop.time() - begun) < seconds:
            due = int(elapsed * rate)
            for _ in range(due - told):
                waiting.add(asyncio.create_task(self._store.decide(decision)))
            told = max(told, due)
            await asyncio.sleep(_TICK)
            waiting = {task for task in waiting if not task.done()}
        await asyncio.gather(*waiting)
        return told


def main() -> None:
    """Serve; as `quire serve DIR --port PORT`."""
    _, folder, *rest = sys.argv[1:]
    port = int(rest[1]) if rest[:1] == ["--port"] else 0
    serve(Settings.load(data_folder=Path(folder), port=port), assemble=TellingServer)


if __name__ == "__main__":
    main()
