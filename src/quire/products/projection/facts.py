"""What is known of a run before any of its data is read."""

from typing import Any

import msgspec


class StreamFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One stream.

    Attributes
    ----------
    rows
        Of the resolved view: one a sequence number.
    descriptors
        In the order of their time, as `quire.runs.columns.configuration` has them.
    columns
        Arrow field of each data key that can be read.
    unreadable
        Why a data key cannot, by data key.
    digest
        SHA-256 over the uids of its events in the resolved view, hexadecimal. A uid
        stands for its content: the store refuses another.
    """

    name: str
    rows: int = 0
    descriptors: tuple[dict[str, Any], ...] = ()
    columns: dict[str, Any] = {}
    unreadable: dict[str, str] = {}
    digest: str = ""

    @property
    def data_keys(self) -> dict[str, Any]:
        """What is said of each data key; of several the latest descriptor's word."""
        return {
            key: one
            for each in self.descriptors
            for key, one in each.get("data_keys", {}).items()
        }


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One run.

    Attributes
    ----------
    stop
        None while none has come.
    documents
        How many it has.
    """

    uid: str
    start: dict[str, Any]
    stop: dict[str, Any] | None = None
    documents: int = 0
    streams: dict[str, StreamFacts] = {}

    @property
    def partial(self) -> bool:
        """Whether more may come."""
        return self.stop is None
