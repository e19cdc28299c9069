"""The OpenAPI description of this face, and a page that shows it."""

import html
from typing import Any

from quire.faces.rundb.parameters import PARAMETERS, Parameter


def description(base: str, zone: str) -> dict[str, Any]:
    """Return the description (OpenAPI 3.1).

    Parameters
    ----------
    base
        Absolute address of the server.
    zone
        In which its dates are.
    """
    paged = {
        "type": "object",
        "required": ["count", "next", "previous", "results"],
        "properties": {
            "count": {
                "type": ["integer", "null"],
                "description": "null where a filter leaves more than 10,000",
            },
            "next": {"type": ["string", "null"], "format": "uri"},
            "previous": {"type": "null"},
            "results": {"type": "array", "items": {"$ref": "#/components/schemas/Run"}},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "RunDB of Quire",
            "version": "1",
            "description": _OF_DATES.format(zone=zone),
        },
        "servers": [{"url": base}],
        "security": [{"bearer": []}, {"basic": []}],
        "paths": {
            "/rest/v1/runs/": {
                "get": {
                    "summary": "Runs, ascending by experiment, run and uid",
                    "parameters": [_parameter(one, zone) for one in PARAMETERS],
                    "responses": {
                        "200": _answer(paged),
                        "400": _answer(_ERROR),
                        "401": _answer(_ERROR),
                    },
                }
            },
            "/rest/v1/runs/{uid}/": {
                "get": {
                    "summary": "One run, whole",
                    "parameters": [
                        {
                            "name": "uid",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string"},
                        }
                    ],
                    "responses": {
                        "200": _answer({"$ref": "#/components/schemas/Run"}),
                        "404": _answer(_ERROR),
                    },
                }
            },
        },
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
            "schemas": {"Run": _RUN},
        },
    }


_OF_DATES = (
    "Dates are days in the zone {zone}; times are in UTC, with their offset. A day"
    " lasts from its first instant to that of the next: where clocks are set forward"
    " over midnight it begins later than at 0:00, and where they are set back over"
    " midnight what is repeated of the old day counts to the new one. A whole run says"
    " in date_start which day it counts to."
)
_ERROR = {"type": "object", "properties": {"detail": {"type": "string"}}}
_RUN = {
    "type": "object",
    "required": ["experiment", "run", "url", "time_start", "time_stop"],
    "properties": {
        "experiment": {"type": ["integer", "null"]},
        "run": {"type": ["integer", "null"]},
        "url": {"type": "string", "format": "uri"},
        "run_type": {"type": ["string", "null"]},
        "time_start": {"type": ["string", "null"], "description": "ISO 8601, UTC"},
        "time_stop": {"type": ["string", "null"], "description": "null while running"},
        "date_start": {
            "type": ["string", "null"],
            "format": "date",
            "description": "The day that min_date and max_date compare; expanded alone",
        },
        "detectors": {"type": "object"},
        "quality_expert": {"type": "object"},
        "statistics": {"type": "object", "description": "luminosities in 1/nb"},
        "her": {"type": "object"},
        "ler": {"type": "object"},
    },
}


def page(zone: str) -> str:
    """Return a page for people."""
    rows = "".join(
        f"<tr><td><code>{html.escape(one.name)}</code></td><td>{one.type}</td>"
        f"<td>{html.escape(one.description.format(zone=zone))}</td></tr>"
        for one in PARAMETERS
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>RunDB</title>'
        '<link rel="stylesheet" href="/static/quire.css"><main><h1>RunDB</h1>'
        "<p><code>GET /rest/v1/runs/</code> lists runs, ascending by experiment and"
        " run; <code>GET /rest/v1/runs/UID/</code> shows one. The description for"
        " programs is this address with <code>Accept: application/json</code>.</p>"
        f"<p>{html.escape(_OF_DATES.format(zone=zone))}</p>"
        f"<table><tr><th>parameter</th><th>type</th><th>meaning</th></tr>{rows}</table>"
        "</main></html>"
    )


def _parameter(one: Parameter, zone: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": one.type}
    if one.format:
        schema["format"] = one.format
    if one.repeated:
        schema = {"type": "array", "items": schema}
    return {
        "name": one.name,
        "in": "query",
        "description": one.description.format(zone=zone),
        "schema": schema,
    }


def _answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": "",
        "content": {"application/json": {"schema": schema}},
    }
