"""The normal form of a tree: the same meaning, said once.

No junction within one of its own sort or of a single part, no part twice, ``not`` only
where its part has no negation of its own. Each step holds for unknown too (Kleene).
"""

from collections.abc import Iterable, Iterator

from quire.runs.query.tree import (
    And,
    Compare,
    Exists,
    Missing,
    Not,
    Operator,
    Or,
    Tree,
)


def normal_form(tree: Tree) -> Tree:
    """Return a tree's normal form; that of a normal form is itself."""
    match tree:
        case And():
            return _joined(And, map(normal_form, tree.parts))
        case Or():
            return _joined(Or, map(normal_form, tree.parts))
        case Not():
            return _negated(tree.part)
        case _:
            return tree


def _negated(tree: Tree) -> Tree:  # noqa: PLR0911 - one for each
    match tree:
        case Not():
            return normal_form(tree.part)
        case And():
            return _joined(Or, map(_negated, tree.parts))
        case Or():
            return _joined(And, map(_negated, tree.parts))
        case Exists():
            return Missing(field=tree.field)
        case Missing():
            return Exists(field=tree.field)
        case Compare(operator=Operator.EQUAL):
            return _compared(tree, Operator.NOT_EQUAL)
        case Compare(operator=Operator.NOT_EQUAL):
            return _compared(tree, Operator.EQUAL)
        case _:
            return Not(part=tree)


def _compared(tree: Compare, operator: Operator) -> Compare:
    return Compare(field=tree.field, operator=operator, value=tree.value)


def _joined(sort: type[And] | type[Or], parts: Iterable[Tree]) -> Tree:
    kept: list[Tree] = []
    seen: set[tuple[str, Tree]] = set()
    for part in _flat(sort, parts):
        # True equals 1 and 1 equals 1.0 in Python; what is written tells them apart.
        key = (repr(part), part)
        if key not in seen:
            seen.add(key)
            kept.append(part)
    return kept[0] if len(kept) == 1 else sort(parts=tuple(kept))


def _flat(sort: type[And] | type[Or], parts: Iterable[Tree]) -> Iterator[Tree]:
    for part in parts:
        if isinstance(part, sort):
            yield from part.parts
        else:
            yield part
