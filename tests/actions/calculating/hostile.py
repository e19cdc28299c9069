"""A program that confines itself as a calculating child does, and then misbehaves."""

import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from quire.actions.calculating.confine import confine
from quire.actions.calculating.frames import send


def connect(_: str) -> None:
    socket.create_connection(("127.0.0.1", 9))


def listen(_: str) -> None:
    socket.socket(socket.AF_UNIX)


def fork(_: str) -> None:
    os._exit(0) if os.fork() == 0 else None


def execute(_: str) -> None:
    os.execv("/bin/true", ["true"])  # noqa: S606


def thread(_: str) -> None:
    threading.Thread(target=print).start()


def kill(pid: str) -> None:
    os.kill(int(pid), 0)


def chmod(_: str) -> None:
    Path.cwd().chmod(0o777)


def write(path: str) -> None:
    Path(path).write_text("lost")


def truncate(path: str) -> None:
    os.truncate(path, 0)


def append(path: str) -> None:
    os.open(path, os.O_RDONLY | os.O_APPEND | os.O_RDWR)


def unlink(path: str) -> None:
    Path(path).unlink()


def rename(path: str) -> None:
    Path(path).rename(f"{path}.other")


def create(path: str) -> None:
    os.open(f"{path}.new", os.O_RDONLY | os.O_CREAT)


def memory(_: str) -> None:
    bytearray(2 * 1024**3)


ACTS: dict[str, Callable[[str], None]] = {
    act.__name__: act
    for act in (
        connect, listen, fork, execute, thread, kill, chmod, write, truncate, append,
        unlink, rename, create, memory,
    )
}  # fmt: skip


def main() -> None:
    number, action, argument = sys.argv[1:]
    connection = socket.socket(fileno=int(number))
    # What is loaded late cannot be, once files are out of reach.
    "".encode("idna")
    here, there = socket.socketpair()
    send(here, {"outcome": ""})
    del there
    act = ACTS[action]
    confine(seconds=10, memory_bytes=256 * 1024**2, keep=connection.fileno())
    try:
        act(argument)
        outcome = "it was done"
    except BaseException as problem:  # noqa: BLE001
        outcome = f"{type(problem).__name__}: {problem}"
    send(connection, {"outcome": outcome})


main()
