"""The twelve document names of event-model."""

from enum import StrEnum


class DocumentName(StrEnum):
    """A document's name (event-model 1.24, ``DocumentNames``)."""

    # That of an enumeration is written in Python, and names are looked up all the time.
    __hash__ = str.__hash__

    START = "start"
    STOP = "stop"
    DESCRIPTOR = "descriptor"
    EVENT = "event"
    EVENT_PAGE = "event_page"
    RESOURCE = "resource"
    DATUM = "datum"
    DATUM_PAGE = "datum_page"
    STREAM_RESOURCE = "stream_resource"
    STREAM_DATUM = "stream_datum"
    BULK_EVENTS = "bulk_events"
    BULK_DATUM = "bulk_datum"
