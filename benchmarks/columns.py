"""Reading a stream as Arrow over HTTP, beside one Parquet file of the same data.

Usage: python benchmarks/columns.py [--rows 1000000] [--keys 20] [--repeat 7]

A real server in its own process takes the event pages, and answers over loopback; the
peer is `pyarrow.parquet.read_table` of a file compressed with zstd. Beside it stands a
file as pyarrow writes it if nothing is said (snappy, larger and faster): no target, but
told. The lesser of the times counts: noise only adds. Our processor time is that of
client and server together. The run is read while it is open, half a minute after the last
event and a first look, and from its file once it has closed; the target is for both.
"""

import argparse
import http.client
import json
import os
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from quire.client.connection import Connection
from quire.client.streams import read_table
from quire.testing.campaigns.server import ServerProcess

_PAGE = 1_000
_PAGES_A_POST = 8
_TARGET = 3.0
_SETTLED = 40.0  # seconds: the server looks for new rows every five


def documents(rows: int, keys: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a run of event pages, its stop last."""
    dice = random.Random(5)  # noqa: S311
    run, descriptor = str(uuid.UUID(int=1, version=4)), str(uuid.UUID(int=2, version=4))
    yield "start", {"uid": run, "time": 1.7e9, "scan_id": 1, "plan_name": "fly"}
    names = [f"key{number}" for number in range(keys)]
    data_key = {"dtype": "number", "shape": [], "source": "benchmark"}
    yield (
        "descriptor",
        {
            "uid": descriptor,
            "run_start": run,
            "time": 1.7e9,
            "name": "primary",
            "data_keys": dict.fromkeys(names, data_key),
        },
    )
    for first in range(1, rows + 1, _PAGE):
        numbers = range(first, min(first + _PAGE, rows + 1))
        times = [1.7e9 + number * 0.001 for number in numbers]
        yield (
            "event_page",
            {
                "descriptor": descriptor,
                "uid": [str(uuid.UUID(int=2**80 + n, version=4)) for n in numbers],
                "seq_num": list(numbers),
                "time": times,
                "data": {name: [dice.random() for _ in numbers] for name in names},
                "timestamps": dict.fromkeys(names, times),
            },
        )
    stop = {"uid": str(uuid.UUID(int=3, version=4)), "run_start": run, "time": 1.8e9}
    yield "stop", {**stop, "exit_status": "success", "num_events": {"primary": rows}}


def fill(server: ServerProcess, rows: int, keys: int) -> list[bytes]:
    """Send a run but for its stop; return what is left to send."""
    lines = (json.dumps(each).encode() + b"\n" for each in documents(rows, keys))
    held: list[bytes] = []
    for line in lines:
        held.append(line)
        if len(held) > _PAGES_A_POST:
            post(server, b"".join(held[:_PAGES_A_POST]))
            held = held[_PAGES_A_POST:]
    post(server, b"".join(held[:-1]))
    return held[-1:]


def post(server: ServerProcess, body: bytes) -> None:
    """Send documents."""
    with server.http() as http:
        http.timeout = 60.0
        headers = {"content-type": "application/x-ndjson"}
        http.post("/api/v1/documents", content=body, headers=headers).raise_for_status()


def best(work: Callable[[], Any], repeat: int) -> float:
    """Return the least seconds that the work took."""
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def same_data(table: Any, path: Path, compression: str, *, timestamps: bool) -> None:
    """Write what was read as one flat Parquet file."""
    columns = {name: table.column(name) for name in ("seq_num", "time")}
    for struct in ("data", "timestamps")[: 1 + timestamps]:
        for field, column in zip(
            table.schema.field(struct).type,
            table.column(struct).combine_chunks().flatten(),
            strict=True,
        ):
            columns[f"{struct} {field.name}"] = column
    pq.write_table(pa.table(columns), path, compression=compression)


def as_urgent_as_this(server: ServerProcess) -> None:
    """Have Linux weigh the server's session as this one's, else the peer may win by it.

    The server begins a session, and with it a group of its own (`man 7 sched`, "The
    autogroup feature"), whatever priority the group has that measures.
    """
    mine = Path("/proc/self/autogroup")
    if mine.exists():
        priority = mine.read_text().split()[-1]
        Path(f"/proc/{server.pid}/autogroup").write_text(priority)


def processor_time(server: ServerProcess) -> float:
    """Return the seconds of processors that server and client have used (Linux)."""
    status = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(status[11]) + int(status[12])
    return ticks / os.sysconf("SC_CLK_TCK") + time.process_time()


def compare(server: ServerProcess, folder: Path, repeat: int, label: str) -> bool:
    """Print a line a case; return whether the target is met."""
    record = json.loads((server.folder / "server.json").read_bytes())
    met = True
    with Connection(record["url"], record["token"]) as connection:
        path = "/api/v1/runs/-1/streams/primary"
        for timestamps in (False, True):
            query = {"timestamps": str(timestamps).lower()}

            def ours(query: dict[str, str] = query) -> Any:
                return read_table(connection, path, **query)

            table, peers = ours(), []
            for compression in ("zstd", "snappy"):
                file = folder / f"peer{timestamps}{compression}.parquet"
                same_data(table, file, compression, timestamps=timestamps)
                peers.append(best(partial(pq.read_table, file), repeat))
            used = processor_time(server)
            mine = best(ours, repeat)
            used = (processor_time(server) - used) / repeat
            ratio = mine / peers[0]
            what = "data and timestamps" if timestamps else "data"
            print(
                f"{label:10} {what:20} {mine:7.3f} s (processors {used:.2f} s)"
                f"  one Parquet file {peers[0]:6.3f} s  {ratio:5.2f} times"
                f"  (in snappy {peers[1]:6.3f} s {mine / peers[1]:5.2f} times)"
            )
            met = met and ratio <= _TARGET
    return met


def raw_http(server: ServerProcess) -> float:
    """Return the seconds that the bare bytes take, nothing made of them."""
    record = json.loads((server.folder / "server.json").read_bytes())
    parts = urlsplit(record["url"])
    http_connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    begin = time.perf_counter()
    http_connection.request(
        "GET",
        "/api/v1/runs/-1/streams/primary?format=arrow&timestamps=false",
        headers={"Authorization": f"Bearer {record['token']}"},
    )
    answer = http_connection.getresponse()
    while answer.read(2**22):
        pass
    http_connection.close()
    return time.perf_counter() - begin


def main() -> int:
    """Print a line a case; return 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = ServerProcess(folder / "data")
        server.start()
        as_urgent_as_this(server)
        try:
            stop = fill(server, given.rows, given.keys)
            raw_http(server)  # what is read is made ready for the next time
            time.sleep(_SETTLED)
            met = compare(server, folder, given.repeat, "open run")
            post(server, b"".join(stop))
            while not list((folder / "data").glob("streams/*/*/*.parquet")):
                time.sleep(0.1)
            met = compare(server, folder, given.repeat, "closed run") and met
            print(f"the bare bytes of the answer take {raw_http(server):.3f} s")
        finally:
            server.stop()
    print(f"target: at most {_TARGET} times, {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
