"""How long a thread of a server may compute while others wait, in its own process."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path

from quire.app.serving import serve
from quire.config import Settings


def assemble(*_):
    print(sys.getswitchinterval())
    sys.exit(0)


serve(Settings(data_folder=Path(sys.argv[1]), port=0), assemble=assemble)
"""


def test_a_thread_that_computes_does_not_hold_up_requests(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "data")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # A request changes threads some four times.
    assert 0 < 4 * float(done.stdout) <= 0.004
