"""The process that calls functions: ``python -P -m quire.actions.calculating.child``.

It loads what it needs, gives up everything but its one socket, and then reckons.
"""

import argparse
import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from quire.actions.calculating.cgroup import join_group
from quire.actions.calculating.confine import confine
from quire.actions.calculating.frames import Broken, receive, send
from quire.actions.calculating.registry import every_function
from quire.products.projection.calculating import CalculationFailed, DirectCalculator
from quire.products.projection.functions import BoundCall, Function

# This one, and the one that reckons.
_PROCESSES = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer a runner until it hangs up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--memory", type=int, required=True, help="bytes")
    parser.add_argument("--function", action="append", default=[], metavar="PLACE")
    options = parser.parse_args(arguments)
    import numpy as np

    registry = every_function(options.function)
    np.mean(np.ones(1))  # loads what NumPy loads late
    connection = socket.socket(fileno=options.socket)
    group = join_group(_PROCESSES)
    held = confine(
        seconds=options.seconds, memory_bytes=options.memory, keep=options.socket
    )
    told = {"held": [*held, *(["pids"] if group else [])], "group": str(group or "")}
    serve(connection, registry, told)


def serve(
    connection: socket.socket, registry: Mapping[str, Function], first: dict[str, Any]
) -> None:
    """Say first what holds this process, then answer call by call."""
    calculator = DirectCalculator(registry)
    send(connection, first)
    while True:
        try:
            told, arrays = receive(connection)
        except Broken:
            return
        try:
            found = _answer(calculator, told, arrays)
            send(connection, {"ok": True}, [] if found is None else [found])
        except CalculationFailed as problem:
            send(connection, {"code": problem.code, "reason": problem.reason})
        except MemoryError:
            reason = "more memory than it may have"
            send(connection, {"code": "limit_exceeded", "reason": reason})


def _answer(
    calculator: DirectCalculator, told: Mapping[str, Any], arrays: Sequence[Any]
) -> Any:
    match told["act"]:
        case "begin":
            call = msgspec.json.decode(json.dumps(told["call"]), type=BoundCall)
            calculator.begin(told["key"], call)
            return None
        case "feed":
            return calculator.feed(told["key"], arrays)
        case _:
            return calculator.end(told["key"])


if __name__ == "__main__":
    main()
