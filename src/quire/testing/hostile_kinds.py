"""Kinds of job that behave and misbehave, for the tests of engines.

Where a parameter `NOTES` is given, it names a folder in which the work notes the ids
of its processes, one file each.
"""

import ctypes
import hashlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from quire.jobs.job import (
    Alert,
    Blocked,
    Completed,
    Failed,
    JobError,
    JobResult,
    Outcome,
    Severity,
    StagedProduct,
)
from quire.jobs.parameters import Parameter
from quire.ports.kind import JobContext, Kind, Plan

# See prctl(2).
_SET_PDEATHSIG = 1

Work = Callable[[JobContext], Outcome]


class HostileKind:
    """A kind whose work is a function; it takes any parameters."""

    description = "For tests."
    parameters: tuple[Parameter, ...] = ()

    def __init__(self, name: str, work: Work) -> None:
        self.name = name
        self._work = work

    def plan(self, parameters: Mapping[str, Any]) -> Plan:
        """Take the parameters as they are."""
        return Plan(parameters=dict(parameters))

    def work(self, context: JobContext) -> Outcome:
        """Do as the function does."""
        return self._work(context)


def hostile() -> dict[str, Kind]:
    """Return all of them by name."""
    works: tuple[Work, ...] = (
        behave,
        idle,
        sleep,
        double_fork,
        shake_off,
        bulky,
        leave_behind,
        come_back_twice,
        ignore_signals,
        compute_in_c,
        exit_at_once,
        exit_politely,
        die,
        freeze,
        hog,
        hog_together,
        swarm,
        burn_together,
        use_up,
        stumble,
        fail_for_now,
        fill_the_disk,
        block,
        stage,
        babble,
    )
    return {work.__name__: HostileKind(work.__name__, work) for work in works}


def behave(context: JobContext) -> Outcome:
    """Say something, deliver a file and end well."""
    _note(context, "worker")
    print("said by the work", flush=True)  # noqa: T201  # to be found in the log
    context.tell("Half way", 50)
    path = context.folder / "result.txt"
    path.write_text("42")
    relative = path.relative_to(context.assignment.data_folder)
    result = JobResult(id="result", path=str(relative), size=2, mime_type="text/plain")
    context.deliver(result)
    return Completed(message="Behaved")


def idle(_: JobContext) -> Outcome:
    """Do nothing."""
    return Completed()


def sleep(context: JobContext) -> Outcome:
    """Sleep until it should stop."""
    _note(context, "worker")
    (context.folder / "half.part").write_text("half")
    while not context.cancelled():
        time.sleep(0.01)
    return Completed(message="Stopped")


def double_fork(context: JobContext) -> Outcome:
    """Leave a daemon in a session of its own that hears no signal, then sleep."""
    _daemonise(context)
    return sleep(context)


def shake_off(context: JobContext) -> Outcome:
    """Leave a daemon, then outlive the parent's death and any polite signal."""
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, 0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    _daemonise(context)
    while True:
        time.sleep(60)


