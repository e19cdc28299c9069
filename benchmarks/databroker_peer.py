"""databroker's projector; run by the Python of an environment that has it.

Usage: python databroker_peer.py DOCUMENTS.jsonl FIELD FIELD ...

Its adapter on mongomock takes the documents; then each line on standard input has the
fields projected once, and the seconds that it took are printed.
"""

import json
import sys
import time
import warnings
from typing import Any

warnings.simplefilter("ignore")


def main() -> None:
    """Answer until standard input ends."""
    from databroker.mongo_normalized import (  # type: ignore[import-not-found]
        MongoAdapter,
    )
    from databroker.projector import (  # type: ignore[import-not-found]
        project_xarray,
    )
    from tiled.client import from_context  # type: ignore[import-untyped]
    from tiled.client.context import Context  # type: ignore[import-untyped]
    from tiled.server.app import build_app  # type: ignore[import-untyped]

    path, *fields = sys.argv[1:]
    with Context.from_app(build_app(MongoAdapter.from_mongomock())) as context:
        catalog: Any = from_context(context, "dask")
        with open(path, encoding="utf-8") as lines:  # noqa: PTH123  # one file, once
            for line in lines:
                catalog.post_document(*json.loads(line))
        entry = {"type": "linked", "location": "event", "stream": "primary"}
        projection = {
            "name": "bench",
            "version": "1",
            "configuration": {},
            "projection": {f"/{one}": {**entry, "field": one} for one in fields},
        }
        for _ in sys.stdin:
            began = time.perf_counter()
            run = catalog[-1]
            dataset, issues = project_xarray(run, projection=projection)
            total = sum(float(dataset[f"/{one}"].values.sum()) for one in fields)
            taken = time.perf_counter() - began
            told = {"seconds": taken, "issues": len(issues), "total": total}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
