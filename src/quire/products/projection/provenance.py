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
    plans = _plans(inputs)
    person = f"quire:person-{owner}"
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
                **_means(inputs),
            }
        },
        "agent": {
            person: {"prov:type": "prov:Person"},
            software: {
                "prov:type": "prov:SoftwareAgent",
                "prov:label": code_version,
            },
        },
        **_relations(
            product,
            run,
            making,
            person=person,
            software=software,
            plans=plans,
            ended=ended,
        ),
    }


def _relations(  # the ends of each
    product: str,
    run: str,
    making: str,
    *,
    person: str,
    software: str,
    plans: Mapping[str, Any],
    ended: str,
) -> dict[str, Any]:
    """Return what was used, made and done by whom; names of the document's records."""
    return {
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
            # An association has one plan at most.
            **{
                f"_:a{number}": {
                    "prov:activity": making,
                    "prov:agent": person,
                    **({"prov:plan": plan} if plan else {}),
                }
                for number, plan in enumerate(plans or ("",), 2)
            },
        },
    }


def _plans(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the projections, as plans."""
    return {
        f"quire:projection-{one['content'][:16]}": {
            "prov:type": "prov:Plan",
            "prov:label": one["name"],
            "quire:version": one["version"],
            "quire:content": one["content"],
        }
        for one in inputs["projections"]
    }


def _means(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the versions of what a product was made with."""
    libraries = inputs["libraries"].items()
    callables = inputs["callables"].items()
    return {
        "quire:executor": inputs["executor"],
        **{f"quire:library-{name}": one for name, one in libraries},
        **{f"quire:callable-{name.replace(':', '.')}": one for name, one in callables},
    }
