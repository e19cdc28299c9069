"""event-model's JSON schemas, one for each name of a document."""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from quire.documents.names import DocumentName

# Where the file is not named as the document is.
_FILES = {
    DocumentName.START: "run_start",
    DocumentName.DESCRIPTOR: "event_descriptor",
    DocumentName.STOP: "run_stop",
}


@cache
def schema(name: DocumentName) -> Any:
    """Return the schema of documents of a name, as event-model has it.

    It is read from the package's file. The package itself would load jsonschema with
    every format that is installed, one of which compiles a grammar: a second of each
    start of a server.
    """
    found = find_spec("event_model")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("event_model", name="event_model")
    folder = Path(found.submodule_search_locations[0]) / "schemas"
    return json.loads((folder / f"{_FILES.get(name, name.value)}.json").read_bytes())
