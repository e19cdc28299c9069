"""The data product specification of the demonstration's merge.

Its form is ESO's (ifw-daq, "Data Product Specification"): the order of `sources` is
descending priority; without a target source the product starts with an empty primary
data unit.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def specification(
    acquisition: str, start: Mapping[str, Any], files: Sequence[Path]
) -> dict[str, Any]:
    """Describe one product made of a run's keywords and the cameras' files.

    Parameters
    ----------
    acquisition
        Its id, which names the product too.
    start
        The run's start document.
    files
        What the cameras wrote; each file's stem begins with the camera's arm.
    """
    return {
        "id": acquisition,
        "sources": [
            {
                "type": "fitsKeywords",
                "sourceName": "run",
                "keywords": run_keywords(start),
            },
            *(
                {
                    "type": "fitsFile",
                    "sourceName": path.stem.split(".")[0],
                    "location": str(path),
                }
                for path in files
            ),
        ],
        "target": {"fileId": acquisition},
    }


def run_keywords(start: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the keywords that say which run the product belongs to."""
    return [
        {
            "type": "valueKeyword",
            "name": "ORIGIN",
            "value": "QUIRE-DEMO",
            "comment": "simulated data",
        },
        {
            "type": "esoKeyword",
            "name": "OCS RUN UID",
            "value": start["uid"],
            "comment": "run of the documents",
        },
        {
            "type": "esoKeyword",
            "name": "OCS RUN SCAN",
            "value": start["scan_id"],
            "comment": "scan id",
        },
        {
            "type": "esoKeyword",
            "name": "OCS RUN PLAN",
            "value": start["plan_name"],
            "comment": "plan",
        },
    ]
