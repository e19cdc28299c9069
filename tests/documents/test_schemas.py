import subprocess
import sys

import pytest
from event_model import DocumentNames, schemas

from quire.documents.names import DocumentName
from quire.documents.schemas import schema


@pytest.mark.parametrize("name", DocumentName)
def test_each_is_that_of_event_model(name: DocumentName) -> None:
    assert schema(name) == schemas[DocumentNames[name.value]]


def test_a_server_loads_no_other_validator_for_them() -> None:
    program = (
        "import sys, quire.app.server\n"
        "from quire.documents.names import DocumentName\n"
        "from quire.documents.schemas import schema\n"
        "assert schema(DocumentName.START)\n"
        "print({'event_model', 'jsonschema'} & set(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "set()\n"
