"""A child that writes documents and then does what its first argument says.

kill     writes COUNT documents, says so, and is killed
hang     writes COUNT documents, says so, and waits for its end
full     writes COUNT documents while no file may grow beyond 64 KiB
exit     writes COUNT documents and simply ends
fork     writes half of them in a forked child
"""

import os
import resource
import signal
import sys

import quire


def document(number: int, uid: str) -> dict[str, object]:
    return {"uid": f"{uid}-{number}", "seq_num": number, "pad": "x" * 500}


def main(what: str, spool: str, count: int, uid: str) -> None:
    if what == "full":
        limit = 64 * 1024
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    writer = quire.writer(spool=spool)
    for number in range(count):
        if what == "fork" and number == count // 2 and os.fork():
            _pid, status = os.wait()
            writer.flush(10.0)
            sys.exit(os.waitstatus_to_exitcode(status))
        writer("event", document(number, uid))
    print("written", flush=True)  # noqa: T201
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "hang":
        signal.pause()
    if what in ("full", "fork"):
        writer.flush(10.0)
        print(writer.status, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
