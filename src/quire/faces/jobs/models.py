"""What each kind of job takes, as records for the API's description."""

import functools
import operator
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from quire.actions.submit import Request
from quire.jobs.parameters import Parameter, ParameterType
from quire.ports.kind import Kind

_TYPES: Mapping[ParameterType, Any] = {
    ParameterType.TEXT: str,
    ParameterType.NUMBER: float,
    ParameterType.INTEGER: int,
    ParameterType.BOOLEAN: bool,
    ParameterType.OBJECT: dict | str,
    ParameterType.FILE: str,
}


def request_model(kinds: Mapping[str, Kind]) -> Any:
    """Return the union of the requests for a job, one for each kind."""
    models = [_request(kinds[name]) for name in sorted(kinds)]
    return functools.reduce(operator.or_, models) if models else Request


def _request(kind: Kind) -> Any:
    name = "".join(part.capitalize() for part in kind.name.replace("-", "_").split("_"))
    fields = [_field(one) for one in kind.parameters]
    # Those with a default follow; by name they may come in any order.
    parameters = msgspec.defstruct(
        f"{name}Parameters", fields, kw_only=True, frozen=True
    )
    others = [
        (field.name, field.type, msgspec.field(default=field.default))
        for field in msgspec.structs.fields(Request)
        if field.name not in ("kind", "parameters")
    ]
    return msgspec.defstruct(
        f"{name}Job",
        [("parameters", parameters), *others],
        kw_only=True,
        frozen=True,
        tag_field="kind",
        tag=kind.name,
    )


def _field(parameter: Parameter) -> Any:
    annotated: Any = Annotated[_single(parameter), _meta(parameter)]
    if parameter.multiple:
        default: Any = msgspec.field(default_factory=list)
        return (parameter.name, list[annotated], default)
    if parameter.required:
        return (parameter.name, annotated)
    if parameter.default is None:
        return (parameter.name, annotated | msgspec.UnsetType, msgspec.UNSET)
    default = parameter.default
    plain = str(default) if isinstance(default, str) else default
    return (parameter.name, annotated, plain)


def _single(parameter: Parameter) -> Any:
    if parameter.choices and parameter.type is ParameterType.TEXT:
        # A kind may name them by members of an enumeration.
        return Literal[tuple(str(choice) for choice in parameter.choices)]
    return _TYPES[parameter.type]


def _meta(parameter: Parameter) -> msgspec.Meta:
    bounded = parameter.type in (ParameterType.NUMBER, ParameterType.INTEGER)
    least, most = parameter.least, parameter.most
    if parameter.type is ParameterType.INTEGER:
        least = None if least is None else int(least)
        most = None if most is None else int(most)
    described = parameter.description
    if parameter.unit:
        described += f" ({parameter.unit})"
    return msgspec.Meta(
        description=described or None,
        ge=least if bounded else None,
        le=most if bounded else None,
    )
