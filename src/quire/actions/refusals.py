"""Items of a delivery that were not stored, and what their runs tell of them."""

import msgspec

from quire.actions.repeats import Clash
from quire.documents.document import Fault
from quire.runs.run import Finding


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item that was not stored.

    Attributes
    ----------
    stored_hash, received_hash
        SHA-256 of both contents, where other content has the same uid.
    """

    index: int
    name: str
    uid: str
    field: str
    reason: str
    stored_hash: str = ""
    received_hash: str = ""

    @classmethod
    def of(cls, fault: Fault) -> "Refusal":
        """Return a fault as a refusal."""
        return cls(
            index=fault.index,
            name=fault.name,
            uid=fault.uid,
            field=fault.field,
            reason=fault.reason,
        )

    @classmethod
    def of_clash(cls, index: int, name: str, clash: Clash) -> "Refusal":
        """Return other content under a known uid as a refusal."""
        return cls(
            index=index,
            name=name,
            uid=clash.uid,
            field="",
            reason=(
                f"other content is stored under this uid{clash.where}: stored "
                f"{clash.stored_hash}, received {clash.received_hash}"
            ),
            stored_hash=clash.stored_hash,
            received_hash=clash.received_hash,
        )


def conflict(refusal: Refusal, received: str) -> Finding:
    """Tell of a copy that was refused; the stored one stays (``documents.md``, 5)."""
    return Finding(
        rule="conflict", uid=refusal.uid, message=refusal.reason, received=received
    )
