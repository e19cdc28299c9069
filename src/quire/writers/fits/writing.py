"""Writing what a merge has planned."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence

from quire.products.layout import Hdu, LayoutPart
from quire.products.manifest import PIECE
from quire.products.primary_header import roomy
from quire.products.source_problem import SourceChanged
from quire.writers.fits.blocks import OpenSource
from quire.writers.fits.checksum import checksum_fault, resealed
from quire.writers.fits.collected import NOT_AS_COLLECTED, Known
from quire.writers.fits.course import VERIFY, Course
from quire.writers.fits.hashing import Digest, pieces_of
from quire.writers.fits.linux import clone_range
from quire.writers.fits.planning import MergePlan
from quire.writers.fits.pump import CutShort, Piece, Pump, write_all
from quire.writers.fits.sources import require_unchanged

# Seconds between two looks whether to stop, while only threads work.
_LOOK = 0.05
_FETCH = "fetch the file again from where it was made"


def sharing_block(descriptor: int, sources: Sequence[OpenSource]) -> int:
    """Return the block of a file system on which the product can share a source's.

    Returns
    -------
        0 if it cannot share blocks with any. The product is empty afterwards.
    """
    block = os.fstatvfs(descriptor).f_bsize
    for source in sources:
        if source.size >= block and clone_range(
            source.descriptor, descriptor, source_offset=0, offset=0, length=block
        ):
            os.ftruncate(descriptor, 0)
            return block
    return 0


class Writing:
    """Writes one product.

    Parameters
    ----------
    descriptor
        The product, open for reading and writing.
    block
        Bytes of a block, if blocks of the sources may be shared; 0 if not.
    known
        What is known of the sources: what the product shares, and what is held, is
        not read again, and what nobody else can write to is only copied.
    owned
        Whether the product's file is that of the first source, its data moved to
        where the product has them.
    """

    def __init__(
        self,
        planned: MergePlan,
        sources: Sequence[OpenSource],
        descriptor: int,
        *,
        course: Course,
        block: int = 0,
        known: Known | None = None,
        owned: bool = False,
    ) -> None:
        self._planned = planned
        self._parts = planned.layout.parts
        self._sources = sources
        self._descriptor = descriptor
        self._course = course
        self._block = block
        self._known = known or Known()
        self._owned = owned
        self._spared: set[int] = set()

    def run(self) -> tuple[Digest, ...]:
        """Write; return what the primary header and each part came to.

        Raises
        ------
        SourceProblem
            A source is damaged, or changed meanwhile.
        OSError
            The disk refused.
        """
        self._course.size = self._planned.layout.size
        write_all(self._descriptor, self._planned.header, 0)
        with Pump(self._descriptor, self._planned.layout.size) as pump:
            self._fill(pump)
            pump.close()
            while not pump.done(timeout=_LOOK):
                self._course.moved(self._course.message, pump.moved)
            try:
                results = pump.results()
            except CutShort as problem:
                raise self._shorter(self._parts[problem.part]) from None
        self._course.tell("Verifying", VERIFY)
        digests = tuple(
            self._digest(number, part, results)
            for number, part in enumerate(self._parts)
        )
        for number, source in enumerate(self._sources):
            mine = self._owned and number == 0
            if not mine and source.location not in self._known.held:
                require_unchanged(source)
        header = hashlib.sha256(self._planned.header).digest()
        return Digest(pieces=(header,), data_sum=0), *digests

    def _fill(self, pump: Pump) -> None:
        for number, part in enumerate(self._parts):
            message = f"Copying {self._sources[part.source].name}"
            self._course.message = message
            self._course.moved(message, pump.moved)
            held = self._known.held.get(self._sources[part.source].location)
            if held is not None:
                self._write_held(number, part, held.data(self._hdu(part)), pump)
                continue
            self._write_header(part)
            for piece in self._pieces(number, part):
                pump.put(piece)

    def _write_held(
        self, number: int, part: LayoutPart, data: memoryview, pump: Pump
    ) -> None:
        """Write what is in memory here, while threads hash it."""
        for place, (start, length) in enumerate(pieces_of(len(data))):
            pump.put(
                Piece(
                    part=number,
                    number=place,
                    content=data[start : start + length],
                    length=length,
                    write=False,
                )
            )
        at = part.offset
        if part.hdu:
            header = _wide(self._hdu(part).header, part.padding)
            write_all(self._descriptor, header, at)
            at += len(header)
        write_all(self._descriptor, data, at)

    def _hdu(self, part: LayoutPart) -> Hdu:
        return self._planned.hdus[part.source][part.hdu]

    def _write_header(self, part: LayoutPart) -> None:
        """Write an extension's header, if it is still what was planned."""
        if not part.hdu:
            return
        source, hdu = self._sources[part.source], self._hdu(part)
        offset, descriptor = part.source_offset, source.descriptor
        mine = self._owned and part.source == 0
        if mine:
            offset, descriptor = part.offset, self._descriptor
        found = os.pread(descriptor, len(hdu.header), offset)
        if len(found) < len(hdu.header):
            raise self._shorter(part)
        if found != hdu.header:
            raise source.changed(
                f"HDU {part.hdu}: its header changed while it was merged"
            )
        if not mine:
            write_all(self._descriptor, _wide(hdu.header, part.padding), part.offset)

    def _pieces(self, number: int, part: LayoutPart) -> Iterator[Piece]:
        hdu = self._hdu(part)
        start = hdu.data_offset
        data = part.end - hdu.data_length
        source = self._sources[part.source].descriptor
        mine = self._owned and part.source == 0
        shared = mine or self._share(source, start, data, hdu.data_length)
        known = self._former(part) is not None
        private = self._sources[part.source].location in self._known.private
        if known and (shared or private):
            self._spared.add(number)
            if shared:
                return
        for place, (offset, length) in enumerate(pieces_of(hdu.data_length)):
            yield Piece(
                part=number,
                number=place,
                source=self._descriptor if mine else source,
                source_offset=(data if mine else start) + offset,
                offset=data + offset,
                length=length,
                write=not shared,
                read=number not in self._spared,
                # What has the hash that was collected has its sum too.
                sum=not known,
            )

    def _share(self, source: int, start: int, data: int, length: int) -> bool:
        """Have the product share data with a source; copy the ragged ends."""
        block = self._block
        if not block or (start - data) % block:
            return False
        first = -(-start // block) * block
        last = (start + length) // block * block
        if last <= first or not clone_range(
            source,
            self._descriptor,
            source_offset=first,
            offset=data + first - start,
            length=last - first,
        ):
            return False
        for begin, end in ((start, first), (last, start + length)):
            edge = os.pread(source, end - begin, begin)
            if len(edge) < end - begin:
                return False  # found, and told, by whoever reads all of it
            write_all(self._descriptor, edge, data + begin - start)
        return True

    def _former(self, part: LayoutPart) -> Digest | None:
        every = self._known.digests.get(self._sources[part.source].location)
        return None if every is None else every[part.hdu]

    def _digest(
        self,
        number: int,
        part: LayoutPart,
        results: Mapping[tuple[int, int], tuple[bytes, int]],
    ) -> Digest:
        """Return what a part came to, once it is found to be what was planned."""
        hdu, source = self._hdu(part), self._sources[part.source]
        former = self._former(part)
        if number in self._spared and former is not None:
            pieces, total = former.pieces, former.data_sum
        else:
            count = -(-hdu.data_length // PIECE)
            found = [results[number, place] for place in range(count)]
            pieces = tuple(one for one, _ in found)
            total = (
                _added(one for _, one in found) if former is None else former.data_sum
            )
            if former is not None and former.pieces != pieces:
                raise source.changed(f"HDU {part.hdu}: {NOT_AS_COLLECTED}")
        header = hdu.header if part.hdu else self._planned.header
        if fault := checksum_fault(header, total):
            raise source.problem(f"HDU {part.hdu}: {fault}", _FETCH)
        if part.padding:
            header = resealed(_wide(hdu.header, part.padding), total)
            write_all(self._descriptor, header, part.offset)
        digest = hashlib.sha256(header).digest() if part.hdu else b""
        return Digest(header=digest, pieces=pieces, data_sum=total)

    def _shorter(self, part: LayoutPart) -> SourceChanged:
        source = self._sources[part.source]
        return source.changed("it became shorter while it was copied")


def _wide(header: bytes, padding: int) -> bytes:
    return roomy(header, len(header) + padding) if padding else header


def _added(sums: Iterator[int]) -> int:
    total = sum(sums)
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total
