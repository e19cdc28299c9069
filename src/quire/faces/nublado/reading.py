"""Reading a lab's specification, as it comes from JupyterHub's raw form data.

Every option may be a list of one element; null and an empty list count as absent.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from quire.faces.nublado.errors import Detail, Invalid
from quire.labs.lab import LabOptions
from quire.labs.settings import image_for

PREFIX = "JUPYTERHUB_SERVICE_PREFIX"
FROM_DROPDOWN = "use_image_from_dropdown"
_IMAGES = ("image_list", "image_dropdown", "image_class", "image_tag")
_TRUTH = {"true": True, "false": False}
_PATH = re.compile(r"(/[A-Za-z0-9._~%@:+,=-]+)*/?", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class Specification(msgspec.Struct, frozen=True, kw_only=True):
    """What was read.

    Attributes
    ----------
    prefix
        With slashes at both ends.
    """

    options: LabOptions
    env: Mapping[str, str]
    prefix: str


def read_specification(body: Any, image: str) -> Specification:
    """Return the specification that a body holds.

    Parameters
    ----------
    image
        The reference of the image that there is.

    Raises
    ------
    Invalid
        It is none; says all that is wrong.
    UnknownImage, BadReference
        The image is not the one that there is.
    """
    reading = _Reading()
    parts = reading.object(body, ("body",))
    env = reading.env(parts.get("env"))
    options = reading.options(parts.get("options"))
    reading.check()
    field, value = options.image
    return Specification(
        options=LabOptions(
            image=image_for(field, value, image),
            size=options.size,
            enable_debug=options.enable_debug,
            reset_user_env=options.reset_user_env,
        ),
        env=env,
        prefix=_slashed(env[PREFIX]),
    )


class _Options(msgspec.Struct, frozen=True, kw_only=True):
    image: tuple[str, str]
    size: str
    enable_debug: bool
    reset_user_env: bool


class _Reading:
    """Notes what is wrong."""

    def __init__(self) -> None:
        self._wrong: list[Detail] = []

    def check(self) -> None:
        if self._wrong:
            raise Invalid(self._wrong)

    def object(self, value: Any, where: tuple[str, ...]) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        kind = "missing" if value is None else "dict_type"
        words = "Field required" if value is None else "Input should be an object"
        self._note(where, kind, words)
        return {}

    def env(self, value: Any) -> dict[str, str]:
        env = self.object(value, ("body", "env"))
        for name, text in env.items():
            if not isinstance(text, str) or "\0" in text:
                self._note(
                    ("body", "env", name), "string_type", "Input should be a text"
                )
            if not _VARIABLE.fullmatch(name):
                words = "Input should be the name of a variable"
                self._note(("body", "env", name), "value_error", words)
        if not self._wrong and not _PATH.fullmatch(env.get(PREFIX, "\0")):
            words = f"{PREFIX} must be set, to a path"
            self._note(("body", "env"), "value_error", words)
        return env

    def options(self, value: Any) -> _Options:
        given = self.object(value, ("body", "options"))
        single = {name: self._single(name, one) for name, one in given.items()}
        size = single.get("size")
        if not isinstance(size, str):
            words = "Field required" if size is None else "Input should be a text"
            kind = "missing" if size is None else "string_type"
            self._note(("body", "options", "size"), kind, words)
            size = ""
        return _Options(
            image=self._image(single),
            size=size.lower(),
            enable_debug=self._truth(single, "enable_debug"),
            reset_user_env=self._truth(single, "reset_user_env"),
        )

    def _single(self, name: str, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        if len(value) > 1:
            where = ("body", "options", name)
            self._note(where, "value_error", "Too many values")
        return value[0] if value else None

    def _image(self, options: Mapping[str, Any]) -> tuple[str, str]:
        given = {name: options.get(name) for name in _IMAGES}
        if given["image_list"] == FROM_DROPDOWN:
            given["image_list"] = None
        elif given["image_list"]:
            given["image_dropdown"] = None
        chosen = [(name, value) for name, value in given.items() if value]
        if len(chosen) != 1:
            words = f"Exactly one of {', '.join(_IMAGES)} must be given"
            self._note(("body", "options"), "value_error", words)
            return "", ""
        name, value = chosen[0]
        if not isinstance(value, str):
            where = ("body", "options", name)
            self._note(where, "string_type", "Input should be a text")
        return name, value

    def _truth(self, options: Mapping[str, Any], name: str) -> bool:
        value = options.get(name)
        if isinstance(value, str):
            value = _TRUTH.get(value.lower(), value)
        if value is None or isinstance(value, bool):
            return bool(value)
        where = ("body", "options", name)
        self._note(where, "bool_parsing", "Input should be a boolean, true or false")
        return False

    def _note(self, where: tuple[str, ...], kind: str, words: str) -> None:
        self._wrong.append(Detail(loc=where, type=kind, msg=words))


def _slashed(path: str) -> str:
    inside = path.strip("/")
    return f"/{inside}/" if inside else "/"
