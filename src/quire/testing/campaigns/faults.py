"""Fail every write, sync and rename of the ingest path once: no false acknowledgement.

    python -m quire.testing.campaigns.faults

For every N the N-th call fails, once, while a client sends to the real server. What it
acknowledged must be stored; the reply to the rest is 507 (no space) or 503; and the
same server must take the same documents again when the cause has ended. The calls are
those of all that happens in so many requests, a checkpoint among them, and those of a
start. Then the disk is full (a limit on file sizes, a small tmpfs), and at last every
sync fails for 30 seconds, which must end the process with code 74.
"""

import argparse
import errno
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from quire.testing.campaigns.fault_bench import Bench
from quire.testing.campaigns.fault_figures import Figures
from quire.testing.campaigns.full_disk import fill_limited, fill_small_disk
from quire.testing.faults.shim import Call, missing

REPLIES = (
    (Call.WRITE, errno.EIO),
    (Call.WRITE, errno.ENOSPC),
    (Call.WRITE, errno.EDQUOT),
    (Call.SYNC, errno.EIO),
    (Call.SYNC, errno.ENOSPC),
)
CHECKPOINTS = (
    (Call.WRITE, errno.EIO),
    (Call.WRITE, errno.ENOSPC),
    (Call.SYNC, errno.EIO),
)
STARTS = (
    (Call.WRITE, errno.EIO),
    (Call.SYNC, errno.EIO),
    (Call.RENAME, errno.EIO),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign from the command line; 0 if all was as it must be."""
    parser = argparse.ArgumentParser(prog="python -m quire.testing.campaigns.faults")
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        help="around a checkpoint and at a start only each so-manieth N",
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    chosen = parser.parse_args(arguments)
    if lacking := missing():
        sys.stdout.write(f"faults: NOT PROVEN on this machine: {lacking}\n")
        return 1
    sys.stdout.write(f"faults: seed {chosen.seed}\n")
    bad = 0
    with tempfile.TemporaryDirectory(prefix="quire-campaign-") as name:
        for figures in _everything(Path(name), chosen):
            sys.stdout.write(figures.line() + "\n")
            sys.stdout.flush()
            bad += bool(figures.problems)
    return int(bad > 0)


def _everything(folder: Path, chosen: argparse.Namespace) -> Iterator[Figures]:
    seed, every = chosen.seed, chosen.every
    with _bench(folder / "replies", seed) as bench:
        for call, error in REPLIES:
            yield bench.fail_all(call, error)
        for call, error in CHECKPOINTS:
            yield bench.fail_all(call, error, checkpoint=True, every=every)
        yield Figures(name="killed after that", problems=tuple(bench.after_kill()))
    # With few documents, for all of them are asked for after each start.
    with _bench(folder / "starts", seed) as bench:
        bench.send(batches=5)
        for call, error in STARTS:
            yield bench.fail_starts(call, error, every=every)
        yield bench.lose_store()
        for call, error in STARTS:
            yield bench.fail_starts(call, error, every=every, fresh=True)
    yield fill_limited(folder / "limit", seed=seed)
    try:
        yield fill_small_disk(folder / "small", seed=seed)
    except PermissionError as problem:
        told = f"NOT PROVEN on this machine: {problem}"
        yield Figures(name="small tmpfs", problems=(told,))


@contextmanager
def _bench(folder: Path, seed: int) -> Iterator[Bench]:
    bench = Bench(folder, seed=seed)
    try:
        bench.server.start()
        yield bench
    finally:
        bench.close()


if __name__ == "__main__":
    sys.exit(main())
