"""The product's primary header, built anew from its sources.

Order and collisions: ESO ifw-daq, dpm/dp_spec.html and Data Interface Control
Document, section 3.1.1.3.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain

from quire.products.cards import (
    CARD,
    END,
    CardError,
    cards_of,
    parse_value,
    value_keyword,
)
from quire.products.keywords import (
    ESO_NAME,
    RESERVED,
    VALUE_NAME,
    Card,
    CardKind,
)
from quire.products.layout import BLOCK

_CATEGORIES = ("DPR", "OBS", "TPL", "GEN", "TEL", "ADA", "INS", "DET")
_CATEGORY = re.compile(r"([A-Z_-]*)([0-9]*)")
_AXIS = re.compile(r"NAXIS[0-9]*")
# They say how the pixels of their own primary HDU are scaled, and no others.
_SCALING = frozenset({"BZERO", "BSCALE", "BLANK"})
BLANK_CHECKSUM = "0" * 16


def user_cards(header: bytes, *, keeps_data: bool) -> tuple[Card, ...]:
    """Return the cards of a source's primary header that may be copied.

    Parameters
    ----------
    header
        The source's primary header.
    keeps_data
        Whether its data goes into the product too, and with it its scaling.

    Raises
    ------
    CardError
        A card that continues nothing.
    """
    cards = cards_of(header)
    if keeps_data:
        return cards
    return tuple(card for card in cards if card.name not in _SCALING)


def copy_fault(card: Card) -> str:
    """Return why a source's card must not stand in a new header, or an empty text."""
    pattern = ESO_NAME if card.kind is CardKind.ESO else VALUE_NAME
    hierarch = card.name.startswith("HIERARCH ")
    if card.name and not hierarch and pattern.fullmatch(card.name) is None:
        return f"the name {card.name!r} is not one that FITS allows"
    if card.kind is not CardKind.COMMENTARY:
        try:
            parse_value(card)
        except CardError as fault:
            return f"{card.name}: {fault}"
    return ""


def merge_cards(
    sources: Iterable[Sequence[Card]], *, checked: bool = False
) -> tuple[Card, ...]:
    """Return the cards of all sources in the product's order.

    Parameters
    ----------
    sources
        By descending priority: of cards with one name the first wins, and all
        commentary is kept.
    checked
        Whether `copy_fault` has been asked about each card already.

    Raises
    ------
    CardError
        A card that must not be copied.
    """
    values: dict[str, Card] = {}
    hierarchy: dict[str, Card] = {}
    commentary: list[Card] = []
    for card in chain.from_iterable(sources):
        if not checked and (fault := copy_fault(card)):
            raise CardError(fault)
        if card.kind is CardKind.COMMENTARY:
            # Blank cards are room that a source reserved for itself.
            commentary.extend([card] if card.image.strip() else [])
            continue
        if card.kind is CardKind.ESO:
            hierarchy.setdefault(card.name, card)
        elif " " in card.name:  # no name of ESO's begins so
            hierarchy.setdefault(f"={card.name}", card)
        else:
            values.setdefault(card.name, card)
    ordered = sorted(hierarchy.values(), key=_Categories().of)
    users = (card for card in values.values() if card.name not in RESERVED)
    return (*users, *ordered, *commentary)


class _Categories:
    """The order of ESO's keywords, looked up once for each first word of a name."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str, int]] = {}

    def of(self, card: Card) -> tuple[int, str, int]:
        """Return the sorting key: INS before INS2, both before DET."""
        if card.kind is not CardKind.ESO:
            return len(_CATEGORIES) + 1, "", 0
        word = card.name.partition(" ")[0]
        if word not in self._known:
            self._known[word] = _category(word)
        return self._known[word]


def _category(word: str) -> tuple[int, str, int]:
    match = _CATEGORY.match(word)
    base, number = (match[1], match[2]) if match else ("", "")
    known = base in _CATEGORIES
    rank = _CATEGORIES.index(base) if known else len(_CATEGORIES)
    return rank, "" if known else base, int(number or 0)


def _structure(target: bytes | None, *, extended: bool) -> Iterator[Card]:
    """Yield the mandatory cards; those of a target's header describe its data."""
    yield value_keyword("SIMPLE", True, "Standard FITS")  # noqa: FBT003
    if target is None:
        yield value_keyword("BITPIX", 8, "no pixels here")
        yield value_keyword("NAXIS", 0, "no axes here")
    else:
        cards = cards_of(target)
        yield from (card for card in cards if card.name == "BITPIX")
        yield from (card for card in cards if _AXIS.fullmatch(card.name))
    if extended:
        yield value_keyword("EXTEND", True, "extensions follow")  # noqa: FBT003
    if target is not None:
        groups = ("GROUPS", "PCOUNT", "GCOUNT")
        yield from (card for card in cards_of(target) if card.name in groups)


def build_header(
    cards: Sequence[Card],
    *,
    file_id: str,
    file_prefix: str,
    made: datetime,
    extended: bool,
    target: bytes | None = None,
) -> bytes:
    """Return the primary header, padded, with a CHECKSUM of zeros yet to be filled.

    Parameters
    ----------
    cards
        From `merge_cards`.
    made
        When the product is written, with its time zone.
    extended
        Whether extensions follow.
    target
        The primary header of the file whose primary data is kept.
    """
    date = made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    values = [
        one for one in cards if one.kind is CardKind.VALUE and " " not in one.name
    ]
    others = cards[len(values) :]
    long = any(len(card.image) > CARD for card in cards)
    if long and not any(card.name == "LONGSTRN" for card in values):
        # Older readers, fitsverify among them, expect to be told.
        values.append(value_keyword("LONGSTRN", "OGIP 1.0", "long strings are used"))
    own = (
        value_keyword("DATE", date, "when this file was written (UTC)"),
        value_keyword("ARCFILE", f"{file_id}.fits", "archive file name"),
        value_keyword("ORIGFILE", f"{file_prefix}{file_id}.fits", "original file name"),
    )
    sums = (
        value_keyword("CHECKSUM", BLANK_CHECKSUM, f"HDU checksum updated {date}"),
        value_keyword("DATASUM", "0", f"data unit checksum updated {date}"),
    )
    structure = _structure(target, extended=extended)
    body = b"".join(card.image for card in chain(structure, values, own, others, sums))
    body += END
    return body.ljust(-(-len(body) // BLOCK) * BLOCK)


def roomy(header: bytes, length: int) -> bytes:
    """Return a header that blank cards before its END bring to a length."""
    end = header.rindex(END)
    return header[:end] + b" " * (length - len(header)) + header[end:]


def with_value(header: bytes, name: str, text: str) -> bytes:
    """Return a header with a string put in place of the one that `name` has there.

    Raises
    ------
    CardError
        There is no such card.
    """
    at = header.rfind(name.ljust(8).encode() + b"= '")
    if at < 0 or at % CARD:
        raise CardError(f"no card {name}")
    comment = header[at : at + CARD].partition(b"/")[2].decode().strip()
    return header[:at] + value_keyword(name, text, comment).image + header[at + CARD :]
