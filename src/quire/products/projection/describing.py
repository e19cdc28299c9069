"""What a product is called, and what its manifest says that it holds."""

from collections.abc import Sequence
from typing import Any

from quire.products.projection.contents import Contents, Scalar, Variable
from quire.products.projection.entries import Projection
from quire.products.projection.facts import RunFacts

_MOST_LABEL = 40


class ProductNames:
    """What a product's files are called: by its identity."""

    def __init__(
        self,
        facts: RunFacts,
        projections: tuple[Projection, ...],
        identity: str,
        suffix: str,
    ) -> None:
        label = projections[0].label if len(projections) == 1 else "all"
        plain = "".join(
            one if one.isalnum() and one.isascii() else "_" for one in label
        )
        uid = "".join(
            one if (one.isalnum() and one.isascii()) or one == "-" else "_"
            for one in facts.uid
        )
        stem = f"{uid[:_MOST_LABEL]}.{plain[:_MOST_LABEL]}.{identity[:16]}"
        self.identity = identity
        self.file = stem + suffix
        self.manifest = f"{self.file.removesuffix('.fits')}.manifest.json"
        self.provenance = f"{self.file.removesuffix('.fits')}.prov.json"


def held(contents: Contents, reduced: Sequence[Scalar]) -> dict[str, Any]:
    """Return what a product holds, as its manifest has it.

    A format that has no place for units or for values of their own lost nothing: they
    stand here.
    """
    return {
        "complete": contents.attributes.get("complete"),
        "exit_status": contents.attributes.get("exit_status"),
        "variables": [
            {
                "key": one.key,
                "stream": one.stream,
                "type": str(one.type),
                "units": one.units,
                "encoding": one.encoding,
                "fields": list(one.fields),
                **({"files": _files(one)} if one.pieces else {}),
                **one.attributes,
            }
            for one in contents.variables
        ],
        "values": [
            {
                "key": one.key,
                "value": one.value.tolist()
                if hasattr(one.value, "tolist")
                else one.value,
                "units": one.units,
                "encoding": one.encoding,
                **one.attributes,
            }
            for one in (*contents.scalars, *reduced)
        ],
    }


def _files(one: Variable) -> list[dict[str, Any]]:
    """Return the files that a variable is left in, as they were."""
    return [
        {"file": file, "size": size, "modified_ns": modified}
        for file, size, modified in sorted(
            {(piece.file, piece.size, piece.modified) for piece in one.pieces}
        )
    ]
