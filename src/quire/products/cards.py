"""Header cards: writing one and reading them (FITS standard 4.0, section 4)."""

import functools
import re
from collections.abc import Iterator
from math import isfinite

from quire.products.keywords import (
    COMMENTARY,
    VALUE_NAME,
    Card,
    CardKind,
    EsoKeyword,
    Keyword,
    LiteralKeyword,
    ValueKeyword,
    name_fault,
)

CARD = 80
END = b"END".ljust(CARD)
_FIXED = 20
_SHORTEST_STRING = 8
_INTEGERS = range(-(2**63), 2**64)
_HIERARCH = b"HIERARCH "
# Of more cards a warm worker shall remember none.
_LONGEST_KNOWN = 1000 * CARD
_ESO = "HIERARCH ESO "
_VALUE = re.compile(
    r"\s*(?P<token>'(?:[^']|'')*'|[TF]|[+-]?[0-9]+"
    r"|[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[ED][+-]?[0-9]+)?"
    r"|\([^()/']+,[^()/']+\)|)\s*(?:/(?P<comment>.*))?"
)
_INTEGER = re.compile(r"[+-]?[0-9]+")

Value = bool | int | float | str | complex | None


class CardError(ValueError):
    """A keyword that fits no card, or a card that holds no readable keyword."""


def _is_printable(text: str) -> bool:
    return text.isascii() and text.isprintable()


def value_text(value: bool | float | str) -> str:  # noqa: FBT001 - a FITS value
    """Return a value as FITS writes it, strings quoted and padded to 8.

    Raises
    ------
    CardError
        FITS has no way to write it.
    """
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, int):
        if value not in _INTEGERS:
            raise CardError("an integer beyond 64 bits: write it as a string")
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if not _is_printable(value):
        raise CardError("a character that is not printable ASCII")
    return "'" + value.replace("'", "''").ljust(_SHORTEST_STRING) + "'"


def _float_text(value: float) -> str:
    if not isfinite(value):
        raise CardError("FITS has no NaN and no infinity")
    mantissa, _, exponent = repr(value).partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}E{int(exponent):+03d}" if exponent else mantissa


def format_value_card(
    kind: CardKind, name: str, token: str, *, comment: str = ""
) -> bytes:
    """Return the record(s) of a keyword whose value is already FITS text.

    A comment that does not fit is cut. A string that does not fit goes on in
    CONTINUE records (section 4.2.1.2) if the name has at most 8 characters.

    Raises
    ------
    CardError
        The value does not fit, or the comment is not printable ASCII.
    """
    if not _is_printable(comment):
        raise CardError("a comment with a character that is not printable ASCII")
    if kind is CardKind.ESO:
        head = f"{_ESO}{name} = "
    else:
        head = f"{name} = " if name.startswith("HIERARCH ") else f"{name:<8}= "
    quoted = token.startswith("'")
    field = token.ljust(_FIXED) if quoted else token.rjust(_FIXED)
    if len(head) + len(field) > CARD:
        field = token
    if len(head) + len(field) > CARD:
        if quoted and VALUE_NAME.fullmatch(name):
            return _continued(head, token[1:-1], comment)
        raise CardError(f"{len(field)} characters do not fit after {head!r} in {CARD}")
    text = f"{head}{field} / {comment}" if comment else head + field
    return text[:CARD].ljust(CARD).encode("ascii")


def _continued(head: str, quoted: str, comment: str) -> bytes:
    """Return a long string over several records; `quoted` has its quotes doubled."""
    records: list[str] = []
    while quoted or not records:
        room = CARD - len(head) - 3
        piece, cut = quoted[:room], room
        # A doubled quote must not be torn apart.
        if (len(piece) - len(piece.rstrip("'"))) % 2:
            cut -= 1
        piece, quoted = quoted[:cut], quoted[cut:]
        records.append(f"{head}'{piece}{'&' if quoted else ''}'")
        head = "CONTINUE  "
    if comment:
        records[-1] = f"{records[-1]} / {comment}"[:CARD]
    return "".join(record.ljust(CARD) for record in records).encode("ascii")


def format_keyword(keyword: Keyword) -> Card:
    """Return the card of a keyword.

    Raises
    ------
    CardError
        It fits no card, or the merger writes that keyword itself.
    """
    if isinstance(keyword, LiteralKeyword):
        return _literal(keyword.value)
    kind = CardKind.ESO if isinstance(keyword, EsoKeyword) else CardKind.VALUE
    if fault := name_fault(kind, keyword.name):
        raise CardError(f"the name {keyword.name!r} cannot be used: {fault}")
    image = format_value_card(
        kind, keyword.name, value_text(keyword.value), comment=keyword.comment
    )
    return Card(kind=kind, name=keyword.name, image=image)


