"""Where a product comes from, as W3C PROV-JSON (member submission, 24 April 2013)."""

from collections.abc import Mapping
from typing import Any

_NAMESPACE = "urn:quire:"


def provenance(  # noqa: PLR0913  # a fact each
    *,
    file: str,
    sha256: str,
    identity: str,
    inputs: Mapping[str, Any],
    job: str,
    owner: str,
    began: str,
    ended: str,
    code_version: str,
) -> dict[str, Any]:
    """Return a PROV-JSON document.

    Parameters
    ----------
    began, ended
        ISO 8601, UTC: here alone stands when a product was made.
    """
    product, run, making = (
        f"quire:product-{identity}",
        f"quire:run-{inputs['run']}",
        (f"quire:job-{job}"),
    )
    plans = {
        f"quire:projection-{one['content'][:16]}": {
            "prov:type": "prov:Plan",
            "prov:label": one["name"],
            "quire:version": one["version"],
            "quire:content": one["content"],
        }
        for one in inputs["projections"]
    }
    software = f"quire:software-{code_version.replace(' ', '-')}"
    return {
        "prefix": {"quire": _NAMESPACE},
        "entity": {
            product: {
                "prov:label": file,
                "quire:sha256": sha256,
                "quire:identity": identity,
                "quire:format": inputs["format"],
            },
            run: {"prov:label": inputs["run"]},
            **plans,
        },
        "activity": {
            making: {
                "prov:startTime": began,
                "prov:endTime": ended,
                "quire:executor": inputs["executor"],
                **{
                    f"quire:library-{name}": one
                    for name, one in inputs["libraries"].items()
                },
                **{
                    f"quire:callable-{name.replace(':', '.')}": one
                    for name, one in inputs["callables"].items()
                },
            }
        },
        "agent": {
            f"quire:person-{owner}": {"prov:type": "prov:Person"},
            software: {
                "prov:type": "prov:SoftwareAgent",
                "prov:label": code_version,
            },
        },
        "used": {"_:u1": {"prov:activity": making, "prov:entity": run}},
        "wasGeneratedBy": {
            "_:g1": {
                "prov:entity": product,
                "prov:activity": making,
                "prov:time": ended,
            }
        },
        "wasDerivedFrom": {
            "_:d1": {"prov:generatedEntity": product, "prov:usedEntity": run}
        },
        "wasAssociatedWith": {
            "_:a1": {"prov:activity": making, "prov:agent": software},
            "_:a2": {
                "prov:activity": making,
                "prov:agent": f"quire:person-{owner}",
                **({"prov:plan": next(iter(plans))} if plans else {}),
            },
        },
    }
