"""A line that breaks passes what it passes unharmed, and breaks as it was told."""

import socket
import threading
from collections.abc import Iterator

import pytest

from quire.testing.faults.line import BreakingLine, Wear
from quire.testing.waiting import PATIENCE

SOLID = Wear(pieces=10**9, late=0.0)


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """Give a place that says again what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_echo, args=(one,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def _echo(one: socket.socket) -> None:
    with one:
        try:
            while heard := one.recv(65536):
                one.sendall(heard)
        except OSError:
            return


def say(line: BreakingLine, words: bytes, *, times: int = 1) -> int:
    """Return how often the same came back before the line broke."""
    passed = 0
    try:
        with socket.create_connection(("127.0.0.1", line.port), PATIENCE) as one:
            while passed < times and _said_again(one, words):
                passed += 1
    except ConnectionError:
        pass
    return passed


def _said_again(one: socket.socket, words: bytes) -> bool:
    one.sendall(words)
    heard = b""
    while len(heard) < len(words):
        piece = one.recv(65536)
        if not piece:
            return False
        heard += piece
    assert heard == words
    return True


def test_a_sound_line_passes_everything(echo: tuple[str, int]) -> None:
    with BreakingLine(lambda: echo, seed=1, wear=SOLID) as line:
        assert say(line, bytes(range(256)) * 1000, times=5) == 5
        assert not line.broken


def test_late_pieces_come_all_the_same(echo: tuple[str, int]) -> None:
    wear = Wear(pieces=10**9, late=1.0, delay=0.01)
    with BreakingLine(lambda: echo, seed=1, wear=wear) as line:
        assert say(line, b"late", times=10) == 10


@pytest.mark.parametrize(("silent", "how"), [(0.0, "reset"), (1.0, "silent")])
def test_every_connection_breaks_in_the_end(
    silent: float, how: str, echo: tuple[str, int]
) -> None:
    wear = Wear(pieces=5, silent=silent, silence=0.01, late=0.0)
    with BreakingLine(lambda: echo, seed=1, wear=wear) as line:
        passed = [say(line, b"once more", times=1000) for _ in range(20)]
        assert max(passed) < 1000
        assert len(set(passed)) > 1
        assert {word.split()[0] for word in line.broken} == {how}
        assert {word.split()[1] for word in line.broken} == {"asked", "answered"}


def test_the_same_seed_breaks_at_the_same_pieces(echo: tuple[str, int]) -> None:
    wear = Wear(pieces=5, silent=0.0, late=0.0)
    passed = []
    for _ in range(2):
        with BreakingLine(lambda: echo, seed=7, wear=wear) as line:
            passed.append([say(line, b"same", times=1000) for _ in range(10)])
    assert passed[0] == passed[1]


def test_nothing_passes_a_line_that_is_cut(echo: tuple[str, int]) -> None:
    wear = Wear(pieces=10**9, silence=0.05, late=0.0)
    with BreakingLine(lambda: echo, seed=1, wear=wear) as line:
        assert say(line, b"before") == 1
        line.cut()
        assert say(line, b"during") == 0
        line.mend()
        assert say(line, b"behind") == 1
        assert line.broken["cut"]


def test_nowhere_is_an_end() -> None:
    def nowhere() -> tuple[str, int]:
        raise OSError("nobody is there")

    with BreakingLine(nowhere, seed=1) as line:
        assert say(line, b"hello") == 0
