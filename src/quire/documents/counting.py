"""How often a byte stands in a text, found several times as fast as `bytes.count` does."""

# Below the first the call costs more than the counting; what it works on in between is
# to stay in the processor's cache.
_LONG, _PART = 4096, 65_536


def count(text: bytes, byte: bytes) -> int:
    """Return how often a byte stands in a text."""
    if len(text) < _LONG:
        return text.count(byte)
    # Here: runners never come by, and it costs them 0.1 s and 200 MB of address space.
    import numpy as np

    every, wanted = np.frombuffer(text, np.uint8), byte[0]
    return sum(
        int(np.count_nonzero(every[begin : begin + _PART] == wanted))
        for begin in range(0, len(text), _PART)
    )
