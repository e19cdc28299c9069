"""Declared phases, which own the percentages of an act.

Work is declared once, as the phases that it goes through and how much of the whole
each is; what is at work then says its phase and how far it is in it, never a number of
percent. So the percentages grow, end at 100, and are changed in one place.
"""

from collections.abc import Mapping


class Phases:
    """The phases of some work, in their order.

    Parameters
    ----------
    shares
        How much of the whole each phase is, by its name; in any unit.
    """

    def __init__(self, shares: Mapping[str, float]) -> None:
        whole = sum(shares.values())
        if not shares or whole <= 0 or min(shares.values()) < 0:
            raise ValueError(f"no shares of a whole: {dict(shares)}")
        self._spans: dict[str, tuple[float, float]] = {}
        behind = 0.0
        for name, share in shares.items():
            self._spans[name] = behind / whole, share / whole
            behind += share

    def percent(self, phase: str, done: float = 0, of: float = 1) -> int:
        """Return the percentage where so much of a phase is done.

        Parameters
        ----------
        done, of
            In any unit; beyond the whole phase counts as all of it.

        Returns
        -------
        int
            From 1, as a progress event has it, to 100.
        """
        begin, share = self._spans[phase]
        part = min(max(done / of, 0.0), 1.0) if of > 0 else 1.0
        # A product of fractions may fall a hair short of a whole percent.
        return min(max(int(100 * (begin + share * part) + 1e-9), 1), 100)
