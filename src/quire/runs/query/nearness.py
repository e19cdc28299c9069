"""Which known name was meant."""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

_SHORTEST = 3
_LONGEST = 64
_MOST = 500
_SIMILAR = 0.6


class OneSlipAway:
    """Finds the names that one slip of the pen turns into another.

    A slip is one letter left out, put in, changed or swapped with its neighbour. Names
    are found by what is left of them without one letter, so a look costs the length of
    the name however many are known.
    """

    def __init__(self, names: Iterable[str]) -> None:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for name in names:
            if len(name) > _SHORTEST:
                for rest in _rests(name):
                    found[rest].add(name)
        self._names = {rest: tuple(sorted(each)) for rest, each in found.items()}

    def of(self, name: str) -> str | None:
        """Return a known name that was probably meant, None if there is none."""
        if not _SHORTEST < len(name) + 1 <= _LONGEST:
            return None
        for rest in _rests(name):
            for known in self._names.get(rest, ()):
                if _one_slip(name, known):
                    return known
        return None


def nearest(name: str, known: Sequence[str]) -> str | None:
    """Return the most similar of some names, None if none is similar.

    Of very many, the first alone are looked at: each costs some microseconds.
    """
    wanted = name[:_LONGEST].casefold()
    alike = [each for each in known if _alike_in_length(wanted, each)][:_MOST]
    folded = {each.casefold(): each for each in reversed(alike)}
    found = difflib.get_close_matches(wanted, folded, 1, _SIMILAR)
    return folded[found[0]] if found else None


def _alike_in_length(name: str, known: str) -> bool:
    """Tell whether the similarity could be enough: 2 M / T, with M the shorter's length."""
    shorter, longer = sorted((len(name), len(known)))
    return 2 * shorter >= _SIMILAR * (shorter + longer)


def _rests(name: str) -> Iterator[str]:
    yield name
    for place in range(len(name)):
        yield name[:place] + name[place + 1 :]


def _one_slip(name: str, known: str) -> bool:
    start = next(
        (i for i, (a, b) in enumerate(zip(name, known, strict=False)) if a != b),
        min(len(name), len(known)),
    )
    a, b = name[start:], known[start:]
    return (
        a[1:] == b
        or a == b[1:]
        or a[1:] == b[1:]
        or (a[:2] == b[1::-1] and a[2:] == b[2:])
    )
