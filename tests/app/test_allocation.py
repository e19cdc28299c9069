"""The heap of a server, in processes of their own."""

import re
import subprocess
import sys

import pytest

from quire.testing.not_proved import not_proved

PROGRAM = """
import ctypes, threading
from quire.app.allocation import give_memory_back

if {mended}:
    give_memory_back()
ready, libc = threading.Barrier(5), ctypes.CDLL(None)

def work():
    held = [bytes(size) for size in range(2_000, 60_000, 500)]
    ready.wait()
    del held

threads = [threading.Thread(target=work) for _ in range(4)]
for one in threads:
    one.start()
ready.wait()
for one in threads:
    one.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def heaps(*, mended: bool) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(mended=mended)],
        check=True,
        capture_output=True,
        text=True,
    )
    return len(re.findall("<heap nr=", done.stdout))


def test_threads_share_one_heap() -> None:
    if not heaps(mended=False):
        why, mend = "this C library does not tell its heaps", "run with glibc"
        pytest.skip(not_proved("that threads share one heap", why=why, mend=mend))
    assert heaps(mended=False) > 1
    assert heaps(mended=True) == 1
