"""Reading a query's text (`grammar.lark`)."""

from functools import cached_property
from importlib import resources
from typing import Any

from quire.runs.query.limits import check_text
from quire.runs.query.misspelling import misspelling
from quire.runs.query.reading import Reading
from quire.runs.query.syntax import Spoken


class Grammar:
    """Reads texts; made ready at the first of them (some 50 ms), then shared."""

    def read(self, text: str) -> Spoken:
        """Return what a text says, its fields and values not looked at yet.

        Raises
        ------
        QuerySyntaxError
            If it cannot be read.
        QueryTooLarge
            If it is too long or nested too deeply.
        """
        from lark.exceptions import UnexpectedInput

        check_text(text)
        try:
            spoken: Spoken = self._lark.parse(text)
        except UnexpectedInput as problem:
            raise misspelling(text, problem) from None
        return spoken

    @cached_property
    def _lark(self) -> Any:
        from lark import Lark

        rules = resources.files("quire.runs.query").joinpath("grammar.lark")
        return Lark(
            rules.read_text(encoding="utf-8"),
            parser="lalr",
            maybe_placeholders=False,
            transformer=Reading(),
        )
