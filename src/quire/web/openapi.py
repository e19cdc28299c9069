"""OpenAPI 3.1, made of the routes and of msgspec's models."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.routing import BaseRoute

from quire.access.principals import Scope
from quire.web.description import Operation, Parameter
from quire.web.gate import DeclaredRoute

_PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")
_REFERENCE = "#/components/schemas/{name}"
_PROBLEM = {
    "description": "A problem (RFC 9457)",
    "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    },
}
_PROBLEM_SCHEMA = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": "string"},
        "mend": {"type": "string"},
    },
    "required": ["title", "status", "detail"],
}


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path."""

    method: str
    path: str
    needs: Scope | None
    operation: Operation


def described(routes: Iterable[BaseRoute]) -> Iterator[Described]:
    """Yield every method of every declared route, HEAD and OPTIONS apart."""
    for route in routes:
        if not isinstance(route, DeclaredRoute):
            continue
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Described(
                method=method,
                path=_PLACE.sub(r"{\1}", route.path),
                needs=route.needs if isinstance(route.needs, Scope) else None,
                operation=route.operation,
            )


def openapi(routes: Iterable[BaseRoute], *, version: str) -> dict[str, Any]:
    """Return the OpenAPI document of these routes."""
    every = list(described(routes))
    schemas = _Schemas(every)
    paths: dict[str, dict[str, Any]] = {}
    for one in every:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Quire", "version": version},
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "password": {"type": "http", "scheme": "basic"},
            },
        },
    }


class _Schemas:
    """Schemas of all models that the routes name, each once."""

    def __init__(self, every: Sequence[Described]) -> None:
        models: list[Any] = []
        for one in every:
            operation = one.operation
            models += [each.type for each in operation.query.values()]
            models += [*operation.answers.values(), operation.body]
        models = [model for model in models if model is not None]
        schemas, self.components = msgspec.json.schema_components(
            models, schema_hook=_anything, ref_template=_REFERENCE
        )
        self._schemas = list(zip(models, schemas, strict=True))

    def of(self, model: Any) -> dict[str, Any]:
        """Return the schema of a model."""
        return next(schema for known, schema in self._schemas if known is model)


def _anything(_: type) -> dict[str, Any]:
    """Say of a type that is not JSON's that it may be anything."""
    return {}


def _operation(one: Described, schemas: _Schemas) -> dict[str, Any]:
    operation = one.operation
    said: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _identifier(one),
        "tags": [_tag(one.path)],
        "parameters": [*_places(one.path), *_query(operation.query, schemas)],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        schema = {"schema": schemas.of(operation.body)}
        content = dict.fromkeys(operation.body_types, schema)
        said["requestBody"] = {"required": True, "content": content}
    if one.needs is None:
        said["security"] = []
    else:
        # Scopes of tokens that are no OAuth2 (OpenAPI 3.1, security requirement).
        scopes = [one.needs.value]
        said["security"] = [{"token": scopes}, {"password": scopes}]
    return said


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, model in operation.answers.items():
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if model is not None:
            schema = {"schema": schemas.of(model)}
            answer["content"] = dict.fromkeys(operation.answer_types, schema)
        responses[str(status)] = answer
    return {**responses, "default": _PROBLEM}


def _places(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACE.findall(path)
    ]


def _query(query: Mapping[str, Parameter], schemas: _Schemas) -> list[dict[str, Any]]:
    found = []
    for name, one in query.items():
        schema = schemas.of(one.type)
        if one.many:
            schema = {"type": "array", "items": schema}
        found.append(
            {"name": name, "in": "query", "description": one.says, "schema": schema}
        )
    return found


def _identifier(one: Described) -> str:
    words = re.findall(r"\w+", one.path)
    return "_".join([one.method.lower(), *words])


def _tag(path: str) -> str:
    words = [word for word in path.strip("/").split("/") if word not in {"api", "v1"}]
    return words[0] if words and words[0] else "pages"
