"""Principals, scopes and the one question `can`."""

from enum import StrEnum

import msgspec

from quire.errors import Forbidden


class Scope(StrEnum):
    """What a token allows (``reference/security.md``, Authorisation)."""

    RUNS_READ = "runs:read"
    RUNS_INGEST = "runs:ingest"
    RUNS_ANNOTATE = "runs:annotate"
    JOBS_RUN = "jobs:run"
    PRODUCTS_READ = "products:read"
    PRODUCTS_WRITE = "products:write"
    ADMIN_TOKENS = "admin:tokens"
    ADMIN_ALL = "admin:all"
    METRICS = "metrics"
    LABS_RUN = "labs:run"
    LABS_ADMIN = "labs:admin"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks.

    Attributes
    ----------
    service
        The service that asks in that name, empty for none.
    runs
        uids of runs that may be shown to it whoever owns them: those of an attempt.
    token
        Hash of the token without which it would not be in, empty where there is none.
    """

    name: str
    groups: tuple[str, ...] = ()
    scopes: frozenset[Scope] = frozenset()
    service: str = ""
    runs: frozenset[str] = frozenset()
    token: str = ""

    @property
    def is_admin(self) -> bool:
        """Whether all is allowed."""
        return Scope.ADMIN_ALL in self.scopes

    def has(self, scope: Scope) -> bool:
        """Return whether the scope was given."""
        return self.is_admin or scope in self.scopes

    def can_see(self, owner: str) -> bool:
        """Return whether what `owner` owns may be shown to this principal."""
        return self.is_admin or owner == self.name

    @property
    def visible_owner(self) -> str | None:
        """The owner whose records alone are visible, None for everybody's."""
        return None if self.is_admin else self.name


def require(principal: Principal, scope: Scope) -> None:
    """Do nothing if the principal has the scope.

    Raises
    ------
    Forbidden
        It does not.
    """
    if not principal.has(scope):
        raise Forbidden(principal.name, f"the scope {scope.value}")
