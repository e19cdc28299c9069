"""A notebook that reads a run, as text (nbformat 4.5)."""

import json
from typing import Any

_WORDS = """\
# Run {title}

Read through Quire's own client: address and token are those of this lab.
"""
_READ = """\
import quire

cat = quire.connect()
run = cat[{uid}]
run
"""
_DATA = "data = run.{stream}.read()\ndata\n"
_DATA_BY_NAME = "data = run[{stream}].read()\ndata\n"


def notebook(uid: str, title: str, stream: str) -> str:
    """Return a notebook that reads a run.

    Parameters
    ----------
    title
        How people know the run.
    stream
        The stream to read, empty for none.
    """
    cells = [
        _cell("words", "markdown", _WORDS.format(title=_plain(title))),
        _cell("run", "code", _READ.format(uid=json.dumps(uid))),
    ]
    if stream:
        by_name = not stream.isidentifier() or stream != "primary"
        text = _DATA_BY_NAME if by_name else _DATA
        named = json.dumps(stream) if by_name else stream
        cells.append(_cell("data", "code", text.format(stream=named)))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    book = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book, indent=1) + "\n"


def notebook_name(uid: str) -> str:
    """Return a file name for the notebook of a run."""
    kept = "".join(one if one.isalnum() and one.isascii() else "-" for one in uid)
    return f"run-{kept[:64]}.ipynb"


def _cell(name: str, kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"id": name, "cell_type": kind, "metadata": {}}
    cell["source"] = text.rstrip("\n").splitlines(keepends=True)
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _plain(title: str) -> str:
    """Return a title without what Markdown or HTML would take for more."""
    return "".join(one if one.isalnum() or one in " -_.:" else " " for one in title)
