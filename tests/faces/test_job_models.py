import msgspec
import pytest

from quire.faces.jobs.models import request_model
from quire.jobs.job import Completed, Outcome
from quire.jobs.parameters import Parameter, ParameterType
from quire.ports.kind import JobContext, Plan

DEFAULTS = {"number": 1.5, "integer": 2, "boolean": True, "text": "t"}


def parameter(kind: ParameterType, how: str) -> Parameter:
    return Parameter(
        name=f"{kind.upper()}_{how}",
        type=kind,
        multiple=how == "MANY",
        required=how == "NEEDED",
        default=DEFAULTS.get(kind) if how == "DEFAULT" else None,
        least=0 if kind in ("number", "integer") else None,
    )


class Every:
    """A kind with one parameter of every sort."""

    name = "every-sort"
    description = ""
    parameters: tuple[Parameter, ...] = (
        *(
            parameter(kind, how)
            for kind in ParameterType
            for how in ("FREE", "MANY", "NEEDED", "DEFAULT")
        ),
        Parameter(name="CHOICE", choices=("a", "b"), default="a"),
    )

    def plan(self, parameters: object) -> Plan:
        raise NotImplementedError(parameters)

    def work(self, context: JobContext) -> Outcome:
        return Completed(message=str(context))


def test_every_sort_of_parameter_has_a_schema() -> None:
    (reference,), schemas = msgspec.json.schema_components(
        [request_model({"e": Every()})]
    )
    assert reference
    shown = schemas["EverySortParameters"]
    assert shown["required"] == [f"{kind.upper()}_NEEDED" for kind in ParameterType]
    assert shown["properties"]["INTEGER_FREE"]["minimum"] == 0
    assert shown["properties"]["CHOICE"]["enum"] == ["a", "b"]
    assert shown["properties"]["NUMBER_MANY"]["type"] == "array"
    assert schemas["EverySortJob"]["properties"]["kind"] == {"enum": ["every-sort"]}


@pytest.mark.parametrize("kinds", [{}, {"a": Every()}])
def test_a_model_is_there_for_any_set_of_kinds(kinds: dict[str, Every]) -> None:
    assert msgspec.json.schema(request_model(kinds))
