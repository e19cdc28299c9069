"""uvicorn with sse-starlette; run by the Python of an environment that has them.

Usage: python sse_peer.py

It prints its port. ``GET`` of any path listens: each listener has a queue of its own,
as such applications have. ``POST /tell?rate=1000&seconds=3`` puts so many events a
second into all queues, and answers with when each was told (Unix seconds).
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

_TICK = 0.01
_MESSAGE = "Acquiring and merging the frames of the detector"


class Peer:
    """An application as the pages of sse-starlette have it."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[dict[str, str]]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        from sse_starlette import (  # type: ignore[import-not-found]
            EventSourceResponse,
        )
        from starlette.requests import Request
        from starlette.responses import JSONResponse

        asked = Request(scope).query_params
        if scope["path"] == "/tell":
            told = await self._tell(float(asked["rate"]), float(asked["seconds"]))
            await JSONResponse(told)(scope, receive, send)
        else:
            await EventSourceResponse(self._events())(scope, receive, send)

    async def _events(self) -> AsyncIterator[dict[str, str]]:
        queue: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield {"comment": "ok"}
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    async def _tell(self, rate: float, seconds: float) -> list[float]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        told: list[float] = []
        data = json.dumps({"message": _MESSAGE, "progress": 50})
        while (elapsed := loop.time() - begun) < seconds:
            while len(told) < int(elapsed * rate):
                told.append(time.time())
                event = {"id": str(len(told)), "event": "info", "data": data}
                for queue in self._queues:
                    queue.put_nowait(event)
            await asyncio.sleep(_TICK)
        while any(not one.empty() for one in self._queues):  # noqa: ASYNC110 - a bench
            await asyncio.sleep(_TICK)
        return told


def main() -> None:
    """Serve on a free port of the loopback until killed."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(Peer(), lifespan="off", log_config=None, ws="none")
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
