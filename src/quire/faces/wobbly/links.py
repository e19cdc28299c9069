"""Cursors and the `Link` header (RFC 8288, as Safir writes it)."""

import re

import msgspec
from starlette.datastructures import URL

from quire.actions.outside_jobs import Listing
from quire.ports.job_numbers import Place

_CURSOR = re.compile(r"(p?)(-?\d{1,12}(?:\.\d{1,9})?)_(\d{1,18})", re.ASCII)


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """A place between two pages.

    Attributes
    ----------
    previous
        Whether the page that ends before the place is meant, not the one that begins
        with it.
    """

    place: Place
    previous: bool = False


def read_cursor(text: str) -> Cursor | None:
    """Return the cursor that a text is, None for none."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        return None
    place = (float(found[2]), int(found[3]))
    return Cursor(place=place, previous=bool(found[1]))


def write_cursor(cursor: Cursor) -> str:
    """Return a cursor as text; a fraction of a second only where there is one."""
    created, number = cursor.place
    seconds = f"{created:.6f}".rstrip("0").rstrip(".")
    return f"{'p' if cursor.previous else ''}{seconds}_{number}"


def link(url: URL, listing: Listing, *, begin: Place | None) -> str:
    """Return the header for a page.

    Parameters
    ----------
    url
        What was asked; its other parameters are kept.
    begin
        Where the page was asked to begin, None if at the newest or going back.
    """
    first = url.remove_query_params("cursor")
    newer = begin if begin is not None else listing.newer
    every = {"first": str(first)}
    if listing.older is not None:
        every["next"] = _to(first, Cursor(place=listing.older))
    if newer is not None:
        every["prev"] = _to(first, Cursor(place=newer, previous=True))
    return ", ".join(f'<{address}>; rel="{name}"' for name, address in every.items())


def _to(url: URL, cursor: Cursor) -> str:
    return str(url.include_query_params(cursor=write_cursor(cursor)))