def _literal(text: str) -> Card:
    if len(text) > CARD or not _is_printable(text):
        raise CardError(f"not at most {CARD} printable ASCII characters")
    image = text.ljust(CARD).encode("ascii")
    if image == END:
        raise CardError("END belongs to the merger")
    (card,) = read_cards(image)
    if not card.name.startswith("HIERARCH ") and (
        fault := name_fault(card.kind, card.name)
    ):
        raise CardError(f"the name {card.name!r} cannot be used: {fault}")
    if card.kind is not CardKind.COMMENTARY:
        parse_value(card)
    return card


def read_cards(header: bytes) -> Iterator[Card]:
    """Yield the cards of a header up to END, without looking at their values.

    Raises
    ------
    CardError
        A CONTINUE record that continues nothing.
    """
    at = 0
    while at + CARD <= len(header):
        record = header[at : at + CARD]
        if record == END:
            return
        end = at + CARD
        kind, name = _identity(record)
        while kind is not CardKind.COMMENTARY and _continues(header, end):
            end += CARD
        if name == "CONTINUE":
            raise CardError("a CONTINUE record that continues nothing")
        yield Card(kind=kind, name=name, image=header[at:end])
        at = end


def cards_of(header: bytes) -> tuple[Card, ...]:
    """Return the cards of a header; of a usual one they are read only once.

    Raises
    ------
    CardError
        A CONTINUE record that continues nothing.
    """
    if len(header) > _LONGEST_KNOWN:
        return tuple(read_cards(header))
    return _known_cards(header)


@functools.lru_cache(maxsize=64)  # a header is looked at half a dozen times
def _known_cards(header: bytes) -> tuple[Card, ...]:
    return tuple(read_cards(header))


def _continues(header: bytes, at: int) -> bool:
    return header[at : at + 10] == b"CONTINUE  "


def _identity(record: bytes) -> tuple[CardKind, str]:
    if record.startswith(_HIERARCH) and b"=" in record:
        name = " ".join(record[: record.index(b"=")].decode("latin-1").split())
        if name.startswith(_ESO):
            return CardKind.ESO, name.removeprefix(_ESO)
        return CardKind.VALUE, name
    name = record[:8].decode("latin-1").rstrip()
    # Without the value indicator a record is commentary (section 4.1.2.2).
    plain = name in COMMENTARY or record[8:10] != b"= "
    return (CardKind.COMMENTARY if plain else CardKind.VALUE), name


def split_value(card: Card) -> tuple[str, str]:
    """Return a one-record card's value as FITS text, and its comment.

    Raises
    ------
    CardError
        No value can be read from it.
    """
    record = card.image[:CARD].decode("latin-1")
    hierarch = card.kind is CardKind.ESO or card.name.startswith("HIERARCH ")
    field = record.partition("=")[2] if hierarch else record[10:]
    match = _VALUE.fullmatch(field)
    if match is None:
        raise CardError(f"{record.rstrip()!r} holds no readable value")
    return match["token"], (match["comment"] or "").strip()


def parse_value(card: Card) -> Value:
    """Return a card's value; None if it has none.

    Raises
    ------
    CardError
        No value can be read from it.
    """
    token, _ = split_value(card)
    if token.startswith("'"):
        return _long_string(card, token)
    if len(card.image) > CARD:
        raise CardError("a CONTINUE record that continues no string")
    if token in ("", "T", "F"):
        return {"": None, "T": True, "F": False}[token]
    if _INTEGER.fullmatch(token):
        return int(token)
    try:
        if token.startswith("("):
            real, imaginary = token[1:-1].replace("D", "E").split(",")
            return complex(float(real), float(imaginary))
        return float(token.replace("D", "E"))
    except ValueError:
        raise CardError(f"{token!r} is no number") from None


def _long_string(card: Card, token: str) -> str:
    text = _unquoted(token)
    for at in range(CARD, len(card.image), CARD):
        match = _VALUE.fullmatch(card.image[at + 10 : at + CARD].decode("latin-1"))
        if match is None or not match["token"].startswith("'"):
            raise CardError("a CONTINUE record without a string")
        if not text.endswith("&"):
            raise CardError("a CONTINUE record after a string that has ended")
        text = text[:-1] + _unquoted(match["token"])
    return text


def _unquoted(token: str) -> str:
    return token[1:-1].replace("''", "'").rstrip(" ")


def value_keyword(
    name: str,
    value: bool | float | str,  # noqa: FBT001 - a FITS value
    comment: str = "",
) -> Card:
    """Return the card of a keyword that the merger writes itself."""
    image = format_value_card(CardKind.VALUE, name, value_text(value), comment=comment)
    return Card(kind=CardKind.VALUE, name=name, image=image)


__all__ = [
    "CARD",
    "END",
    "CardError",
    "Value",
    "ValueKeyword",
    "cards_of",
    "format_keyword",
    "format_value_card",
    "parse_value",
    "read_cards",
    "split_value",
    "value_keyword",
    "value_text",
]
