"""What a merge will write: everything is decided before the first byte is."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import msgspec

from quire.jobs.job import Alert
from quire.products.cards import CardError, format_keyword
from quire.products.keyword_dictionary import Dictionaries
from quire.products.keyword_rules import apply_rules
from quire.products.keywords import Card
from quire.products.layout import Hdu, Layout, alignment_padding, lay_out
from quire.products.primary_header import (
    build_header,
    copy_fault,
    merge_cards,
    roomy,
    user_cards,
)
from quire.products.source_problem import SourceProblem
from quire.products.specification import DataProductSpecification, FitsFile
from quire.writers.fits.alerts import alerts
from quire.writers.fits.blocks import OpenSource
from quire.writers.fits.checksum import checksum_fault, ones_sum, sealed
from quire.writers.fits.collected import Known, as_collected
from quire.writers.fits.hashing import read_range

_DICTIONARY = "mend the source's header or the dictionary, then retry"
_RULES = "change the specification's keywordRules, or mend the file's header"
_FETCH = "fetch the file again from where it was made"


class MergePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The product before it is written.

    Attributes
    ----------
    header
        Its primary header, checksums included.
    hdus
        The HDUs of each source, in the order of the specification's files.
    """

    header: bytes
    layout: Layout
    hdus: tuple[tuple[Hdu, ...], ...]
    alerts: tuple[Alert, ...]


def plan(
    specification: DataProductSpecification,
    sources: Sequence[OpenSource],
    *,
    made: datetime,
    proceed: Callable[[], None],
    dictionaries: Dictionaries | None = None,
    align: int = 0,
    grow: int = 0,
    known: Known | None = None,
) -> MergePlan:
    """Read all headers, build the product's own, and lay the product out.

    Parameters
    ----------
    sources
        The open files of the specification, in its order.
    proceed
        Called often; raises to stop.
    dictionaries
        What keywords are compared with; None compares them with nothing.
    align
        Bytes of the file system's blocks if the product shall share them with its
        sources, else 0.
    grow
        Bytes by which the header of the target grows at a time if the product is
        made within the target's file, else 0.
    known
        What the sources were when they were collected: they must be so still.

    Raises
    ------
    SourceProblem
        A source cannot be used.
    """
    known, hdus = known or Known(), []
    for source in sources:
        proceed()
        hdus.append(as_collected(source, known))
    target = None if specification.target.source is None else hdus[0][0].header
    sums = [
        _primary_sum(source, found[0], known, proceed)
        for source, found in zip(sources, hdus, strict=True)
    ]
    checked = dictionaries or Dictionaries()
    cards = merge_cards(_cards(specification, sources, hdus, checked), checked=True)
    _require_mandatory(specification, cards, checked)
    header = _header(specification, cards, hdus, made=made, align=align, grow=grow)
    header = sealed(header, 0 if target is None else sums[0])
    return MergePlan(
        header=header,
        layout=lay_out(len(header), hdus, in_place=target is not None, align=align),
        hdus=tuple(hdus),
        alerts=tuple(
            alerts(
                specification,
                hdus,
                grown=target is not None and len(header) > len(target),
                checked=dictionaries is not None,
                at=made.timestamp(),
            )
        ),
    )


def _header(
    specification: DataProductSpecification,
    cards: Sequence[Card],
    hdus: Sequence[Sequence[Hdu]],
    *,
    made: datetime,
    align: int,
    grow: int,
) -> bytes:
    """Return the product's primary header, of the length that it is to have."""
    target = None if specification.target.source is None else hdus[0][0]
    header = build_header(
        cards,
        file_id=specification.target.file_id,
        file_prefix=specification.target.file_prefix,
        made=made,
        extended=any(len(found) > 1 for found in hdus),
        target=None if target is None else target.header,
    )
    if target is None:
        return header
    wanted = _length_in_place(header, target, align=align, grow=grow)
    return roomy(header, wanted)


def _length_in_place(header: bytes, old: Hdu, *, align: int, grow: int) -> int:
    """Return how long the product's header is to be, that replaces another."""
    least = len(header)
    if grow:
        missing = max(least - len(old.header), 0)
        return len(old.header) + -(-missing // grow) * grow
    return least + alignment_padding(least, old.data_offset, align)


def _primary_sum(
    source: OpenSource, hdu: Hdu, known: Known, proceed: Callable[[], None]
) -> int:
    """Return the sum of a primary HDU's data, after comparing it with its CHECKSUM."""
    if in_memory := known.held.get(source.location):
        total = ones_sum(in_memory.data(hdu))
    elif former := known.digests.get(source.location):
        total = former[0].data_sum
    else:
        total = _read_sum(source, hdu, proceed)
    if fault := checksum_fault(hdu.header, total):
        raise source.problem(f"HDU 0: {fault}", _FETCH)
    return total


def _read_sum(source: OpenSource, hdu: Hdu, proceed: Callable[[], None]) -> int:
    total = 0
    try:
        for chunk in read_range(source.descriptor, hdu.data_offset, hdu.data_length):
            proceed()
            total = ones_sum(chunk, total)
    except EOFError:
        raise source.changed("it became shorter while it was read") from None
    return total


def _cards(
    specification: DataProductSpecification,
    sources: Sequence[OpenSource],
    hdus: Sequence[Sequence[Hdu]],
    dictionaries: Dictionaries,
) -> Iterator[Sequence[Card]]:
    """Yield the keywords of each source by descending priority, the target's first."""
    opened = iter(zip(sources, hdus, strict=True))
    own = specification.target.source
    for entry in (() if own is None else (own,)) + specification.sources:
        if isinstance(entry, FitsFile):
            source, found = next(opened)
            cards = _file_cards(entry, source, found[0], keeps_data=entry is own)
            _require_known(source, cards, dictionaries)
            yield cards
        else:
            yield [
                format_keyword(dictionaries.conformed(keyword))
                for keyword in entry.keywords
            ]


def _require_known(
    source: OpenSource, cards: Sequence[Card], dictionaries: Dictionaries
) -> None:
    for card in cards:
        if fault := dictionaries.card_fault(card):
            raise source.problem(f"HDU 0: {fault}", _DICTIONARY)


def _require_mandatory(
    specification: DataProductSpecification,
    cards: Sequence[Card],
    dictionaries: Dictionaries,
) -> None:
    if missing := dictionaries.missing(card.name for card in cards):
        file_id = specification.target.file_id
        reason = f"no source gives the mandatory {', '.join(missing)}"
        raise SourceProblem("all", f"{file_id}.fits", reason, _DICTIONARY)


def _file_cards(
    entry: FitsFile, source: OpenSource, primary: Hdu, *, keeps_data: bool
) -> Sequence[Card]:
    try:
        cards = user_cards(primary.header, keeps_data=keeps_data)
        kept = apply_rules(cards, entry.keyword_rules)
        for card in kept:
            if fault := copy_fault(card):
                raise CardError(fault)
    except CardError as unusable:
        raise source.problem(f"HDU 0: {unusable}", _RULES) from None
    return kept
