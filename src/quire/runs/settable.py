"""Which flags and facility fields may be set, and to what."""

import math
import re
from typing import Any

from quire.errors import InputError
from quire.runs.changes import RemoveFlag, SetField, SetFlag
from quire.runs.facility import GROUPS, MOST_NUMBER, NUMBERS, PLAIN
from quire.runs.query.fields import Field, FieldType
from quire.runs.query.nearness import nearest
from quire.runs.query.registry import FieldRegistry
from quire.runs.values import LARGEST

_NAME = re.compile(r"[\w.-]{1,100}")
_LONGEST = 1_000
_LONGEST_FIELD = 10_000  # the fill of 5,120 buckets alone is 1,280 digits

_TYPES: dict[FieldType, tuple[type, ...]] = {
    FieldType.STRING: (str,),
    FieldType.INTEGER: (int,),
    FieldType.NUMBER: (int, float),
    FieldType.TIME: (int, float, str),
    FieldType.BOOLEAN: (bool,),
    FieldType.OPEN: (str, int, float, bool),
}


def check_flag(fields: FieldRegistry, change: SetFlag | RemoveFlag) -> None:
    """Refuse a flag that cannot be.

    Raises
    ------
    InputError
        The detector or the value is no name, or is not among the declared ones.
    """
    if not _NAME.fullmatch(change.detector):
        mend = "letters, digits, . _ and -, at most 100"
        raise InputError("detector", f"{change.detector[:40]!r} is no name", mend)
    if isinstance(change, RemoveFlag):
        return
    if not change.value.strip() or len(change.value) > _LONGEST:
        raise InputError("value", "is empty or too long", "such as good or bad")
    for name in ("cause", "comment"):
        if len(getattr(change, name)) > _LONGEST:
            raise InputError(name, "is too long", f"at most {_LONGEST} characters")
    field = fields.field(f"flag.{change.detector}", "detector")
    _check_choice("value", field, change.value)


def check_reason(text: str, field: str = "reason") -> None:
    """Refuse a reason, or a note, that is too long.

    Raises
    ------
    InputError
        Names the field.
    """
    if len(text) > _LONGEST_FIELD:
        raise InputError(field, "is too long", f"at most {_LONGEST_FIELD} characters")


def check_field(fields: FieldRegistry, change: SetField) -> None:
    """Refuse a facility field that is none, or a value that it cannot hold.

    Raises
    ------
    InputError
        Names the field and what it holds.
    """
    first, *rest = change.name.split(".")
    settable = first in GROUPS and rest and all(rest)
    if not settable and change.name not in PLAIN:
        known = ", ".join([*PLAIN, *(f"{group}.*" for group in GROUPS)])
        raise InputError(change.name[:80], "is no facility field", f"one of {known}")
    if change.value is None:
        return
    field = fields.field(change.name, change.name)
    _check_type(change.name, field, change.value)
    _check_choice(change.name, field, change.value)


def _check_type(name: str, field: Field, value: Any) -> None:
    if type(value) not in _TYPES[field.type]:
        raise InputError(
            name, f"is {type(value).__name__}", f"takes {field.type.value}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(name, "is not finite")
    most = MOST_NUMBER if name in NUMBERS else LARGEST
    if isinstance(value, int) and not -most <= value <= most:
        raise InputError(name, "is too large", f"at most {most}")
    if isinstance(value, str) and len(value) > _LONGEST_FIELD:
        mend = f"at most {_LONGEST_FIELD} characters"
        raise InputError(name, "is too long", mend)


def _check_choice(name: str, field: Field, value: Any) -> None:
    if field.choices and value not in field.choices:
        known = [str(one) for one in field.choices]
        near = nearest(str(value), known)
        mend = f"did you mean {near!r}?" if near else "one of " + ", ".join(known)
        raise InputError(name, f"{str(value)[:40]!r} is not among its values", mend)
