"""Checked trees as text that parses back to them."""

import re

from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
    Literal,
    Missing,
    Not,
    OneOf,
    Or,
    Text,
    Tree,
)

_WORD = re.compile(r"[^\W\d]\w*")
_OWN = frozenset({"and", "or", "not", "in", "exists", "missing", "text"})


def to_text(tree: Tree) -> str:
    """Return a checked tree in the query language.

    Times come out as Unix seconds, numbers in the unit of their field.

    Raises
    ------
    ValueError
        If a junction of it has no parts, which no query can say.
    """
    match tree:
        case And() | Or():
            if not tree.parts:
                raise ValueError("a junction without parts cannot be written")
            word = " and " if isinstance(tree, And) else " or "
            return word.join(map(_part, tree.parts))
        case Not():
            return f"not {_part(tree.part)}"
        case Text():
            return _value(" ".join(tree.words))
        case _:
            return _condition(tree)


def _part(tree: Tree) -> str:
    text = to_text(tree)
    return f"({text})" if isinstance(tree, And | Or) else text


def _condition(tree: Compare | OneOf | Between | Glob | Exists | Missing) -> str:
    name = _name(tree.field)
    match tree:
        case Compare():
            return f"{name} {tree.operator.value} {_value(tree.value)}"
        case Glob():
            return f"{name} ~ {_value(tree.pattern)}"
        case OneOf():
            return f"{name} in [{', '.join(map(_value, tree.values))}]"
        case Between():
            return f"{name} in {_value(tree.low)}..{_value(tree.high)}"
        case Exists():
            return f"exists({name})"
        case Missing():
            return f"missing({name})"


def _name(field: str) -> str:
    parts = field.split(".")
    if "" in parts:
        return _ticked(field)
    return ".".join(part if _is_plain(part) else _ticked(part) for part in parts)


def _is_plain(part: str) -> bool:
    return bool(_WORD.fullmatch(part)) and part.casefold() not in _OWN


def _ticked(part: str) -> str:
    return "`" + part.replace("`", "``") + "`"


def _value(value: Literal) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
