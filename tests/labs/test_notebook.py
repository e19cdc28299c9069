import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quire.labs.notebook import notebook, notebook_name


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_a_notebook_is_one_whatever_the_run_is_called(
    uid: str, title: str, stream: str
) -> None:
    text = notebook(uid, title, stream)
    book = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(book)
    code = [cell.source for cell in book.cells if cell.cell_type == "code"]
    assert json.dumps(uid) in code[0]
    for source in code:
        compile(source, "<cell>", "exec")
    assert notebook_name(uid).endswith(".ipynb")
    assert "/" not in notebook_name(uid)


@pytest.mark.parametrize(
    ("stream", "line"),
    [
        ("primary", "data = run.primary.read()"),
        ("base line", 'data = run["base line"].read()'),
        ("baseline", 'data = run["baseline"].read()'),
    ],
)
def test_it_reads_a_stream(stream: str, line: str) -> None:
    assert line in json.loads(notebook("u", "t", stream))["cells"][-1]["source"][0]
