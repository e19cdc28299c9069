"""Real FITS files and a real server to merge them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from astropy.io import fits
from httpx_sse import EventSource
from tests.writers.fits.judging import judged_products, unjudged

from quire.testing.waiting import until

__all__ = ("judged_products", "unjudged")

Ask = Callable[..., httpx.Response]


def camera(path: Path, name: str, *, pixels: bool = False) -> Path:
    primary = fits.PrimaryHDU(np.ones((4, 4), "int16") if pixels else None)
    primary.header["INSTRUME"] = name
    primary.header["HIERARCH ESO INS TEMP1 VAL"] = 283.15
    image = fits.ImageHDU(np.arange(600, dtype="int16").reshape(20, 30), name=name)
    fits.HDUList([primary, image]).writeto(path, checksum=True)
    return path


def specification(name: str, *files: Path, **more: Any) -> dict[str, Any]:
    sources = [
        {"type": "fitsFile", "sourceName": f"cam{n}", "location": str(path)}
        for n, path in enumerate(files)
    ]
    return {"id": name, "sources": sources, "target": {"fileId": name}, **more}


@pytest.fixture
def ask(http: httpx.Client) -> Ask:
    """Do a command with ESO's parameters."""

    def ask(command: str, /, **arguments: Any) -> httpx.Response:
        return http.post(command, json=arguments)

    return ask


def settled(ask: Ask, name: str) -> dict[str, Any]:
    """Return an acquisition once it is over or blocked."""

    def found() -> dict[str, Any] | None:
        status: dict[str, Any] = ask("/daq/GetArchivedDaqStatus", id=name).json()
        over = status["subState"] in {"Completed", "Aborted"}
        return status if over or status["error"] else None

    return until(found)


@contextmanager
def listening(
    http: httpx.Client, path: str, **headers: str
) -> Iterator[Iterator[tuple[str, str, dict[str, Any]]]]:
    """Yield the events of a topic: id, name and data."""
    with http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = EventSource(answer).iter_sse()
        yield ((one.id, one.event, json.loads(one.data)) for one in events if one.data)
