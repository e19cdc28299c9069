"""How the C library of Linux keeps the memory that is freed.

glibc gives each thread a heap of its own, and once a large block was freed it takes
blocks of that size from the heaps, too. Both suit programs that end. A server's
documents come and go on several threads for weeks: its heaps fill with holes that none
of the next ones fits. Measured at 4,000 events a second: 4 MB a minute, none of it in
use (``benchmarks/memory.py``).
"""

import ctypes

# From malloc.h, and `man 3 mallopt`.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 1024 * 1024
_SPARE = 4 * 1024 * 1024


def give_memory_back() -> None:
    """Keep one heap, and what is large out of it; to be called before threads begin.

    A C library without these settings is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _SPARE)
