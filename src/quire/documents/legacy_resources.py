"""Older spellings of resources."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

# What specifications say of the format, as far as they do (area detector's names).
_MIMETYPES = (
    (
        re.compile("HDF5|^XSP3?(_|$)|^XPS3$|^PANDA$|^EIGER2_STREAM$"),
        "application/x-hdf5",
    ),
    (re.compile("^AD_TIFF"), "multipart/related;type=image/tiff"),
    (re.compile("^NPY_SEQ"), "multipart/related;type=application/x-npy"),
    (re.compile("_TXT|_CSV"), "text/csv"),
)
_ANY_FORMAT = "application/octet-stream"
_OLD_KEYS = ("spec", "root", "resource_path", "resource_kwargs")


def upgrade_resource(resource: dict[str, Any]) -> Iterator[str]:
    """Rewrite a resource in place.

    Yields
    ------
    str
        What was changed.
    """
    yield from _without_nulls(resource, ("run_start", "path_semantics"))
    # Before event-model there was no root: the path was whole.
    if resource.get("root") is None and "resource_path" in resource:
        resource["root"] = ""
        yield "root became empty"


def upgrade_stream_resource(resource: dict[str, Any]) -> Iterator[str]:
    """Rewrite a `stream_resource` of event-model before 1.21 in place.

    Yields
    ------
    str
        What was changed.
    """
    yield from _without_nulls(resource, ("run_start",))
    spec, root, path, kwargs = (resource.get(key) for key in _OLD_KEYS)
    if "mimetype" in resource or "uri" in resource or not isinstance(kwargs, dict):
        return
    if not all(isinstance(one, str) for one in (spec, root, path)):
        return
    semantics = resource.pop("path_semantics", "posix")
    for key in _OLD_KEYS:
        del resource[key]
    resource["mimetype"] = _mimetype(str(spec))
    resource["uri"] = _uri(str(root), str(path), semantics)
    resource["parameters"] = kwargs
    yield "spec became mimetype"
    yield "root and resource_path became uri"
    yield "resource_kwargs became parameters"
    if "data_key" not in resource and isinstance(kwargs.get("data_key"), str):
        resource["data_key"] = kwargs["data_key"]
        yield "data_key was taken from the parameters"


def _without_nulls(resource: dict[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        if key in resource and resource[key] is None:
            del resource[key]
            yield f"{key} null left out"


def _mimetype(spec: str) -> str:
    told = (name for form, name in _MIMETYPES if form.search(spec.upper()))
    return next(told, _ANY_FORMAT)


def _uri(root: str, path: str, semantics: Any) -> str:
    whole = "/".join(part for part in (root.rstrip("/\\"), path) if part)
    if root in {"/", "\\"}:
        whole = f"/{path}"
    if semantics == "windows":
        whole = whole.replace("\\", "/")
    return "file://localhost/" + quote(whole.lstrip("/"), safe="/:")
