from hypothesis import given
from hypothesis import strategies as st

from quire.products.layout import BLOCK, Hdu, alignment_padding, lay_out, padded


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


@given(at=st.integers(0, 10**6), wanted=st.integers(0, 10**6))
def test_at_most_63_blocks_bring_data_to_its_place(at: int, wanted: int) -> None:
    at, wanted = at * BLOCK, wanted * BLOCK

    padding = alignment_padding(at, wanted, 4096)

    assert (at + padding - wanted) % 4096 == 0
    assert padding % BLOCK == 0
    assert padding <= 63 * BLOCK
    assert alignment_padding(at, wanted, 0) == 0


@given(
    sources=st.lists(hdu_lists(), max_size=5),
    size=st.integers(256 * 1024, 10**7),
    blocks=st.integers(1, 4),
)
def test_large_data_lie_within_blocks_as_in_their_source(
    sources: list[list[Hdu]], size: int, blocks: int
) -> None:
    large = Hdu(
        index=1, kind="IMAGE", offset=BLOCK, header=bytes(BLOCK), data_size=size
    )
    sources = [[*sources[0][:1], large] if sources else [], *sources]

    layout = lay_out(BLOCK * blocks, sources, in_place=False, align=4096)

    at = layout.header_length
    for part in layout.parts:
        hdu = next(one for one in sources[part.source] if one.index == part.hdu)
        assert part.offset == at
        at = part.end
        if hdu.data_length >= 256 * 1024:
            assert (at - hdu.data_length - hdu.data_offset) % 4096 == 0
        else:
            assert part.padding == 0
    assert at == layout.size
