"""`quire.products.projection.calculating.Calculator` in confined children."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from quire.actions.calculating.cgroup import remove_group
from quire.actions.calculating.frames import Broken, receive, send
from quire.products.projection.builtin import built_in
from quire.products.projection.calculating import CalculationFailed
from quire.products.projection.functions import BoundCall, Function

_START_SECONDS = 60.0
_END_SECONDS = 1.0
_KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG")
# More threads would forbid new namespaces, and are of no use to one block.
_ALONE = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
_ENOUGH = frozenset({"namespaces", "seccomp"})
_OURS = "built-in"
_OURS_SECONDS = 3600.0
_OURS_BYTES = 256 * 1024**2


class ConfinedCalculator:
    """Calls functions in children: one for the built-in ones, one for each other.

    Parameters
    ----------
    places
        Where functions come from beside installed packages; see `every_function`.
    trusting
        Whether to call functions also where nothing can hold a child.
    """

    def __init__(
        self,
        registry: Mapping[str, Function],
        *,
        places: Sequence[str] = (),
        trusting: bool = False,
    ) -> None:
        self._registry = registry
        self._places = tuple(places)
        self._ours = frozenset(built_in())
        self._trusting = trusting
        self._children: dict[str, _Child] = {}
        self._by_key: dict[str, tuple[_Child, Function]] = {}

    def begin(self, key: str, call: BoundCall) -> None:
        """Make ready for an entry."""
        function = self._registry[call.function]
        name = _OURS if call.function in self._ours else f"{call.function} {key}"
        if name not in self._children:
            ours = name == _OURS
            child = _Child(
                seconds=_OURS_SECONDS if ours else function.seconds,
                memory_bytes=_OURS_BYTES if ours else function.memory_bytes,
                places=() if ours else self._places,
            )
            self._children[name] = child
            if not self._trusting and _ENOUGH.isdisjoint(child.held):
                reason = (
                    "nothing here can confine a function: calculated entries are off"
                )
                raise CalculationFailed("calculation_off", reason)
        child = self._children[name]
        self._by_key[key] = child, function
        told = {
            "act": "begin",
            "key": key,
            "call": msgspec.to_builtins(call, str_keys=True),
        }
        child.ask(function, told)

    def feed(self, key: str, operands: Sequence[Any]) -> Any:
        """Return the rows that a block gives; None where they come at the end."""
        child, function = self._by_key[key]
        return child.ask(function, {"act": "feed", "key": key}, operands)

    def end(self, key: str) -> Any:
        """Return what is left to say: a value, or rows, or None."""
        child, function = self._by_key[key]
        return child.ask(function, {"act": "end", "key": key})

    def close(self) -> None:
        """End the children."""
        for child in self._children.values():
            child.end()
        self._children.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def confinement() -> tuple[str, ...]:
    """Return what can hold a calculating process on this machine.

    Of ``uid``, ``namespaces``, ``seccomp`` and ``pids``; without the second or the third
    calculated entries are off.

    Raises
    ------
    CalculationFailed
        No such process starts.
    """
    child = _Child(seconds=1.0, memory_bytes=_OURS_BYTES)
    child.kill()
    return child.held


class _Child:
    """One calculating process.

    Attributes
    ----------
    held
        What confines it.
    """

    def __init__(
        self, *, seconds: float, memory_bytes: int, places: Sequence[str] = ()
    ) -> None:
        self._left = seconds
        self._socket, theirs = socket.socketpair()
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "quire.actions.calculating.child",
                    "--socket",
                    str(theirs.fileno()),
                    "--seconds",
                    str(seconds),
                    "--memory",
                    str(memory_bytes),
                    *(f"--function={place}" for place in places),
                ],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**kept, **_ALONE},
                cwd="/",
            )
        self._group: Path | None = None
        self._socket.settimeout(_START_SECONDS)
        try:
            told, _ = receive(self._socket)
            self.held: tuple[str, ...] = tuple(told["held"])
            self._group = Path(told["group"]) if told["group"] else None
        except (Broken, OSError, KeyError) as problem:
            self.kill()
            reason = f"the calculating process did not start: {problem}"
            raise CalculationFailed("callable_failed", reason) from None

    def ask(
        self, function: Function, told: dict[str, Any], arrays: Sequence[Any] = ()
    ) -> Any:
        """Return the array that an answer holds, None if it holds none."""
        if self._left <= 0 or self._process.poll() is not None:
            raise CalculationFailed("limit_exceeded", f"{function.name} was ended")
        began = time.monotonic()
        self._socket.settimeout(self._left)
        try:
            send(self._socket, told, arrays)
            answer, found = receive(self._socket)
        except TimeoutError:
            self.kill()
            reason = f"{function.name} took longer than {function.seconds:g} s"
            raise CalculationFailed("limit_exceeded", reason) from None
        except (Broken, OSError):
            self.kill()
            reason = f"{function.name} ended its process, or was ended at its limits"
            raise CalculationFailed("limit_exceeded", reason) from None
        finally:
            self._left -= time.monotonic() - began
        if "code" in answer:
            raise CalculationFailed(
                str(answer["code"]), str(answer.get("reason", ""))[:500]
            )
        return found[0] if found else None

    def end(self) -> None:
        """Have it end by itself, as it does when nobody speaks to it any more."""
        with contextlib.suppress(OSError):
            self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it, at once."""
        with contextlib.suppress(OSError):
            self._socket.close()
        self._process.kill()
        self._process.wait()
        self._left = 0.0
        if self._group is not None:
            remove_group(self._group)
            self._group = None
