"""How long until Quire is there: `import quire`, and `quire serve` to ready.

Both against the same interpreter doing nothing, in one run.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from quire.testing.campaigns.server import ServerProcess

ROUNDS = 7


def python(program: str) -> float:
    """Return the seconds that an interpreter takes for a program."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - began


def served(folder: Path) -> float:
    """Return the seconds from starting `quire serve` to its `server.json`."""
    server = ServerProcess(folder)
    began = time.perf_counter()
    server.start()
    took = time.perf_counter() - began
    server.stop()
    return took


def main() -> None:
    """Measure, and print medians."""
    bare = statistics.median(python("pass") for _ in range(ROUNDS))
    with_quire = statistics.median(python("import quire") for _ in range(ROUNDS))
    with tempfile.TemporaryDirectory() as folder:
        fresh = statistics.median(
            served(Path(folder) / str(number)) for number in range(ROUNDS)
        )
        again = statistics.median(served(Path(folder) / "0") for _ in range(ROUNDS))
    print(f"bare interpreter            {bare * 1000:7.1f} ms")
    print(f"import quire, added         {(with_quire - bare) * 1000:7.1f} ms")
    print(f"serve to ready, new folder  {fresh * 1000:7.1f} ms ({fresh / bare:.1f} x)")
    print(f"serve to ready, old folder  {again * 1000:7.1f} ms ({again / bare:.1f} x)")


if __name__ == "__main__":
    main()
