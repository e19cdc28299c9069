"""Making jobs of what clients send: fields that steer, parameters and files."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from quire.access.principals import Principal
from quire.actions.job_files import JobFiles
from quire.errors import InputError
from quire.faces.uws.forms import Form, Part
from quire.faces.uws.times import read_time
from quire.jobs.parameters import Parameter, ParameterType, Upload
from quire.ports.kind import Kind

PHASE, RUNID, ACTION = "PHASE", "RUNID", "ACTION"
DURATION, DESTRUCTION, UPLOAD = "EXECUTIONDURATION", "DESTRUCTION", "UPLOAD"
CONTROL = (PHASE, RUNID, ACTION, DURATION, DESTRUCTION)
_PARAM = "param:"
_LONGEST_INTEGER = 20


class Sending:
    """Reads parameters, and keeps the files among them in the job's own folder.

    Parameters
    ----------
    hosts
        The names of this server: only its own addresses are followed.
    """

    def __init__(
        self,
        files: JobFiles,
        *,
        job: str,
        hosts: frozenset[str],
        principal: Principal,
    ) -> None:
        self._files = files
        self._job = job
        self._hosts = hosts | {""}
        self._principal = principal

    async def parameters(self, kind: Kind, form: Form) -> dict[str, Any]:
        """Return a form's parameters, for the kind to read.

        Raises
        ------
        InputError
            A file comes as what is none, or is not to be had.
        """
        declared = {one.name: one for one in kind.parameters}
        left_out = CONTROL if UPLOAD in declared else (*CONTROL, UPLOAD)
        values: dict[str, Any] = {
            name: given
            for name, given in form.without(left_out).items()
            if not _is_blank(declared.get(name), given)
        }
        parts = dict(form.files)
        for name, address in _references(form, values, declared):
            part = _taken(parts, name, address)
            if part is None:
                values[name] = await self._follow(name, address)
            else:
                values[name] = await self._keep(name, part)
        for name, part in parts.items():
            if _is_file(declared, name):
                values[name] = await self._keep(name, part)
            else:
                values[name] = (*values.get(name, ()), _text(name, part.body))
        return values

    async def one(self, parameter: str, kind: Kind, body: bytes, media: str) -> Any:
        """Return the value of one parameter that is the whole body of a request."""
        declared = {one.name: one for one in kind.parameters}
        if _is_file(declared, parameter):
            return await self._keep(parameter, Part(body=body, mime_type=media))
        return _text(parameter, body)

    async def _keep(self, name: str, part: Part) -> Upload:
        return await self._files.keep(self._job, name, part.body, part.mime_type)

    async def _follow(self, name: str, address: str) -> Upload:
        try:
            parts = urlsplit(address)
        except ValueError as error:
            raise InputError(name, f"{address!r:.80}: {error}") from None
        ours = parts.netloc in self._hosts
        if not ours or parts.scheme not in ("", "http", "https"):
            reason = f"{address!r:.80} is of another server"
            mend = "send the file itself, or the address of a result of this server"
            raise InputError(name, reason, mend)
        return await self._files.keep_copy(
            self._job, name, unquote(parts.path), self._principal
        )


def whole_number(form: Form, field: str) -> int | None:
    """Return a field as an integer, None without it.

    Raises
    ------
    InputError
        It is none.
    """
    text = form.one(field)
    if text is None:
        return None
    digits = text.strip()
    if len(digits) <= _LONGEST_INTEGER:
        try:
            return int(digits)
        except ValueError:
            pass
    raise InputError(field, f"{text!r:.40} is no integer", "such as 60")


def destruction(form: Form) -> float | None:
    """Return the time of destruction that a form has, None for none."""
    text = form.one(DESTRUCTION)
    if text is None or not text.strip():
        return None
    return read_time(DESTRUCTION, text, strict=True)


def _references(
    form: Form, values: Mapping[str, Any], declared: Mapping[str, Parameter]
) -> Iterable[tuple[str, str]]:
    """Yield the files that fields name: ``NAME=address`` and ``UPLOAD=name,address``."""
    for name in values:
        if _is_file(declared, name):
            address = form.one(name)
            if address:
                yield name, address
    if UPLOAD in declared:
        return
    for field in form.fields.get(UPLOAD, ()):
        for pair in filter(None, field.split(";")):
            yield _upload(pair.strip(), declared)


def _upload(pair: str, declared: Mapping[str, Parameter]) -> tuple[str, str]:
    """Return the name and the address of an upload (DALI 1.1, section 3.4.5)."""
    name, _, address = pair.partition(",")
    if not name or not address:
        mend = "UPLOAD=name,param:part or UPLOAD=name,address"
        raise InputError(UPLOAD, f"{pair!r:.80} is no upload", mend)
    if not _is_file(declared, name.upper()):
        files = [known for known in declared if _is_file(declared, known)]
        mend = f"there are {', '.join(files) or 'none'}"
        raise InputError(UPLOAD, f"{name!r:.80} is no file parameter", mend)
    return name.upper(), address


def _taken(parts: dict[str, Part], name: str, address: str) -> Part | None:
    """Take the part that an address means from the others; None for another address."""
    if not address.lower().startswith(_PARAM):
        return None
    part = parts.pop(address[len(_PARAM) :].upper(), None)
    if part is None:
        raise InputError(name, f"{address!r:.80}: no such part", "send the file as one")
    return part


def _is_blank(parameter: Parameter | None, given: tuple[str, ...]) -> bool:
    """Return whether a browser's field was left empty: then it says nothing."""
    if parameter is None or any(given):
        return False
    return parameter.type is not ParameterType.TEXT or bool(parameter.choices)


def _is_file(declared: Mapping[str, Parameter], name: str) -> bool:
    return name in declared and declared[name].type is ParameterType.FILE


def _text(name: str, body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InputError(name, f"is not UTF-8: {error}") from None
