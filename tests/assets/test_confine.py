"""No file outside the roots, by whatever way it is named."""

import os
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.assets.confine import Confinement
from quire.assets.registry import FORMATS, AssetFiles
from quire.assets.template import file_name
from quire.ports.asset_reader import AssetUnreadable
from quire.runs.columns.external import Asset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "a.npy", np.arange(3))
    return tmp_path / "inside"


def uri(path: str, media: str = "application/x-npy", **parameters: Any) -> Asset:
    return Asset(
        document="stream_resource",
        uid="s-1",
        format=media,
        location=path,
        parameters=parameters,
    )


def read(root: Path, asset: Asset) -> list[int]:
    frames = AssetFiles([root]).open(asset)
    try:
        return list(map(int, frames.read(0, 3)))
    finally:
        frames.close()


def test_what_lies_inside_is_read(root: Path) -> None:
    for path in (f"file://{root}/a.npy", f"file://localhost{root}/a.npy"):
        assert read(root, uri(path)) == [0, 1, 2]
    (root / "b c.npy").write_bytes((root / "a.npy").read_bytes())
    assert read(root, uri(f"file://{root}/b%20c.npy")) == [0, 1, 2]
    (root / "link.npy").symlink_to("a.npy")
    assert read(root, uri(f"file://{root}/link.npy")) == [0, 1, 2]


def test_what_leads_out_is_refused(root: Path) -> None:
    outside = root.parent / "outside" / "a.npy"
    (root / "link.npy").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    for path in (
        f"file://{outside}",
        f"file://{root}/../outside/a.npy",
        f"file://{root}/%2e%2e/outside/a.npy",
        f"file://{root}/link.npy",
        f"file://{root}/folder/a.npy",
        f"file://{root}/folder/none.npy",
        "file:///etc/passwd",
    ):
        with pytest.raises(AssetUnreadable, match=r"s-1.*(outside|leads out)") as told:
            read(root, uri(path))
        assert told.value.field == "/uri"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("http://host/a.npy", "no local file"),
        ("file://elsewhere/a.npy", "no local file"),
        ("a.npy", "no local file"),
        ("file:///nowhere/a.npy", "No such file"),
        ("file:///tmp", "is no plain file"),
        ("file:///dev/zero", "is no plain file"),
        ("file:///a%00b", "no absolute path"),
        ("file:///\ud800", "no absolute path"),
        ("file://[", "no local file"),
    ],
)
def test_what_is_no_local_file_says_so(path: str, reason: str) -> None:
    with pytest.raises(AssetUnreadable, match=reason):
        AssetFiles().open(uri(path))


def test_a_pipe_does_not_block(root: Path) -> None:
    os.mkfifo(root / "pipe.npy")
    with pytest.raises(AssetUnreadable, match="is no plain file"):
        read(root, uri(f"file://{root}/pipe.npy"))


def test_a_template_cannot_lead_out(root: Path) -> None:
    media = "multipart/related;type=application/x-npy"
    asset = uri(f"file://{root}/", media, template="../outside/{filename}.npy")
    with pytest.raises(AssetUnreadable, match="leads out"):
        read(root, asset)
    asset = uri(f"file://{root}/", media, template="{}.npy", filename="../outside/a")
    with pytest.raises(AssetUnreadable):
        read(root, asset)


