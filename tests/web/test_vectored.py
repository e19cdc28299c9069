"""Answers of many pieces, over a real server and without one."""

import gc
import http.client
import threading
import weakref
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.web.serving import serving

from quire.testing.waiting import PATIENCE, until
from quire.web.connections import Bounds
from quire.web.vectored import Pieces, VectoredBody

MEDIA = "application/octet-stream"
MEGABYTE = 2**20


class Answers:
    """Answers with the parts that were put here.

    Attributes
    ----------
    ended
        Set once an answer's parts are given up.
    arrays
        Those that endless answers are made of.
    """

    def __init__(self) -> None:
        self.parts: Sequence[Pieces] = ()
        self.ended = threading.Event()
        self.arrays: list[weakref.ref[Any]] = []
        self.routes = [
            Route("/parts", self.some),
            Route("/measured", self.measured),
            Route("/endless/{length}", self.endless),
        ]

    async def some(self, _: Request) -> Response:
        return VectoredBody(self._parts(), media_type=MEDIA)

    async def measured(self, _: Request) -> Response:
        length = sum(len(one) for each in self.parts for one in each)
        headers = {"x-more": "1"}
        return VectoredBody(
            self._parts(), media_type=MEDIA, length=length, headers=headers
        )

    async def _parts(self) -> AsyncGenerator[Pieces, None]:
        for each in self.parts:
            yield each

    async def endless(self, request: Request) -> Response:
        length = int(request.path_params["length"]) or None
        return VectoredBody(self._endless(), media_type=MEDIA, length=length)

    async def _endless(self) -> AsyncGenerator[Pieces, None]:
        try:
            while True:
                array = np.ones(MEGABYTE, np.uint8)
                self.arrays.append(weakref.ref(array))
                yield [array.data]
                del array
        finally:
            self.ended.set()


@pytest.fixture(scope="module")
def answers() -> Answers:
    return Answers()


@pytest.fixture(scope="module")
def port(answers: Answers) -> Iterator[int]:
    with serving(Bounds(), routes=answers.routes) as port:
        yield port


@contextmanager
def asked(
    port: int, path: str, method: str = "GET"
) -> Iterator[tuple[http.client.HTTPConnection, http.client.HTTPResponse]]:
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        wire.request(method, path)
        yield wire, wire.getresponse()
    finally:
        wire.close()


PIECES = st.binary(max_size=20) | st.integers(0, 300_000).map(bytes)
PARTS = st.lists(st.lists(PIECES, max_size=4), max_size=4)


@settings(deadline=None, max_examples=50)
@given(PARTS)
def test_all_pieces_come_in_their_order(
    answers: Answers, port: int, parts: list[list[bytes]]
) -> None:
    answers.parts = [[memoryview(one) for one in each] for each in parts]
    with asked(port, "/parts") as (wire, answer):
        assert answer.headers["content-type"] == MEDIA
        assert answer.read() == b"".join(b"".join(each) for each in parts)
        wire.request("GET", "/take")  # on the same connection
        assert wire.getresponse().read() == b'{"size":0}'


def test_a_length_is_told_where_it_is_known(answers: Answers, port: int) -> None:
    answers.parts = [[memoryview(b"ab"), memoryview(b"c")], [], [memoryview(b"d")]]
    with asked(port, "/measured") as (_, answer):
        assert answer.headers["content-length"] == "4"
        assert answer.headers["x-more"] == "1"
        assert answer.read() == b"abcd"
    with asked(port, "/measured", "HEAD") as (_, answer):
        assert answer.headers["content-length"] == "4"
        assert answer.read() == b""


def test_large_pieces_wait_until_the_client_takes_them(
    answers: Answers, port: int
) -> None:
    arrays = np.random.default_rng(1).integers(0, 256, (12, 5 * MEGABYTE), np.uint8)
    answers.parts = [[row.data for row in arrays[at : at + 3]] for at in (0, 3, 6, 9)]
    with asked(port, "/parts") as (_, answer):
        assert answer.read() == arrays.tobytes()


def test_head_has_no_body(answers: Answers, port: int) -> None:
    answers.parts = [[memoryview(b"abc")]]
    with asked(port, "/parts", "HEAD") as (_, answer):
        assert (answer.status, answer.read()) == (200, b"")


async def test_a_server_of_another_kind_gets_them_joined(answers: Answers) -> None:
    answers.parts = [[memoryview(b"ab"), memoryview(b"c")], [], [memoryview(b"d")]]
    wire = httpx.ASGITransport(Starlette(routes=answers.routes))
    async with httpx.AsyncClient(transport=wire, base_url="http://x") as client:
        assert (await client.get("/parts")).content == b"abcd"


@pytest.mark.parametrize("length", [0, 2**40])
def test_nothing_is_held_for_a_client_that_has_gone(
    answers: Answers, port: int, length: int
) -> None:
    """Not even until Python looks for cycles, as in an exception's traceback."""
    answers.ended.clear()
    gc.collect()
    gc.disable()
    try:
        with asked(port, f"/endless/{length}") as (_, answer):
            answer.read(3 * MEGABYTE)
        assert answers.ended.wait(PATIENCE)
        until(lambda: all(one() is None for one in answers.arrays))
    finally:
        gc.enable()
