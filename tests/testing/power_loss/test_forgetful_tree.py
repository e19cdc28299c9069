import stat
import tempfile
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from quire.testing.power_loss.forgetful_tree import ForgetfulTree

FILE = stat.S_IFREG | 0o600
NAMES = st.sampled_from(["/a", "/b", "/c"])


class Forgetting(RuleBasedStateMachine):
    """One folder of files, beside a model of what is seen and what is on disk."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.tree = ForgetfulTree(Path(self.folder.name) / "durable")
        self.seen: dict[str, int] = {}
        self.named: dict[str, int] = {}
        self.contents: dict[int, bytes] = {}
        self.synced: dict[int, bytes] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(path=NAMES, data=st.binary(max_size=9000), offset=st.integers(0, 9000))
    def write(self, path: str, data: bytes, offset: int) -> None:
        if path not in self.seen:
            self.seen[path] = self.tree.make(path, FILE).number
            self.contents[self.seen[path]] = b""
        self.tree.find(path).write(data, offset)
        before = self.contents[self.seen[path]].ljust(offset, b"\0")
        after = before[:offset] + data + before[offset + len(data) :]
        self.contents[self.seen[path]] = after

    @rule(path=NAMES, size=st.integers(0, 9000))
    def truncate(self, path: str, size: int) -> None:
        if path in self.seen:
            self.tree.find(path).truncate(size)
            number = self.seen[path]
            self.contents[number] = self.contents[number][:size].ljust(size, b"\0")

    @rule(path=NAMES)
    def sync(self, path: str) -> None:
        if path in self.seen:
            self.tree.sync(self.tree.find(path))
            self.synced[self.seen[path]] = self.contents[self.seen[path]]

    @rule()
    def sync_folder(self) -> None:
        self.tree.sync(self.tree.root)
        self.named = dict(self.seen)

    @rule(old=NAMES, new=NAMES)
    def rename(self, old: str, new: str) -> None:
        if old in self.seen and old != new:
            self.tree.rename(old, new)
            self.seen[new] = self.seen.pop(old)

    @rule(path=NAMES)
    def remove(self, path: str) -> None:
        if path in self.seen:
            self.tree.remove(path)
            del self.seen[path]

    @rule()
    def lose_power(self) -> None:
        self.tree = ForgetfulTree(Path(self.folder.name) / "durable")
        self.seen = dict(self.named)
        kept = {number: self.synced.get(number, b"") for number in self.seen.values()}
        self.contents = kept
        self.synced = dict(kept)

    @invariant()
    def shows_what_was_written(self) -> None:
        assert {f"/{name}" for name in self.tree.root.names} == self.seen.keys()
        for path, number in self.seen.items():
            assert bytes(self.tree.find(path).content) == self.contents[number]


TestForgetting = Forgetting.TestCase