def test_links_inside_a_file_are_confined(root: Path) -> None:
    with h5py.File(root.parent / "outside" / "x.h5", "w") as file:
        file["data"] = [1, 2, 3]
    with h5py.File(root / "y.h5", "w") as file:
        file["data"] = [0, 1, 2]
    with h5py.File(root / "m.h5", "w") as file:
        file["near"] = h5py.ExternalLink("y.h5", "/data")
        file["soft"] = h5py.SoftLink("/near")
        file["loop"] = h5py.SoftLink("/loop")
        file["far"] = h5py.ExternalLink("../outside/x.h5", "/data")
        file["farther"] = h5py.ExternalLink(str(root.parent / "outside/x.h5"), "/data")
        layout = h5py.VirtualLayout((3,), "i8")
        layout[:] = h5py.VirtualSource("../outside/x.h5", "data", (3,))
        file.create_virtual_dataset("virtual", layout)
        there = str(root.parent / "outside" / "x.h5")
        file.create_dataset("raw", (3,), "u1", external=[(there, 0, 3)])
    whole = uri(f"file://{root}/m.h5", "application/x-hdf5")

    def one(name: str) -> list[int]:
        asset = Asset(
            document=whole.document,
            uid=whole.uid,
            format=whole.format,
            location=whole.location,
            parameters={"dataset": name},
        )
        return read(root, asset)

    assert one("near") == one("soft") == [0, 1, 2]
    for name in ("far", "farther", "virtual", "raw"):
        with pytest.raises(AssetUnreadable, match=r"outside|leads out"):
            one(name)
    with pytest.raises(AssetUnreadable, match="linked too often"):
        one("loop")


def test_roots_of_another_machine_are_found_here(root: Path) -> None:
    moved = {"/data": str(root), "/data/deep": "/nowhere", "C:\\data": str(root)}
    confinement = Confinement([root], moved)
    assert confinement.here("/data/x") == f"{root}/x"
    assert confinement.here("/data/deep/x") == "/nowhere/x"
    assert confinement.here("/database/x") == "/database/x"
    files = AssetFiles([root], moved)
    posix = Asset(
        document="resource", uid="r", format="NPY", root="/data", location="a.npy"
    )
    windows = Asset(
        document="resource",
        uid="r",
        format="NPY",
        root="C:\\data",
        location="a.npy",
        windows=True,
    )
    moved["\\\\nas\\share"] = str(root)
    files = AssetFiles([root], moved)
    uris = ("//localhost/data/a.npy", "//localhost/C:/data/a.npy", "/C:/data/a.npy")
    named = [uri(f"file:{one}") for one in (*uris, "//nas/share/a.npy")]
    for asset in (posix, windows, *named):
        frames = files.open(asset)
        assert frames.count in (1, 3)
        frames.close()


PARAMETERS = st.dictionaries(
    st.sampled_from(["template", "filename", "dataset", "swmr", "hdu", "multiplier"]),
    st.text() | st.integers() | st.none() | st.lists(st.integers(), max_size=2),
)


@given(
    st.sampled_from(sorted(FORMATS)),
    st.text() | st.text().map(lambda text: "file:///" + text),
    PARAMETERS,
    st.sampled_from(["resource", "stream_resource"]),
    st.dictionaries(
        st.sampled_from(["index", "point_number"]),
        st.integers() | st.floats() | st.text(),
    ),
)
def test_whatever_documents_say_is_an_answer(
    name: str, location: str, parameters: Any, document: str, arguments: Any
) -> None:
    asset = Asset(
        document=document,
        uid="u",
        format=name,
        root="/nowhere",
        location=location,
        parameters=parameters,
    )
    files = AssetFiles([Path("/nowhere")])
    for ask in (lambda: files.span(asset, arguments), lambda: look(files, asset)):
        with suppress(AssetUnreadable):
            ask()


def look(files: AssetFiles, asset: Asset) -> Any:
    frames = files.open(asset)
    with closing(frames):
        return frames.kind(0)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{:05d}.tif", "00007.tif"),
        ("{}.tif", "7.tif"),
        ("{filename}_{:d}.tif", "img_7.tif"),
        ("/{filename}_{:06d}.tiff", "/img_000007.tiff"),
        ("%s%s_%6.6d.tif", "img_000007.tif"),
        ("%s_%03d.tif", "img_007.tif"),
        ("img_%d_100%%.tif", "img_7_100%.tif"),
    ],
)
def test_templates(template: str, name: str) -> None:
    assert file_name(template, 7, filename="img") == name


@pytest.mark.parametrize(
    "template",
    ["{0.__class__}", "{:999999999d}", "{!r}", "%999d", "%x", "{", "{filename!r}"],
)
def test_hostile_templates_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="is no template"):
        file_name(template, 7)
