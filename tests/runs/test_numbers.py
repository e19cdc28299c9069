"""Numbers of a start that are none, and what is told of them."""

from typing import Any

import pytest

from quire.runs.facility import facility_fields, number_in
from quire.runs.fold import fold_all
from quire.runs.run import Run
from quire.testing.documents import document


def started(**more: Any) -> Run:
    start = document("start", {"uid": "u", "time": 1.0, "scan_id": 7, **more})
    return fold_all(Run(uid="u"), [(start, ())])


@pytest.mark.parametrize("name", ["experiment", "run"])
@pytest.mark.parametrize("value", ["12", " 12", "-3", "007", 1.5, 2**63, 1e300])
def test_a_number_that_is_none_is_told(name: str, value: Any) -> None:
    run = started(**{name: value})
    (finding,) = run.findings
    assert (finding.rule, finding.uid) == ("no_number", "u")
    assert finding.message.startswith(f"{name} is {value!r}, ")
    assert (", text:" in finding.message) is isinstance(value, str)
    fields = facility_fields(run, run.start_document())
    assert number_in(fields, name) == {"experiment": 0, "run": 7}[name]


@pytest.mark.parametrize("value", [12, 12.0, None, True, "2026-1", "", "-", [1]])
def test_what_is_a_number_or_no_number_at_all_is_not(value: Any) -> None:
    assert started(run=value, experiment=value).findings == ()