def bulky(context: JobContext) -> Outcome:
    """Leave a file of `MEGABYTES`, each other than the one before."""
    count = context.assignment.parameters["MEGABYTES"]
    path = context.folder / "bulky.bin"
    path.write_bytes(b"".join(bytes([number]) * 2**20 for number in range(count)))
    result = JobResult(
        id="bulky",
        path=str(path.relative_to(context.assignment.data_folder)),
        size=path.stat().st_size,
        mime_type="application/octet-stream",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    return Completed(results=(result,))


def leave_behind(context: JobContext) -> Outcome:
    """Leave such a daemon, and end well."""
    _daemonise(context)
    return Completed(message="Left one behind")


def come_back_twice(context: JobContext) -> Outcome:
    """Fork, and return from both processes."""
    if os.fork() == 0:
        _note(context, "fork")
        return Completed(message="By the fork")
    _note(context, "worker")
    time.sleep(0.05)
    return Completed(message="By the worker")


def ignore_signals(context: JobContext) -> Outcome:
    """Hear no SIGTERM, and sleep for ever."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _note(context, "worker")
    while True:
        time.sleep(60)


def compute_in_c(context: JobContext) -> Outcome:
    """Spend hours inside one call of C, which no signal interrupts."""
    _note(context, "worker")
    hashlib.pbkdf2_hmac("sha512", b"a", b"b", 2**31 - 1)
    return Completed()


def exit_at_once(context: JobContext) -> Outcome:
    """End the process without a word."""
    _note(context, "worker")
    os._exit(3)


def exit_politely(_: JobContext) -> Outcome:
    """End as a script would."""
    raise SystemExit(3)


def die(context: JobContext) -> Outcome:
    """Be killed, in every attempt up to the number `TIMES`."""
    if context.assignment.attempt <= context.assignment.parameters.get("TIMES", 99):
        (context.folder / "half.part").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
    return Completed(message=f"Attempt {context.assignment.attempt} lived")


def freeze(context: JobContext) -> Outcome:
    """Stop in the first attempt, as if suspended by a debugger."""
    if context.assignment.attempt == 1:
        _note(context, "worker")
        os.kill(os.getpid(), signal.SIGSTOP)
    return Completed(message="Thawed")


def hog(_: JobContext) -> Outcome:
    """Take memory until there is none."""
    taken = []
    while True:
        taken.append(bytearray(2**26))


def hog_together(context: JobContext) -> Outcome:
    """Have children take memory, each of them little."""
    _note(context, "worker")

    def take() -> None:
        taken = bytearray(b"x" * 2**27)
        while taken:
            time.sleep(60)

    return _with_children(5, take)


def swarm(context: JobContext) -> Outcome:
    """Have children that do nothing, one after the other."""
    _note(context, "worker")
    return _with_children(64, lambda: time.sleep(60))


def burn_together(context: JobContext) -> Outcome:
    """Have children compute, each in a session of its own."""
    _note(context, "worker")

    def burn() -> None:
        os.setsid()
        while True:
            hashlib.sha256(b"x" * 2**16).digest()

    return _with_children(2, burn)


def use_up(context: JobContext) -> Outcome:
    """Be told by the kernel that the CPU time is used up."""
    _note(context, "worker")
    os.kill(os.getpid(), signal.SIGXCPU)
    return Completed()


def stumble(_: JobContext) -> Outcome:
    """Raise what nobody expects."""
    raise ValueError("a flaw in the work")


def fail_for_now(context: JobContext) -> Outcome:
    """Fail with a transient error in every attempt up to the number `TIMES`."""
    if context.assignment.attempt > context.assignment.parameters["TIMES"]:
        return Completed(message="At last")
    error = JobError(type="transient", code="busy", message="the disk is busy")
    return Failed(error=error)


def fill_the_disk(_: JobContext) -> Outcome:
    """Write where there is no space."""
    with Path("/dev/full").open("wb") as full:
        full.write(b"1")
    return Completed()


def block(context: JobContext) -> Outcome:
    """Wait for a person, in the first attempt."""
    if context.assignment.attempt > 1:
        return Completed(message="Unblocked")
    alert = Alert(id="a", severity=Severity.ERROR, description="no such file: x.fits")
    return Blocked(alerts=(alert,))


def stage(context: JobContext) -> Outcome:
    """Make a product."""
    data_folder = Path(context.assignment.data_folder)
    part, manifest = context.folder / "a.part", context.folder / "a.json"
    part.write_bytes(b"product")
    manifest.write_text("{}")
    return Completed(
        product=StagedProduct(
            file_name="a.fits",
            manifest_name="a.json",
            part=str(part.relative_to(data_folder)),
            manifest=str(manifest.relative_to(data_folder)),
            size=7,
            sha256=hashlib.sha256(b"product").hexdigest(),
            mime_type="application/fits",
        )
    )


def babble(context: JobContext) -> Outcome:
    """Write noise into everything that is open, sockets to the server included."""
    _note(context, "worker")
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\xff" * 64)
        except OSError:
            continue
    return sleep(context)


def _with_children(count: int, work: Callable[[], None]) -> Outcome:
    for _ in range(count):
        if os.fork() == 0:
            work()
            os._exit(0)
    os.wait()
    return Completed(message="Nobody minded")


def _daemonise(context: JobContext) -> None:
    _note(context, "worker")
    ready, told = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            _note(context, "daemon")
            os.write(told, b"!")
            while True:
                time.sleep(60)
        os._exit(0)
    os.wait()
    os.read(ready, 1)


def _note(context: JobContext, name: str) -> None:
    notes = context.assignment.parameters.get("NOTES")
    if notes:
        draft = Path(notes) / f".{name}.{os.getpid()}"
        draft.write_text(f"{os.getpid()} {os.getppid()}")
        draft.rename(Path(notes) / f"{name}.{context.assignment.attempt}")
