from hypothesis import given
from hypothesis import strategies as st

from quire.products.layout import BLOCK, Hdu, lay_out, padded


@st.composite
def hdu_lists(draw: st.DrawFn) -> list[Hdu]:
    hdus: list[Hdu] = []
    at = 0
    for index in range(draw(st.integers(1, 5))):
        hdu = Hdu(
            index=index,
            kind="IMAGE" if index else "PRIMARY",
            offset=at,
            header=bytes(BLOCK * draw(st.integers(1, 3))),
            data_size=draw(st.integers(0, 10_000)),
        )
        hdus.append(hdu)
        at += hdu.length
    return hdus


@given(
    sources=st.lists(hdu_lists(), max_size=5),
    blocks=st.integers(1, 4),
    in_place=st.booleans(),
)
def test_the_laws_of_a_layout(
    sources: list[list[Hdu]], blocks: int, in_place: bool
) -> None:
    layout = lay_out(BLOCK * blocks, sources, in_place=in_place)

    # Without gap or overlap, in whole blocks.
    at = layout.header_length
    for part in layout.parts:
        assert part.offset == at
        assert part.length > 0
        assert part.length % BLOCK == part.source_offset % BLOCK == 0
        at += part.length
    assert at == layout.size
    # Every extension once, in the order of the sources.
    extensions = [(part.source, part.hdu) for part in layout.parts if part.hdu]
    assert extensions == [
        (number, hdu.index)
        for number, hdus in enumerate(sources)
        for hdu in hdus
        if hdu.index
    ]
    # Primary pixels only of the target, and without its header.
    primaries = [part for part in layout.parts if not part.hdu]
    kept = in_place and sources and sources[0][0].data_size > 0
    assert len(primaries) == int(bool(kept))
    for part in primaries:
        own = sources[0][0]
        assert part.source == 0
        assert part.offset == layout.header_length
        assert part.source_offset == len(own.header)
        assert part.length == padded(own.data_size)
