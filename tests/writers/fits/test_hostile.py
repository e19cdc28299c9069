import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.writers.fits.merging import attempt, merge_paths

from quire.jobs.job import Severity
from quire.products.manifest import decode_manifest
from quire.products.source_problem import SourceProblem
from quire.testing.hostile_fits import HostileFile, hostile_files
from quire.writers.fits.merge import publish
from quire.writers.fits.verify import manifest_of, verify

pytestmark = pytest.mark.usefixtures("unjudged")  # what it merges is odd, if legal
CORPUS = hostile_files()
LIMITED = """
import resource, sys, tempfile
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3, 2 * 1024**3))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from tests.writers.fits.merging import merge_paths
from quire.products.source_problem import SourceProblem
from quire.testing.hostile_fits import hostile_files
for hostile in hostile_files():
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "source.fits")
        hostile.make(path)
        try:
            merge_paths({"cam": path}, Path(name))
        except SourceProblem:
            print(hostile.name, "refused", sep="\\t")
        else:
            print(hostile.name, "merged", sep="\\t")
# Its own: ru_maxrss begins with what the process that forked it had.
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def same_bytes(product: Path, source: Path) -> None:
    manifest = decode_manifest(manifest_of(product).read_bytes())
    one, two = product.read_bytes(), source.read_bytes()
    for part in manifest.parts[1:]:
        begin = part.source_offset
        assert (
            one[part.offset : part.offset + part.length]
            == two[begin : begin + part.length]
        )


def test_the_corpus_has_at_least_26_kinds() -> None:
    assert len({hostile.name for hostile in CORPUS}) == len(CORPUS) >= 26


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.name)
def test_a_hostile_file_gets_its_declared_answer(
    tmp_path: Path, hostile: HostileFile
) -> None:
    path = tmp_path / "source.fits"
    hostile.make(path)
    folder = attempt(tmp_path)

    if hostile.reason is None:
        part = merge_paths({"cam": path}, folder)
        product = publish(part, tmp_path / "out")
        assert verify(product).good
        found = [one.id for one in part.alerts]
        assert [one.startswith(hostile.alert) for one in found] == [True] * len(found)
        assert bool(found) == bool(hostile.alert)
        assert {one.severity for one in part.alerts} <= {Severity.WARNING}
        same_bytes(product, path)
        return
    with pytest.raises(SourceProblem) as caught:
        merge_paths({"cam": path}, folder)

    problem = caught.value
    assert re.search(hostile.reason, problem.reason), problem.reason
    assert (problem.source, problem.location) == ("cam", str(path))
    assert problem.mend
    assert list(folder.iterdir()) == []


def test_a_child_with_little_memory_and_time_survives_the_whole_corpus() -> None:
    said = subprocess.run(
        [sys.executable, "-c", LIMITED],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )

    *lines, memory = said.stdout.splitlines()
    answers = dict(line.split("\t") for line in lines)
    assert answers == {
        one.name: "merged" if one.reason is None else "refused" for one in CORPUS
    }
    assert int(memory) < 300_000  # kB
