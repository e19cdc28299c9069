"""A child that writes documents and then does what its first argument says.

kill     writes COUNT documents, says so, and is killed
hang     writes COUNT documents, says so, and waits for its end
full     writes COUNT documents while no file may grow beyond 64 KiB
none     writes COUNT documents while no file may grow at all
exit     writes COUNT documents and simply ends
brief    writes COUNT documents while no file may grow beyond 64 KiB, then ends
tight    ends while that is still so
fork     writes half of them in a forked child
orphan   forks a child that lives as long as its input, and is killed itself
idle     forks a child that only asks its inherited writer
modules  says which modules were loaded only when something was sent
"""

import os
import resource
import signal
import sys

import quire
from quire.client.writer import Writer


def document(number: int, uid: str) -> dict[str, object]:
    return {"uid": f"{uid}-{number}", "seq_num": number, "pad": "x" * 500}


def main(what: str, spool: str, count: int, uid: str) -> None:
    if what in {"full", "none", "brief", "tight"}:
        limit = 0 if what == "none" else 64 * 1024
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    writer = quire.writer(spool=spool)
    loaded = set(sys.modules)
    for number in range(count):
        if what == "fork" and number == count // 2 and os.fork():
            _pid, status = os.wait()
            all_sent(writer)
            sys.exit(os.waitstatus_to_exitcode(status))
        writer("event", document(number, uid))
    print("written", flush=True)  # noqa: T201
    finish(what, writer, loaded)


def finish(what: str, writer: Writer, loaded: set[str]) -> None:
    match what:
        case "kill" | "orphan":
            die(what)
        case "brief":
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        case "hang":
            signal.pause()
        case "idle":
            ask_in_child(writer)
        case "full" | "none" | "fork":
            all_sent(writer)
            print(writer.status, flush=True)  # noqa: T201
        case "modules":
            all_sent(writer)
            added = sorted(set(sys.modules) - loaded)
            print("\n".join(added), end="", flush=True)  # noqa: T201


def die(what: str) -> None:
    if what == "kill" or os.fork():
        os.kill(os.getpid(), signal.SIGKILL)
    print("alone", flush=True)  # noqa: T201
    sys.stdin.read()


def all_sent(writer: Writer) -> None:
    """Wait for the server; an exit code of its own tells that it took too long."""
    if not writer.flush(20.0):
        sys.exit(3)


def ask_in_child(writer: Writer) -> None:
    """Fork a child; what waits is the parent's to see to, not the child's."""
    if os.fork():
        _pid, status = os.wait()
        sys.exit(os.waitstatus_to_exitcode(status))
    done = writer.flush(10.0)
    print(done, writer.status.waiting, flush=True)  # noqa: T201
    sys.exit(not done)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
