"""Which keywords of a source go into the product, and under which names.

Rules are functions from list to list, chained. Source: ESO ifw-daq,
fits-keyword-rules.html.
"""

import re
from collections.abc import Sequence
from functools import reduce

import msgspec

from quire.products.cards import CardError, format_value_card, parse_value, split_value
from quire.products.keywords import (
    RESERVED,
    Card,
    CardKind,
    is_structural,
    name_fault,
)

_PATTERN = re.compile(r"(?P<sign>[+-])(?P<kind>[ev]) (?P<glob>\S.*)")
_KINDS = {"e": CardKind.ESO, "v": CardKind.VALUE}
_REFERENCE = re.compile(r"\$(\$|&|[0-9]{1,2})|\\")


class Filter(msgspec.Struct, frozen=True, kw_only=True, tag="filter", tag_field="type"):
    """Keeps what its patterns select and drops the rest."""

    selection_patterns: tuple[str, ...] = msgspec.field(name="selectionPatterns")


class Transform(
    msgspec.Struct, frozen=True, kw_only=True, tag="transform", tag_field="type"
):
    """Renames what its patterns select, by logical name.

    Attributes
    ----------
    regex
        What to replace in the name, wherever it stands.
    format
        What to put there; ``$1`` and ``$&`` as in ECMAScript.
    """

    selection_patterns: tuple[str, ...] = msgspec.field(name="selectionPatterns")
    regex: str
    format: str


KeywordRule = Filter | Transform


def glob_regex(glob: str) -> re.Pattern[str]:
    """Return the regular expression of a glob with ``*`` and ``[..]`` only.

    Raises
    ------
    ValueError
        A bracket that is not closed, or a range that is none.
    """
    parts = re.split(r"(\*+|\[[^\]]+\])", glob)
    if any("[" in part for part in parts[::2]):
        raise ValueError(f"{glob!r} has a bracket that is not closed")
    try:
        return re.compile("".join(map(_glob_piece, parts)))
    except re.error as fault:
        raise ValueError(f"{glob!r} is no pattern: {fault}") from None


def _glob_piece(piece: str) -> str:
    if piece.startswith("*"):
        return ".*"
    if piece.startswith("["):
        inside = piece[1:-1].replace("\\", r"\\").replace("[", r"\[")
        return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return re.escape(piece)


def pattern_fault(pattern: str) -> str:
    """Return what is wrong with a selection pattern, or an empty text."""
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        return f"{pattern!r} is not + or -, e or v, a space, and a glob"
    try:
        glob_regex(match["glob"])
    except ValueError as fault:
        return str(fault)
    return ""


def rename_fault(regex: str, replacement: str) -> str:
    """Return what is wrong with a renaming, or an empty text."""
    try:
        compiled = re.compile(regex)
    except (re.error, OverflowError, RecursionError) as fault:
        return f"{regex!r} is no regular expression: {fault}"
    for match in _REFERENCE.finditer(replacement):
        number = match[1]
        if number and number.isdigit() and int(number) > compiled.groups:
            return f"${number} names a group that {regex!r} does not have"
    return ""


def select(cards: Sequence[Card], patterns: Sequence[str]) -> frozenset[int]:
    """Return the places of the cards that the patterns select, applied in order."""
    chosen: set[int] = set()
    for pattern in patterns:
        match = _PATTERN.fullmatch(pattern)
        assert match is not None, pattern  # noqa: S101 - checked when parsed
        kind, glob = _KINDS[match["kind"]], glob_regex(match["glob"])
        hits = {
            place
            for place, card in enumerate(cards)
            if card.kind is kind and glob.fullmatch(card.name)
        }
        chosen = chosen | hits if match["sign"] == "+" else chosen - hits
    return frozenset(chosen)


def apply_rules(
    cards: Sequence[Card], rules: Sequence[KeywordRule] | None
) -> tuple[Card, ...]:
    """Return what the chained rules make of a source's user keywords.

    None copies all, an empty sequence nothing. Structural and reserved keywords
    are left out first.

    Raises
    ------
    CardError
        A renamed keyword fits no card.
    """
    users = tuple(
        card
        for card in cards
        if card.kind is CardKind.ESO
        or not (is_structural(card.name) or card.name in RESERVED)
    )
    if rules is None:
        return users
    return reduce(_apply, rules, users) if rules else ()


def _apply(cards: tuple[Card, ...], rule: KeywordRule) -> tuple[Card, ...]:
    chosen = select(cards, rule.selection_patterns)
    if isinstance(rule, Filter):
        return tuple(card for place, card in enumerate(cards) if place in chosen)
    regex = re.compile(rule.regex)
    return tuple(
        _renamed(card, regex, rule.format) if place in chosen else card
        for place, card in enumerate(cards)
    )


def _renamed(card: Card, regex: re.Pattern[str], replacement: str) -> Card:
    name = regex.sub(lambda match: _expand(replacement, match), card.name)
    if name == card.name:
        return card
    fault = name_fault(card.kind, name)
    if not fault and name in RESERVED:
        fault = "the merger writes it itself"
    if fault:
        raise CardError(f"{card.name!r} cannot be renamed to {name!r}: {fault}")
    token, comment = split_value(card)
    value = parse_value(card)
    if isinstance(value, str):
        token = "'" + value.replace("'", "''").ljust(8) + "'"
    image = format_value_card(card.kind, name, token, comment=comment)
    return Card(kind=card.kind, name=name, image=image)


def _expand(replacement: str, match: re.Match[str]) -> str:
    def group(reference: re.Match[str]) -> str:
        number = reference[1]
        if number is None or number == "$":
            return number or "\\"
        return match[0] if number == "&" else match[int(number)] or ""

    return _REFERENCE.sub(group, replacement)
