"""The documents of tests/data, and how tests read them."""

import json
from pathlib import Path

from quire.documents.document import Document
from quire.documents.reading import read_items

FOLDER = Path(__file__).parents[1] / "data" / "documents"
GOOD = sorted(path for path in FOLDER.glob("*.jsonl") if path.name != "invalid.jsonl")
INVALID = [
    tuple(json.loads(line))
    for line in (FOLDER / "invalid.jsonl").read_text().splitlines()
]


def read(path: Path) -> list[Document]:
    items = list(read_items(path.read_bytes(), media_type="application/x-ndjson"))
    documents = [item for item in items if isinstance(item, Document)]
    assert len(documents) == len(items)
    return documents
