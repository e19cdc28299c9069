"""What a merge does that a person should know of, though it does not stop it.

Conditions: ESO ifw-daq, alerts.html; "Repeated Extension",
"Repeated Keyword" and "Odd Table" are our own.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from quire.jobs.job import Alert, Severity
from quire.products.cards import CardError, cards_of, parse_value
from quire.products.layout import Hdu
from quire.products.specification import DataProductSpecification, FitsFile
from quire.writers.fits.oddities import repeated_keywords, table_faults


def alerts(
    specification: DataProductSpecification,
    hdus: Sequence[Sequence[Hdu]],
    *,
    grown: bool,
    checked: bool,
    at: float,
) -> Iterator[Alert]:
    """Yield the alerts of a merge.

    Parameters
    ----------
    hdus
        The HDUs of each of the specification's files.
    grown
        Whether the target's primary header takes more blocks than before.
    checked
        Whether keywords were compared with the specification's dictionaries.
    at
        Unix seconds.
    """
    kept = specification.target.source
    for file, found in zip(specification.files, hdus, strict=True):
        if found[0].data_size and file.alert_unmergeable and file is not kept:
            yield _unmerged(file, found[0].data_size, at)
    if grown:
        yield Alert(
            id="primary_hdu_resized",
            severity=Severity.INFO,
            description="Primary HDU Resized: the target's header had to grow; "
            "reserving blank cards there avoids it",
            at=at,
        )
    names = Counter(name for found in hdus for name in map(_name, found[1:]) if name[1])
    for name, count in names.items():
        if count > 1:
            yield _repeated(name, count, at)
    for file, found in zip(specification.files, hdus, strict=True):
        yield from _odd(file, found, at)
    if specification.keyword_dictionaries and not checked:
        yield Alert(
            id="dictionaries_not_checked",
            severity=Severity.INFO,
            description="Dictionaries Not Checked: the keywords were not compared "
            f"with {', '.join(specification.keyword_dictionaries)}",
            at=at,
        )


def _unmerged(file: FitsFile, size: int, at: float) -> Alert:
    return Alert(
        id=f"unmerged_data/{file.source_name}/{file.location}",
        severity=Severity.WARNING,
        description=f"Unmerged Data: the primary HDU of source {file.source_name!r} "
        f"({file.location}) has {size} bytes of pixels that cannot go into the "
        "product; have them written as an extension, or set alertUnmergeable to false",
        at=at,
    )


def _odd(file: FitsFile, hdus: Sequence[Hdu], at: float) -> Iterator[Alert]:
    where = f"source {file.source_name!r} ({file.location})"
    if names := repeated_keywords(hdus[0].header):
        yield Alert(
            id=f"repeated_keyword/{file.source_name}/{file.location}",
            severity=Severity.WARNING,
            description=f"Repeated Keyword: {where} has {', '.join(names[:10])} more "
            "than once; the first counts",
            at=at,
        )
    for hdu in hdus[1:]:
        if faults := list(table_faults(hdu)):
            yield Alert(
                id=f"odd_table/{file.source_name}/{file.location}/{hdu.index}",
                severity=Severity.WARNING,
                description=f"Odd Table: HDU {hdu.index} of {where}: "
                f"{'; '.join(faults)}; it is copied as it is",
                at=at,
            )


def _repeated(name: tuple[str, str, str], count: int, at: float) -> Alert:
    kind, text, version = name
    return Alert(
        id=f"repeated_extension/{kind}/{text}/{version}",
        severity=Severity.WARNING,
        description=f"Repeated Extension: {count} {kind} extensions have EXTNAME "
        f"{text!r} and EXTVER {version}; give each its own EXTVER",
        at=at,
    )


def _name(hdu: Hdu) -> tuple[str, str, str]:
    """Return what tells an extension from others (FITS 4.0, section 4.4.2.6)."""
    found = {"EXTNAME": "", "EXTVER": "1"}
    for card in cards_of(hdu.header):
        if card.name in found:
            try:
                found[card.name] = str(parse_value(card)).strip().upper()
            except CardError:
                continue
    return hdu.kind, found["EXTNAME"], found["EXTVER"]
