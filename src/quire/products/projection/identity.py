"""What a product is known by: the same inputs give the same identity, everywhere."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from quire.documents.identity import content_hash
from quire.products.projection.entries import Projection
from quire.products.projection.facts import RunFacts
from quire.products.projection.resolving import Calculated, Resolved

EXECUTOR = "3"
"""Version of how projections are carried out; another makes other products."""


def identity_inputs(
    projections: Iterable[Projection],
    facts: RunFacts,
    resolved: Resolved,
    *,
    form: str,
    options: Mapping[str, Any],
    libraries: Mapping[str, str],
) -> dict[str, Any]:
    """Return all that settles a product's bytes.

    Parameters
    ----------
    form
        The product's format.
    libraries
        Versions of what writes it.
    """
    called = {
        one.function.name: one.function.version
        for one in resolved.made.values()
        if isinstance(one, Calculated)
    }
    return {
        "run": facts.uid,
        "documents": {
            "start": content_hash(facts.start),
            "stop": content_hash(facts.stop) if facts.stop else None,
            "streams": {
                name: {
                    "rows": stream.rows,
                    "events": stream.digest,
                    "descriptors": content_hash({"of": list(stream.descriptors)}),
                    "unreadable": sorted(stream.unreadable),
                }
                for name, stream in sorted(facts.streams.items())
            },
        },
        "projections": [
            {
                "name": one.label,
                "version": one.version,
                "content": content_hash(one.content),
            }
            for one in projections
        ],
        "format": form,
        "options": dict(options),
        "callables": dict(sorted(called.items())),
        "executor": EXECUTOR,
        "libraries": dict(libraries),
    }


def identity_of(inputs: Mapping[str, Any]) -> str:
    """Return the hash of the inputs, hexadecimal."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
