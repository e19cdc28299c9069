import re
from pathlib import Path

import pytest
from tests.writers.fits.merging import attempt, merge_paths

from quire.products.source_problem import SourceProblem
from quire.testing.hostile_fits import HostileFile, hostile_files
from quire.writers.fits.merge import publish
from quire.writers.fits.verify import verify

CORPUS = hostile_files()


def test_the_corpus_has_at_least_twenty_kinds() -> None:
    assert len({hostile.name for hostile in CORPUS}) == len(CORPUS) >= 20


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.name)
def test_a_hostile_file_gets_its_declared_answer(
    tmp_path: Path, hostile: HostileFile
) -> None:
    path = tmp_path / "source.fits"
    hostile.make(path)
    folder = attempt(tmp_path)

    if hostile.reason is None:
        product = publish(merge_paths({"cam": path}, folder), tmp_path / "out")
        assert verify(product).good
        return
    with pytest.raises(SourceProblem) as caught:
        merge_paths({"cam": path}, folder)

    problem = caught.value
    assert re.search(hostile.reason, problem.reason), problem.reason
    assert (problem.source, problem.location) == ("cam", str(path))
    assert problem.mend
    assert list(folder.iterdir()) == []
