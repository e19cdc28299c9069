from typing import Any

from quire.documents.document import Document
from quire.runs.careful import fold_carefully
from quire.runs.fold import fold_all
from quire.runs.run import Run
from quire.testing.documents import document, make_run, make_uid

RUN = Run(uid=make_uid("c", "start"))


def odd(**body: Any) -> Document:
    """Return an event that the schema refuses, and that the fold stumbles over."""
    return document("event", {"uid": "odd", "descriptor": "d", "data": {}, **body})


def test_without_a_defect_it_is_the_fold() -> None:
    documents = [(one, ()) for one in make_run("c", 5)]
    assert fold_carefully(RUN, documents) == fold_all(RUN, documents)


def test_what_defeats_the_fold_is_told_of_and_the_others_are_folded() -> None:
    start, *others = [(one, ()) for one in make_run("c", 5)]
    run = fold_carefully(RUN, [start, (odd(), ()), *others])
    (finding,) = run.findings
    assert (finding.rule, finding.uid) == ("unfoldable", "odd")
    assert "KeyError" in finding.message
    assert run.streams["primary"].rows == 5
    whole = fold_all(RUN, [start, *others])
    assert (run.stop, run.status, run.streams) == (
        whole.stop,
        whole.status,
        whole.streams,
    )


def test_words_of_the_defect_are_clipped_and_can_be_shown() -> None:
    name = "\ud800" + "x" * 10_000
    run = fold_carefully(RUN, [(odd(uid=name), ())])
    (finding,) = run.findings
    assert len(finding.uid) < 400
    assert finding.uid.encode()
