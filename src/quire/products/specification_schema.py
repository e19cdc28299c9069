"""The JSON Schema of a data product specification.

Each ``description`` says what would be right: it is the mend of an error there.
Source: ESO ifw-daq, dpm/dp_spec.html and its schema appendix.
"""

from typing import Any

Schema = dict[str, Any]

_MOST_SOURCES = 1000
_MOST_KEYWORDS = 20_000


def _text(pattern: str, mend: str, most: int = 200) -> Schema:
    return {
        "type": "string",
        "pattern": pattern,
        "maxLength": most,
        "description": mend,
    }


def _record(properties: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _tagged(**kinds: Schema) -> Schema:
    """Return a closed union told apart by ``type``, so that errors name the field."""
    names = sorted(kinds)
    return {
        "type": "object",
        "properties": {
            "type": {"enum": names, "description": "one of " + ", ".join(names)}
        },
        "required": ["type"],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {
                    **kind,
                    "properties": {**kind["properties"], "type": {"const": name}},
                },
            }
            for name, kind in kinds.items()
        ],
    }


def _names() -> Schema:
    word = r"(?!.*\.\.)[A-Za-z0-9_.][A-Za-z0-9_.:+-]*"
    return {
        "id": _text(
            rf"^{word}$", "letters, digits and _ . : + -, no '..', no '-' in front"
        ),
        "path": _text(
            r"^(?!-)(?!.*(^|[:/])\.\.(/|$))(?!.*:-)[A-Za-z0-9_./:+=@%,~ -]+$",
            "host:/path or a path of letters, digits and _ . / : + = @ % , ~ - or "
            "space; no '..', no '-' in front",
            4096,
        ),
        "prefix": _text(
            r"^(?!-)(?!.*\.\.)[-a-zA-Z0-9_.]*$",
            "letters, digits and _ . -, no '..', no '-' in front",
        ),
    }


def _keyword() -> Schema:
    value = {
        "type": ["string", "boolean", "number"],
        "description": "a string, a boolean or a number",
    }
    comment = {"type": "string", "maxLength": 80}
    return _tagged(
        valueKeyword=_record(
            {
                "name": _text(
                    "^[A-Z0-9_-]{1,8}$", "1 to 8 characters of A-Z, 0-9, - and _", 8
                ),
                "value": value,
                "comment": comment,
            },
            "name",
            "value",
        ),
        esoKeyword=_record(
            {
                "name": _text(
                    "^[A-Z0-9_-]+( [A-Z0-9_-]+)*$",
                    "words of A-Z, 0-9, - and _, without HIERARCH ESO",
                    63,
                ),
                "value": value,
                "comment": comment,
            },
            "name",
            "value",
        ),
        literalKeyword=_record(
            {"value": _text("^[ -~]*$", "at most 80 printable ASCII characters", 80)},
            "value",
        ),
    )


def _rules() -> Schema:
    patterns = {
        "type": "array",
        "items": {
            "type": "string",
            "maxLength": 200,
            "description": "such as '+e INS *' or '-v DATE-*'",
        },
        "maxItems": 1000,
    }
    text = {"type": "string", "maxLength": 200}
    return {
        "type": "array",
        "maxItems": 100,
        "items": _tagged(
            filter=_record({"selectionPatterns": patterns}, "selectionPatterns"),
            transform=_record(
                {"selectionPatterns": patterns, "regex": text, "format": text},
                "selectionPatterns",
                "regex",
                "format",
            ),
        ),
    }


def _fits_file() -> Schema:
    names = _names()
    return _record(
        {
            "sourceName": names["id"],
            "location": names["path"],
            "keywordRules": _rules(),
            "alertUnmergeable": {"type": "boolean"},
        },
        "sourceName",
        "location",
    )


def _receiver() -> Schema:
    # ESO's table says allowSymlink, its prose noSymlink: both are read.
    options = _record(
        {"allowSymlink": {"type": "boolean"}, "noSymlink": {"type": "boolean"}}
    )
    options["not"] = {"required": ["allowSymlink", "noSymlink"]}
    options["description"] = "say allowSymlink or noSymlink, not both"
    path = _text(
        r"^/(?!.*(^|/)\.\.(/|$))[A-Za-z0-9_./:+=@%,~ -]*$",
        "an absolute folder of letters, digits and _ . / : + = @ % , ~ - or space",
        4096,
    )
    host = _text(
        r"^([A-Za-z0-9_][A-Za-z0-9_.@-]*)?$", "a host name, empty for this machine"
    )
    fields = {"path": path, "host": host, "options": options}
    place = _text(
        r"^s3://[a-z0-9][a-z0-9.-]*(?!.*/\.\.(/|$))[A-Za-z0-9_./:+=@,~-]*$",
        "s3://bucket/prefix",
        2048,
    )
    command = _text("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "the name of a command")
    return _tagged(
        olasReceiver=_record(fields, "path"),
        folderReceiver=_record({"path": path}, "path"),
        rsyncReceiver=_record({"host": host, "path": path}, "host", "path"),
        s3Receiver=_record({"location": place}, "location"),
        commandReceiver=_record({"command": command}, "command"),
    )


def specification_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a data product specification."""
    names = _names()
    sources = _tagged(
        fitsFile=_fits_file(),
        fitsKeywords=_record(
            {
                "sourceName": names["id"],
                "keywords": {
                    "type": "array",
                    "items": _keyword(),
                    "maxItems": _MOST_KEYWORDS,
                },
            },
            "sourceName",
            "keywords",
        ),
    )
    target = _record(
        {
            "fileId": names["id"],
            "filePrefix": names["prefix"],
            "source": _tagged(fitsFile=_fits_file()),
        },
        "fileId",
    )
    dictionary = _text("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "the name of a dictionary")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Data product specification",
        **_record(
            {
                "id": names["id"],
                "sources": {
                    "type": "array",
                    "items": sources,
                    "maxItems": _MOST_SOURCES,
                    "description": "by descending priority",
                },
                "target": target,
                "keywordDictionaries": {"type": "array", "items": dictionary},
                "receivers": {"type": "array", "items": _receiver(), "maxItems": 100},
            },
            "id",
            "sources",
            "target",
        ),
    }
