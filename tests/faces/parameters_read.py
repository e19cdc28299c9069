"""Which query parameters a route reads, found in the source of what answers it.

A request, and the form that UWS makes of it, are followed through all that they are
given to.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from quire.faces.uws.forms import query_form, read_form
from quire.web.gate import DeclaredRoute

EVERY = "*"
"""In the place of a name: all parameters are read at once, whatever they are called."""

_REQUEST = "request"
_FORMS = frozenset({query_form, read_form})
_ENCLOSED = object()  # looked at beside the function that encloses it


def read_by(route: DeclaredRoute) -> frozenset[str]:
    """Return the names of the query parameters that a route reads."""
    found: set[str] = set()
    for one in _reached(route.endpoint, set()):
        found |= _Reader(one, {_REQUEST}, {}, set()).names()
    return frozenset(found)


def _reached(what: Any, seen: set[int]) -> Iterator[Callable[..., Any]]:
    """Yield a handler and all that its decorators hold."""
    if isinstance(what, partial):
        what = what.func
    if isinstance(what, DeclaredRoute):
        what = what.endpoint
    if id(what) in seen or not isinstance(what, FunctionType | MethodType):
        return
    seen.add(id(what))
    yield what
    for cell in what.__closure__ or ():
        yield from _reached(cell.cell_contents, seen)


def _is_ours(what: Any) -> bool:
    function = isinstance(what, FunctionType | MethodType)
    return function and what.__module__.partition(".")[0] in ("quire", "tests")


class _Reader:
    """One function.

    Parameters
    ----------
    followed
        Which of its parameters are the request, or a form.
    given
        Those that are known as text.
    """

    def __init__(
        self,
        one: Callable[..., Any],
        followed: Collection[str],
        given: Mapping[str, str],
        seen: set[Any],
    ) -> None:
        self._one = inspect.unwrap(one)
        self._owner = getattr(one, "__self__", None)
        self._given = given
        self._seen = seen
        source = textwrap.dedent(inspect.getsource(self._one))
        self._tree = ast.parse(source)
        self._followed = set(followed)
        self._followed |= {
            target.id
            for target, value in self._assigned()
            if self._is_followed(value.value if isinstance(value, ast.Await) else value)
        }

    def names(self) -> set[str]:
        key = (self._one, frozenset(self._followed), tuple(sorted(self._given.items())))
        if key in self._seen:
            return set()
        self._seen.add(key)
        queries = {
            target.id
            for target, value in self._assigned()
            if self._is_query(value, set())
        }
        parents = {
            child: node
            for node in ast.walk(self._tree)
            for child in ast.iter_child_nodes(node)
        }
        found: set[str] = set()
        for node in ast.walk(self._tree):
            if self._is_query(node, queries):
                found |= self._taken(node, parents)
            elif isinstance(node, ast.Call):
                found |= self._of_form(node) | self._called(node)
        return found

    def _assigned(self) -> Iterator[tuple[ast.Name, ast.AST]]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        yield target, node.value

    def _is_followed(self, node: ast.AST) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._followed
            case ast.Call(func=func):
                return self._resolved(func) in _FORMS
            case _:
                return False

    def _is_query(self, node: ast.AST, queries: set[str]) -> bool:
        match node:
            case ast.Attribute(attr="query_params"):
                return True
            case ast.Attribute(value=value, attr="fields"):
                return self._is_followed(value)
            case ast.Name(id=name, ctx=ast.Load()):
                return name in queries
            case _:
                return False

    def _taken(self, node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> set[str]:
        """Return what is taken out of all parameters, where they stand."""
        match parents[node]:
            case ast.Attribute(attr="get" | "getlist") as method:
                call = parents[method]
                assert isinstance(call, ast.Call)
                return {self._text(call.args[0])}
            case ast.Subscript(slice=name):
                return {self._text(name)}
            case ast.Compare(left=name, ops=[ast.In() | ast.NotIn()]):
                return {self._text(name)}
            case ast.Assign():
                return set()
            case _:
                return {EVERY}

    def _text(self, node: ast.AST) -> str:
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Name(id=name):
                known = self._given.get(name, self._one.__globals__.get(name))
                return known if isinstance(known, str) else EVERY
            case _:
                return EVERY

    def _of_form(self, call: ast.Call) -> set[str]:
        """Return what is taken out of a form."""
        match call.func:
            case ast.Attribute(value=value, attr="one") if self._is_followed(value):
                return {self._text(call.args[0])}
            case ast.Attribute(value=value, attr="without") if self._is_followed(value):
                return {EVERY}
            case _:
                return set()

    def _called(self, call: ast.Call) -> set[str]:
        """Return what a function reads that is given the request, or its form."""
        given = [*call.args, *(one.value for one in call.keywords)]
        if not any(map(self._is_followed, given)):
            return set()
        callee = self._resolved(call.func)
        if callee in _FORMS or callee is _ENCLOSED:
            return set()
        if _is_ours(callee):
            return self._within(callee, call)
        # Such as `asyncio.to_thread`, which calls what it is given.
        if call.args and _is_ours(self._resolved(call.args[0])):
            first, *rest = call.args
            return self._called(ast.Call(first, rest, call.keywords))
        return {EVERY}

    def _within(self, callee: Callable[..., Any], call: ast.Call) -> set[str]:
        parameters = inspect.signature(callee).parameters
        texts = {
            **dict(zip(parameters, call.args, strict=False)),
            **{one.arg: one.value for one in call.keywords if one.arg},
        }
        bound = {name: self._text(node) for name, node in texts.items()}
        bound = {name: text for name, text in bound.items() if text != EVERY}
        followed = {name for name, node in texts.items() if self._is_followed(node)}
        return _Reader(callee, followed, bound, self._seen).names()

    def _resolved(self, node: ast.AST) -> Any:
        match node:
            case ast.Name(id=name) if name in self._one.__code__.co_freevars:
                return _ENCLOSED
            case ast.Name(id="self"):
                return self._owner
            case ast.Name(id=name):
                return self._one.__globals__.get(name)
            case ast.Attribute(value=value, attr=attr):
                held = self._resolved(value)
                return held if held is _ENCLOSED else getattr(held, attr, None)
            case _:
                return None
