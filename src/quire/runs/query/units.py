"""Units of literals: conversion into the unit of a field, exactly.

SI prefixes and units (BIPM, *The International System of Units*, 9th edition, tables
4, 7 and 8), with those that beamlines and detectors use beside them. The inverse of
any unit may be written, as in ``pb-1``, ``pb^-1`` or ``1/pb``. Stored documents are
never converted.
"""

import re
from fractions import Fraction
from typing import NamedTuple

_PREFIXES = {
    "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "c": -2,
    "d": -1, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15,
}  # fmt: skip

_PREFIXED = {
    "s": ("time", "1"), "Hz": ("frequency", "1"),
    "m": ("length", "1"), "g": ("mass", "1"),
    "A": ("current", "1"), "V": ("voltage", "1"), "W": ("power", "1"),
    "C": ("charge", "1"), "K": ("temperature", "1"), "T": ("magnetic flux", "1"),
    "G": ("magnetic flux", "1e-4"),
    "eV": ("energy", "1.602176634e-19"), "J": ("energy", "1"),
    "b": ("area", "1e-28"), "Pa": ("pressure", "1"), "bar": ("pressure", "1e5"),
    "rad": ("angle", "1"), "N": ("force", "1"), "Ohm": ("resistance", "1"),
    "ohm": ("resistance", "1"), "L": ("volume", "1"), "l": ("volume", "1"),
    "mol": ("amount", "1"), "Bq": ("activity", "1"),
    "B": ("data", "1"),
}  # fmt: skip

# An exact π is not to be had; beyond its digits no double can tell.
_DEGREE = Fraction("3.14159265358979323846264338327950288") / 180
_PLAIN = {
    "min": ("time", Fraction(60)), "h": ("time", Fraction(3600)),
    "d": ("time", Fraction(86400)), "day": ("time", Fraction(86400)),
    "days": ("time", Fraction(86400)), "sec": ("time", Fraction(1)),
    "w": ("time", Fraction(604800)), "week": ("time", Fraction(604800)),
    "weeks": ("time", Fraction(604800)), "hour": ("time", Fraction(3600)),
    "hours": ("time", Fraction(3600)), "minutes": ("time", Fraction(60)),
    "seconds": ("time", Fraction(1)),
    "Å": ("length", Fraction("1e-10")), "Angstrom": ("length", Fraction("1e-10")),
    "angstrom": ("length", Fraction("1e-10")),
    "deg": ("angle", _DEGREE), "°": ("angle", _DEGREE),
    "mbarn": ("area", Fraction("1e-31")), "barn": ("area", Fraction("1e-28")),
    "Torr": ("pressure", Fraction(101325, 760)), "atm": ("pressure", Fraction(101325)),
    "%": ("ratio", Fraction(1, 100)), "KiB": ("data", Fraction(2**10)),
    "MiB": ("data", Fraction(2**20)), "GiB": ("data", Fraction(2**30)),
    "TiB": ("data", Fraction(2**40)),
}  # fmt: skip

_OFFSETS = {"degC": "273.15", "°C": "273.15"}
_INVERSE = re.compile(r"(?:1/(?P<slash>.+)|(?P<power>.+?)(?:\^?-1|⁻¹))\Z")


class Unit(NamedTuple):
    """What a unit measures, and how much of it one is.

    Attributes
    ----------
    inverse
        Whether it is one over that.
    factor
        In the dimension's own unit.
    offset
        Where its zero stands, in the dimension's own unit.
    """

    dimension: str
    inverse: bool
    factor: Fraction
    offset: Fraction = Fraction(0)


def unit(symbol: str) -> Unit | None:
    """Return what a symbol stands for, None if it is not known."""
    found = _INVERSE.match(symbol)
    if found is None:
        return _single(symbol)
    under = _single(found["slash"] or found["power"])
    if under is None or under.offset:
        return None
    return Unit(under.dimension, inverse=True, factor=1 / under.factor)


def converted(number: str, source: str, target: str) -> Fraction | None:
    """Return a number of one unit in another, None if the two do not agree.

    Parameters
    ----------
    number
        As written: decimal, finite.
    """
    value = Fraction(number)
    if source == target:
        return value
    given, wanted = unit(source), unit(target)
    if given is None or wanted is None or given[:2] != wanted[:2]:
        return None
    return (value * given.factor + given.offset - wanted.offset) / wanted.factor


def _single(symbol: str) -> Unit | None:
    if symbol in _OFFSETS:
        offset = Fraction(_OFFSETS[symbol])
        return Unit("temperature", inverse=False, factor=Fraction(1), offset=offset)
    if symbol in _PLAIN:
        dimension, factor = _PLAIN[symbol]
        return Unit(dimension, inverse=False, factor=factor)
    for length in (0, 1):
        prefix, base = symbol[:length], symbol[length:]
        if prefix in _PREFIXES and base in _PREFIXED:
            dimension, size = _PREFIXED[base]
            factor = Fraction(size) * Fraction(10) ** _PREFIXES[prefix]
            if dimension == "frequency":
                return Unit("time", inverse=True, factor=factor)
            return Unit(dimension, inverse=False, factor=factor)
    return None
