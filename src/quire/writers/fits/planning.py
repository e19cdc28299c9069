"""What a merge will write: everything is decided before the first byte is."""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import msgspec

from quire.jobs.job import Alert
from quire.products.cards import CardError, format_keyword
from quire.products.keyword_rules import apply_rules
from quire.products.keywords import Card
from quire.products.layout import Hdu, Layout, lay_out
from quire.products.primary_header import (
    build_header,
    copy_fault,
    merge_cards,
    user_cards,
)
from quire.products.specification import DataProductSpecification, FitsFile
from quire.writers.fits.alerts import alerts
from quire.writers.fits.blocks import OpenSource, read_hdus
from quire.writers.fits.checksum import checksum_fault, ones_sum, sealed

# A multiple of 4, as the sums need.
_READ = 1024 * 1024
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
) -> MergePlan:
    """Read all headers, build the product's own, and lay the product out.

    Parameters
    ----------
    sources
        The open files of the specification, in its order.
    proceed
        Called often; raises to stop.

    Raises
    ------
    SourceProblem
        A source cannot be used.
    """
    hdus = []
    for source in sources:
        proceed()
        hdus.append(read_hdus(source))
    in_place = specification.target.source is not None
    target = hdus[0][0].header if in_place else None
    sums = [
        _primary_sum(source, found[0], proceed)
        for source, found in zip(sources, hdus, strict=True)
    ]
    header = build_header(
        merge_cards(_cards(specification, sources, hdus)),
        file_id=specification.target.file_id,
        file_prefix=specification.target.file_prefix,
        made=made,
        extended=any(len(found) > 1 for found in hdus),
        target=target,
    )
    header = sealed(header, sums[0] if in_place else 0)
    return MergePlan(
        header=header,
        layout=lay_out(len(header), hdus, in_place=in_place),
        hdus=tuple(hdus),
        alerts=tuple(
            alerts(
                specification,
                hdus,
                grown=target is not None and len(header) > len(target),
                at=made.timestamp(),
            )
        ),
    )


def _primary_sum(source: OpenSource, hdu: Hdu, proceed: Callable[[], None]) -> int:
    """Return the sum of a primary HDU's data, after comparing it with its CHECKSUM."""
    total, end = 0, hdu.data_offset + hdu.data_length
    for at in range(hdu.data_offset, end, _READ):
        proceed()
        chunk = os.pread(source.descriptor, min(_READ, end - at), at)
        if len(chunk) < min(_READ, end - at):
            raise source.problem("it became shorter while it was read", _FETCH)
        total = ones_sum(chunk, total)
    if fault := checksum_fault(hdu.header, total):
        raise source.problem(f"HDU 0: {fault}", _FETCH)
    return total


def _cards(
    specification: DataProductSpecification,
    sources: Sequence[OpenSource],
    hdus: Sequence[Sequence[Hdu]],
) -> Iterator[Sequence[Card]]:
    """Yield the keywords of each source by descending priority, the target's first."""
    opened = iter(zip(sources, hdus, strict=True))
    own = specification.target.source
    for entry in (() if own is None else (own,)) + specification.sources:
        if isinstance(entry, FitsFile):
            source, found = next(opened)
            yield _file_cards(entry, source, found[0], keeps_data=entry is own)
        else:
            yield [format_keyword(keyword) for keyword in entry.keywords]


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
