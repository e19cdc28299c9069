"""The rules by which runs are projected by themselves: seen, and switched."""

from collections.abc import Mapping

import msgspec

from quire.access.principals import Principal, Scope, require
from quire.actions.project_runs import SPACE, ProjectionRule
from quire.clock import Clock
from quire.errors import NotFound
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction
from quire.ports.switch_records import Switch


class RuleStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a rule stands.

    Attributes
    ----------
    on
        Whether it projects runs now.
    by, at
        Who has switched it last, and when (Unix seconds); empty and None where it
        stands as the configuration says.
    """

    name: str
    rule: ProjectionRule
    on: bool
    by: str = ""
    at: float | None = None


class ProjectionRules:
    """Tells of the rules and switches them.

    Parameters
    ----------
    doorbell
        Rung for ``"runs"`` when a rule is switched on: it looks at once.
    """

    def __init__(
        self,
        store: Store,
        doorbell: Doorbell,
        clock: Clock,
        *,
        rules: Mapping[str, ProjectionRule],
    ) -> None:
        self._store = store
        self._doorbell = doorbell
        self._clock = clock
        self._rules = dict(rules)

    async def standing(self) -> tuple[RuleStanding, ...]:
        """Return all rules, in the order of the configuration."""

        def question(tx: Transaction) -> tuple[RuleStanding, ...]:
            return tuple(
                _standing(name, rule, tx.switches.get(SPACE, name))
                for name, rule in self._rules.items()
            )

        return await self._store.view(question)

    async def switch(
        self, name: str, principal: Principal, *, on: bool
    ) -> RuleStanding:
        """Switch a rule on or off; it stays so over restarts.

        Raises
        ------
        NotFound
            The configuration has no such rule.
        Forbidden
            The principal may not.
        """
        require(principal, Scope.ADMIN_ALL)
        if name not in self._rules:
            known = ", ".join(self._rules) or "none"
            raise NotFound("projection rule", name, f"there are: {known:.200}")
        switch = Switch(
            space=SPACE, name=name, on=on, by=principal.name, at=self._clock.now()
        )
        await self._store.decide(lambda tx: tx.switches.put(switch))
        self._doorbell.ring(["runs"])
        return _standing(name, self._rules[name], switch)


def _standing(name: str, rule: ProjectionRule, switch: Switch | None) -> RuleStanding:
    if switch is None:
        return RuleStanding(name=name, rule=rule, on=rule.enabled)
    return RuleStanding(name=name, rule=rule, on=switch.on, by=switch.by, at=switch.at)
