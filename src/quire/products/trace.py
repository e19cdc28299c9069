"""Where each card of a product's primary header came from, and by which rule."""

from collections.abc import Iterator, Sequence

import msgspec

from quire.products.cards import CardError, format_keyword, read_cards
from quire.products.keyword_dictionary import Dictionaries
from quire.products.keyword_rules import Filter, KeywordRule, apply_rules
from quire.products.keywords import Card, CardKind
from quire.products.primary_header import user_cards
from quire.products.specification import DataProductSpecification, FitsFile

MERGER = ""
"""The name, as a source, of what the merger writes itself."""

_WRITES = "written by the merger"
_COPIED = "copied: the source has no keywordRules"


class TracedCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card of the product with its origin.

    Attributes
    ----------
    card
        As it stands in the header, without blanks at its end.
    source
        Name of the source that gave it; empty if the merger wrote it.
    rule
        What brought it in: a place in the specification, or words.
    former
        Its name in the source, where a rule has renamed it.
    beaten
        Names of the sources that had it too, with less priority.
    """

    card: str
    source: str = MERGER
    rule: str = _WRITES
    former: str = ""
    beaten: tuple[str, ...] = ()


class _Origin(msgspec.Struct, frozen=True, kw_only=True):
    card: Card
    source: str
    rule: str
    former: str


def trace(
    specification: DataProductSpecification,
    headers: Sequence[bytes],
    product: bytes,
    *,
    dictionaries: Dictionaries | None = None,
) -> tuple[TracedCard, ...]:
    """Return the cards of a product's primary header, each with its origin.

    Parameters
    ----------
    headers
        The primary headers of the specification's files, in its order.
    product
        The product's primary header.
    dictionaries
        What its keywords were compared with.
    """
    checked = dictionaries or Dictionaries()
    origins: dict[tuple[CardKind, str], list[_Origin]] = {}
    for origin in _origins(specification, headers, checked):
        origins.setdefault(_key(origin.card), []).append(origin)
    return tuple(_traced(card, origins) for card in read_cards(product))


def _traced(
    card: Card, origins: dict[tuple[CardKind, str], list[_Origin]]
) -> TracedCard:
    text = "\n".join(
        card.image[at : at + 80].decode("latin-1").rstrip()
        for at in range(0, len(card.image), 80)
    )
    found = origins.get(_key(card), [])
    if not found or found[0].card.image != card.image:
        return TracedCard(card=text)
    first, *others = found
    commentary = card.kind is CardKind.COMMENTARY
    if commentary:
        # All commentary is kept: the same words may come from several sources.
        del found[0]
    return TracedCard(
        card=text,
        source=first.source,
        rule=first.rule,
        former=first.former,
        beaten=() if commentary else tuple(one.source for one in others),
    )


def _key(card: Card) -> tuple[CardKind, str]:
    if card.kind is CardKind.COMMENTARY:
        return card.kind, card.image.decode("latin-1")
    return card.kind, card.name


def _origins(
    specification: DataProductSpecification,
    headers: Sequence[bytes],
    dictionaries: Dictionaries,
) -> Iterator[_Origin]:
    """Yield the cards that the sources offer, by descending priority."""
    unread = iter(headers)
    target = specification.target.source
    if target is not None:
        yield from _of_file(target, next(unread), "/target/source", keeps_data=True)
    for place, entry in enumerate(specification.sources):
        at = f"/sources/{place}"
        if isinstance(entry, FitsFile):
            yield from _of_file(entry, next(unread), at, keeps_data=False)
            continue
        for index, keyword in enumerate(entry.keywords):
            yield _Origin(
                card=format_keyword(dictionaries.conformed(keyword)),
                source=entry.source_name,
                rule=f"{at}/keywords/{index}",
                former="",
            )


def _of_file(
    entry: FitsFile, header: bytes, at: str, *, keeps_data: bool
) -> Iterator[_Origin]:
    try:
        cards = apply_rules(user_cards(header, keeps_data=keeps_data), None)
    except CardError:
        return
    if entry.keyword_rules == ():
        return
    followed = [(card, _COPIED, "") for card in cards]
    for index, rule in enumerate(entry.keyword_rules or ()):
        followed = _after(followed, rule, f"{at}/keywordRules/{index}")
    for card, by, former in followed:
        yield _Origin(card=card, source=entry.source_name, rule=by, former=former)


def _after(
    followed: list[tuple[Card, str, str]], rule: KeywordRule, here: str
) -> list[tuple[Card, str, str]]:
    """Return cards, each with what brought it so far and its name in the source."""
    after = apply_rules([card for card, _, _ in followed], [rule])
    if isinstance(rule, Filter):
        kept = {id(card) for card in after}
        return [(card, here, name) for card, _, name in followed if id(card) in kept]
    return [
        (card, by, name) if new is card else (new, here, name or card.name)
        for (card, by, name), new in zip(followed, after, strict=True)
    ]
