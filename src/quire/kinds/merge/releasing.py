"""Releasing: every receiver gets the product once, whatever happens in between."""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from quire.jobs.job import Alert, Severity
from quire.kinds.merge.outcomes import Stuck, error_alert
from quire.kinds.merge.slots import HostSlots
from quire.ports.transfer import Delivery, Marks, ReceiverFull, TransferProblem
from quire.products.receivers import Receiver, receiver_key
from quire.products.specification import DataProductSpecification
from quire.writers.fits.merge import MergedPart
from quire.writers.fits.publish import sync_folder

_MERGED = "merged"
_PAUSES = (0.2, 1.0)


class _Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What the mark of a merged product says.

    Attributes
    ----------
    of
        Hash of the specification that it was made by.
    """

    of: str
    part: MergedPart


def delivery_of(receiver: Receiver, deliveries: Sequence[Delivery]) -> Delivery:
    """Return what delivers to a receiver.

    Raises
    ------
    TransferProblem
        The settings let nothing deliver there.
    """
    for one in deliveries:
        if one.takes(receiver):
            return one
    key = receiver_key(receiver)
    mend = "name another receiver, or list it under [transfers]"
    raise TransferProblem(key, "this server may not deliver there", mend)


class Releasing:
    """Hands one product on.

    Parameters
    ----------
    done
        The job's folder of what is finished.
    slots
        One is had of a receiver's host while the product goes there.
    proceed
        Called often; raises to stop.
    """

    def __init__(
        self,
        specification: DataProductSpecification,
        deliveries: Sequence[Delivery],
        marks: Marks,
        *,
        done: Path,
        slots: HostSlots,
        proceed: Callable[[], None],
    ) -> None:
        self._specification = specification
        self._deliveries = deliveries
        self._marks = marks
        self._done = done
        self._slots = slots
        self._proceed = proceed
        self._of = hashlib.sha256(msgspec.json.encode(specification)).hexdigest()

    def merged(self) -> MergedPart | None:
        """Return the product if an earlier attempt has merged it."""
        written = self._marks.find(_MERGED)
        if written is None:
            return None
        try:
            found = msgspec.json.decode(written, type=_Merged, dec_hook=_path)
            whole = found.part.file.stat().st_size == found.part.size
        except (msgspec.MsgspecError, OSError):
            return None
        there = whole and found.part.manifest.exists()
        return found.part if there and found.of == self._of else None

    def keep(self, part: MergedPart) -> MergedPart:
        """Put a merged product where later attempts find it; return it there."""
        self._done.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = msgspec.structs.replace(
            part,
            file=part.file.rename(self._done / part.file.name),
            manifest=part.manifest.rename(self._done / part.manifest.name),
        )
        sync_folder(self._done)
        mark = _Merged(of=self._of, part=kept)
        said = msgspec.json.encode(mark, enc_hook=str)
        self._marks.put(_MERGED, said, "The product is complete")
        return kept

    def run(self, part: MergedPart, tell: Callable[[str], None]) -> None:
        """Hand the product on to whoever has not got it.

        Raises
        ------
        Stuck
            Receivers refused or are full: one alert each; the others have it.
        """
        wrong = []
        for receiver in self._specification.receivers:
            key = receiver_key(receiver)
            mark = f"released-{hashlib.sha256(key.encode()).hexdigest()[:24]}"
            if self._marks.find(mark) == part.sha256.encode():
                continue
            tell(f"Releasing to {key}")
            try:
                self._deliver(receiver, part, tell)
            except ReceiverFull as problem:
                wrong.append(_full(key, problem))
            except TransferProblem as problem:
                wrong.append(_releasing_error(key, problem))
            else:
                self._marks.put(mark, part.sha256.encode(), f"Released to {key}")
        if wrong:
            raise Stuck(tuple(wrong))

    def _deliver(
        self, receiver: Receiver, part: MergedPart, tell: Callable[[str], None]
    ) -> None:
        delivery = delivery_of(receiver, self._deliveries)

        def waits(host: str) -> None:
            tell(f"Waiting for {host}: other acquisitions use it")

        for pause in (*_PAUSES, None):
            host = delivery.host(receiver)
            try:
                with self._slots.waited(host, self._proceed, waits):
                    delivery.deliver(
                        receiver,
                        part.file,
                        part.file_name,
                        proceed=lambda _: self._proceed(),
                    )
            except ReceiverFull:
                raise
            except TransferProblem:
                if pause is None:
                    raise
                self._proceed()
                time.sleep(pause)
            else:
                return


def _releasing_error(key: str, problem: TransferProblem) -> Alert:
    return error_alert(
        f"receiver:{key}",
        f"Source File Releasing Error: {key}: {problem.reason} ({problem.mend})",
    )


def _full(key: str, problem: TransferProblem) -> Alert:
    return Alert(
        id=f"low_space/{key}",
        severity=Severity.WARNING,
        description=f"Low Disk Space: {key}: {problem.reason} ({problem.mend}; it then "
        "goes on by itself)",
    )


def _path(model: type[Any], value: Any) -> Any:
    return model(value)
