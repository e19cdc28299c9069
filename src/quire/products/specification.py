"""The data product specification: what a merge makes, from which sources."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jiter
import jsonschema_rs
import msgspec

from quire.errors import InputError, ManyInputErrors
from quire.products.cards import CardError, format_keyword
from quire.products.keyword_rules import (
    KeywordRule,
    Transform,
    pattern_fault,
    rename_fault,
)
from quire.products.keywords import Keyword
from quire.products.receivers import Receiver
from quire.products.specification_schema import specification_schema

_MOST_BYTES = 16 * 1024 * 1024


class FitsKeywords(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="fitsKeywords",
    tag_field="type",
    rename="camel",
):
    """A list of keywords for the product's primary header."""

    source_name: str
    keywords: tuple[Keyword, ...]


class FitsFile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="fitsFile",
    tag_field="type",
    rename="camel",
    omit_defaults=True,
):
    """A FITS file: its primary keywords and its extensions go into the product.

    Attributes
    ----------
    location
        ``host:/path`` or a path.
    keyword_rules
        None copies all user keywords, an empty tuple none.
    alert_unmergeable
        Whether pixels of its primary HDU, which cannot be merged, are told of.
    """

    source_name: str
    location: str
    keyword_rules: tuple[KeywordRule, ...] | None = None
    alert_unmergeable: bool = True


class Target(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The product's file.

    Attributes
    ----------
    file_id
        Its name without ``.fits``.
    file_prefix
        Goes before it in ``ORIGFILE``.
    source
        The file whose primary HDU the product keeps, data included, if any.
    """

    file_id: str
    file_prefix: str = ""
    source: FitsFile | None = None


class DataProductSpecification(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """What to merge (ESO ifw-daq, dpm/dp_spec.html).

    Attributes
    ----------
    sources
        By descending priority, for keywords and extensions alike.
    """

    id: str
    sources: tuple[FitsKeywords | FitsFile, ...]
    target: Target
    keyword_dictionaries: tuple[str, ...] = ()
    receivers: tuple[Receiver, ...] = ()

    @property
    def files(self) -> tuple[FitsFile, ...]:
        """The files that it reads, the target's own first."""
        own = () if self.target.source is None else (self.target.source,)
        return own + tuple(one for one in self.sources if isinstance(one, FitsFile))


def host_and_path(location: str) -> tuple[str, str]:
    """Split a location into host, empty if there is none, and path."""
    host, colon, path = location.partition(":")
    return (host, path) if colon and "/" not in host else ("", location)


def parse_specification(
    specification: str | bytes | Mapping[str, Any],
) -> DataProductSpecification:
    """Read a data product specification.

    Raises
    ------
    ManyInputErrors
        With everything that is wrong, each with its place as JSON Pointer.
    """
    value = _loaded(specification)
    errors = list(_schema_errors(value))
    if not errors:
        parsed = msgspec.convert(value, DataProductSpecification)
        errors = list(_meaning_errors(parsed))
        if not errors:
            return parsed
    raise ManyInputErrors(errors)


def stored_specification(
    specification: str | bytes | Mapping[str, Any],
) -> DataProductSpecification:
    """Return a specification that `parse_specification` has accepted before."""
    return msgspec.convert(_loaded(specification), DataProductSpecification)


def _loaded(specification: str | bytes | Mapping[str, Any]) -> Any:
    if isinstance(specification, Mapping):
        return dict(specification)
    text = specification.encode() if isinstance(specification, str) else specification
    if len(text) > _MOST_BYTES:
        fault = InputError("", f"more than {_MOST_BYTES} bytes", "name fewer keywords")
        raise ManyInputErrors([fault])
    try:
        return jiter.from_json(text, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        fault = InputError("", f"no JSON: {error}", "send one JSON object")
        raise ManyInputErrors([fault]) from None


def _pointer(path: Sequence[str | int]) -> str:
    return "".join(
        "/" + str(step).replace("~", "~0").replace("/", "~1") for step in path
    )


@functools.cache  # it takes longer to make than most specifications to check
def _validator() -> tuple[jsonschema_rs.Draft202012Validator, dict[str, Any]]:
    schema = specification_schema()
    return jsonschema_rs.Draft202012Validator(schema), schema


def _schema_errors(value: Any) -> Iterator[InputError]:
    validator, schema = _validator()
    for error in validator.iter_errors(value):
        kind, path = error.kind.as_dict(), list(error.instance_path)
        mend = _mend(schema, error.schema_path)
        if "property" in kind:
            path.append(kind["property"])
            yield InputError(_pointer(path), "missing", mend)
        elif "unexpected" in kind:
            for name in kind["unexpected"]:
                yield InputError(_pointer([*path, name]), "unknown member")
        elif error.kind.name == "not":
            yield InputError(_pointer(path), "contradicts itself", mend)
        else:
            yield InputError(_pointer(path), error.message, mend)


def _mend(schema: Any, path: Sequence[str | int]) -> str:
    for step in path[:-1]:
        schema = schema[step]
    return str(schema.get("description", "")) if isinstance(schema, dict) else ""


def _meaning_errors(parsed: DataProductSpecification) -> Iterator[InputError]:
    for index, source in enumerate(parsed.sources):
        place = f"/sources/{index}"
        if isinstance(source, FitsFile):
            yield from _rule_errors(source, place)
        else:
            yield from _keyword_errors(source, place)
    if parsed.target.source is not None:
        yield from _rule_errors(parsed.target.source, "/target/source")


def _keyword_errors(source: FitsKeywords, place: str) -> Iterator[InputError]:
    for index, keyword in enumerate(source.keywords):
        try:
            format_keyword(keyword)
        except CardError as fault:
            yield InputError(f"{place}/keywords/{index}", str(fault))


def _rule_errors(source: FitsFile, place: str) -> Iterator[InputError]:
    for index, rule in enumerate(source.keyword_rules or ()):
        at = f"{place}/keywordRules/{index}"
        for number, pattern in enumerate(rule.selection_patterns):
            if fault := pattern_fault(pattern):
                yield InputError(f"{at}/selectionPatterns/{number}", fault)
        if isinstance(rule, Transform) and (
            fault := rename_fault(rule.regex, rule.format)
        ):
            yield InputError(f"{at}/regex", fault)
