"""Uids that no URL can hold."""

import pytest

from quire.runs.fold import fold_all
from quire.runs.run import Run
from quire.testing.documents import document


@pytest.mark.parametrize(
    ("uid", "told"),
    [("", 1), (".", 1), ("..", 1), ("...", 0), ("a/.", 0), ("%2E", 0)],
)
def test_a_run_that_no_url_leads_to_says_so(uid: str, told: int) -> None:
    documents = [
        document("start", {"uid": uid, "time": 1.0}),
        document(
            "stop",
            {"uid": "s", "run_start": uid, "time": 2.0, "exit_status": "success"},
        ),
    ]
    run = fold_all(Run(uid=uid), [(one, ()) for one in documents])
    assert [one.rule for one in run.findings] == ["no_address"] * told
