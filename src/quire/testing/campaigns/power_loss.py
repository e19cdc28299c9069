"""Pull the plug while clients send: what was acknowledged must be on the disk.

    python -m quire.testing.campaigns.power_loss --cycles 40

As `quire.testing.campaigns.documents`, but the data folder lies on a file system that
keeps in memory what was not synced. Each cycle ends with that file system killed, which
forgets, and then the server. A SIGKILL of the server alone proves no durability: the
kernel still writes what it holds. With ``--control`` the server commits with
``synchronous=NORMAL``. That must lose, or the campaign could not see a loss.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from quire.testing.campaigns.clients import StreamingClient
from quire.testing.campaigns.documents import (
    CLIENTS,
    LONGEST_CYCLE,
    Figures,
    as_it_must,
    compare,
    stream_until,
)
from quire.testing.campaigns.server import ServerProcess
from quire.testing.power_loss.disk import ForgetfulDisk, missing

_CARELESS = "quire.testing.power_loss.careless_serve"
# What a server may say in the instant between the disk's end and its own.
_NO_DISK = "503: "


def campaign(folder: Path, *, cycles: int, seed: int, control: bool = False) -> Figures:
    """Pull the plug so many times on a new data folder.

    Parameters
    ----------
    control
        Serve with ``synchronous=NORMAL``.
    """
    generator = random.Random(seed)  # noqa: S311 - repeatable, not secret
    clients = [
        StreamingClient(generator.getrandbits(64), hasty=False) for _ in range(CLIENTS)
    ]
    disk = ForgetfulDisk(folder)
    module = _CARELESS if control else "quire"
    server = ServerProcess(disk.mountpoint, module=module)

    def pull_plug() -> None:
        # The disk goes first, so that the power may go in the midst of a flush.
        disk.pull_plug()
        server.kill()
        disk.cut()

    try:
        disk.mount()
        server.start()
        for _ in range(cycles):
            seconds = generator.uniform(0.02, LONGEST_CYCLE)
            stream_until(server, clients, seconds, pull_plug)
            disk.mount()
            server.start()
        figures = compare(server, clients, cycles)
    finally:
        server.kill()
        disk.cut()
    refused = [each for each in figures.refused if not each.startswith(_NO_DISK)]
    return msgspec.structs.replace(figures, refused=tuple(refused))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign from the command line; 0 if it ended as it must."""
    parser = argparse.ArgumentParser(
        prog="python -m quire.testing.campaigns.power_loss"
    )
    parser.add_argument("--cycles", type=int, default=40)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--control", action="store_true", help="must lose documents")
    chosen = parser.parse_args(arguments)
    if lacking := missing():
        sys.stdout.write(f"power loss: NOT PROVEN on this machine: {lacking}\n")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="quire-campaign-"))
    begun = time.monotonic()
    figures = campaign(
        folder, cycles=chosen.cycles, seed=chosen.seed, control=chosen.control
    )
    name = "power loss, synchronous=NORMAL" if chosen.control else "power loss"
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{name}: seed {chosen.seed}, {figures.line()}, {seconds:.0f} s\n")
    for reason in figures.refused[:5]:
        sys.stdout.write(f"  refused: {reason}\n")
    good = as_it_must(figures, control=chosen.control)
    if good:
        shutil.rmtree(folder)
    else:
        sys.stdout.write(f"NOT as it must be; what is left is kept: {folder}\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
