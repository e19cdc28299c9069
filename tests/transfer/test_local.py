import os
from pathlib import Path

import pytest

from quire.ports.transfer import TransferProblem
from quire.products.receivers import FolderReceiver, OlasReceiver
from quire.testing.not_proved import not_proved
from quire.transfer.local import FolderDelivery, LocalTransfer
from quire.writers.fits.linux import clone_range

CONTENT = os.urandom(100_000)
OTHER_DISK = Path("/dev/shm")  # noqa: S108 - a file system beside that of the tests


def shares(folder: Path) -> bool:
    """Return whether the file system shares blocks between files."""
    one, two = folder / "one", folder / "two"
    one.write_bytes(CONTENT)
    two.touch()
    with one.open("rb") as source, two.open("r+b") as target:
        return clone_range(
            source.fileno(), target.fileno(), source_offset=0, offset=0, length=0
        )


def fetch(source: Path, path: Path, *, private: bool = False) -> bool:
    fetched = LocalTransfer().fetch(
        str(source), path, private=private, proceed=lambda _: None
    )
    assert fetched.stamp == LocalTransfer().stamp(str(source))
    return fetched.linked


@pytest.mark.parametrize("private", [True, False])
def test_a_private_copy_shares_no_inode(tmp_path: Path, *, private: bool) -> None:
    source, path = tmp_path / "a", tmp_path / "b"
    source.write_bytes(CONTENT)

    linked = fetch(source, path, private=private)

    assert path.read_bytes() == CONTENT
    assert path.samefile(source) == linked
    assert linked == (not private and not shares(tmp_path))


def test_that_a_file_system_shares_nothing_is_found_out_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    transfer = LocalTransfer()
    for name in ("b", "c", "d"):
        fetched = transfer.fetch(
            str(tmp_path / "a"), tmp_path / name, private=False, proceed=lambda _: None
        )
        assert fetched.linked == (not shares(tmp_path))
        assert (tmp_path / name).samefile(tmp_path / "a") == fetched.linked


def test_through_a_symbolic_link_it_is_the_file_that_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    (tmp_path / "link").symlink_to(tmp_path / "a")

    fetch(tmp_path / "link", tmp_path / "b")

    assert not (tmp_path / "b").is_symlink()
    assert (tmp_path / "b").read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["missing", "folder", "pipe", "loop"])
def test_what_is_no_file_is_told_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    with pytest.raises(TransferProblem) as caught:
        fetch(tmp_path / name, tmp_path / "b")
    assert caught.value.mend
    assert not (tmp_path / "b").exists()


def test_a_source_that_changes_while_it_is_copied_is_told(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(CONTENT)

    def disturb(_: int) -> None:
        os.utime(source, ns=(1, 1))

    with pytest.raises(TransferProblem, match="changed while it was copied"):
        LocalTransfer().fetch(
            str(source), tmp_path / "b", private=True, proceed=disturb
        )
    assert not (tmp_path / "b").exists()


def test_a_shared_copy_keeps_what_it_had(shared: Path) -> None:
    source, path = shared / "a", shared / "b"
    source.write_bytes(CONTENT)
    fetched = LocalTransfer().fetch(
        str(source), path, private=False, proceed=lambda _: None
    )
    source.write_bytes(CONTENT[::-1])

    assert fetched.shared
    assert path.read_bytes() == CONTENT


def deliver(receiver: OlasReceiver | FolderReceiver, product: Path) -> Path:
    FolderDelivery().deliver(receiver, product, "a.fits", proceed=lambda _: None)
    path = Path(receiver.path) / "a.fits"
    assert path.read_bytes() == CONTENT
    assert [one.name for one in Path(receiver.path).iterdir()] == ["a.fits"]
    return path


@pytest.fixture
def product(tmp_path: Path) -> Path:
    path = tmp_path / "product"
    path.write_bytes(CONTENT)
    return path


def test_olas_gets_a_hard_link(tmp_path: Path, product: Path) -> None:
    (tmp_path / "in").mkdir()
    receiver = OlasReceiver(path=str(tmp_path / "in"))

    for _ in range(2):  # twice is harmless
        path = deliver(receiver, product)
        assert path.samefile(product)
        assert not path.is_symlink()


@pytest.mark.parametrize("allow", [True, False])
def test_across_file_systems_olas_gets_a_symbolic_link_or_a_copy(
    product: Path, tmp_path_factory: pytest.TempPathFactory, *, allow: bool
) -> None:
    if OTHER_DISK.stat().st_dev == product.stat().st_dev:
        why, mend = "all is one file system here", "mount /dev/shm"
        pytest.skip(not_proved("a receiver on another disk", why=why, mend=mend))
    import tempfile

    with tempfile.TemporaryDirectory(dir=OTHER_DISK) as folder:
        receiver = OlasReceiver(path=folder, options={"allowSymlink": allow})
        for _ in range(2):
            assert deliver(receiver, product).is_symlink() == allow
    assert tmp_path_factory is not None


def test_a_folder_gets_a_file_of_its_own(tmp_path: Path, product: Path) -> None:
    (tmp_path / "in").mkdir()

    path = deliver(FolderReceiver(path=str(tmp_path / "in")), product)

    assert not path.samefile(product)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, product: Path) -> None:
    with pytest.raises(TransferProblem, match="no folder"):
        deliver(FolderReceiver(path=str(tmp_path / "in")), product)


def test_only_listed_folders_are_taken(tmp_path: Path) -> None:
    delivery = FolderDelivery((tmp_path / "in",))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out").symlink_to("/")

    assert delivery.takes(FolderReceiver(path=str(tmp_path / "in" / "deep")))
    assert not delivery.takes(FolderReceiver(path=str(tmp_path / "in2")))
    assert not delivery.takes(FolderReceiver(path=str(tmp_path / "in" / "out" / "etc")))
    assert not delivery.takes(OlasReceiver(path=str(tmp_path / "in"), host="other"))
