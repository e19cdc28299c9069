"""Tokens that are good for one attempt alone, and end with it.

Nothing is stored of them: a token names its attempt, and a keyed hash (RFC 2104) of
that name proves that this server gave it. So it outlives a restart of the server, and
the job's row decides how long it is good.
"""

import base64
import hmac

from quire.access.principals import Principal, Scope
from quire.access.tokens import TokenUse
from quire.actions.tokens import Tokens
from quire.clock import Clock
from quire.errors import AttemptLost, Unauthenticated
from quire.jobs import transitions
from quire.ports.launcher import AttemptKey
from quire.ports.store import Store

_PREFIX = "qa_"
_PURPOSE = b"quire: tokens of attempts"
_REFUSED = "the token is not that of an attempt under way"


class AttemptTokens:
    """Makes and checks them.

    Parameters
    ----------
    secret
        Known to the servers of a data folder and to nobody who runs an attempt.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, "sha256")

    def of(self, job: str, attempt: int) -> str:
        """Return the token of an attempt; always the same."""
        name = f"{job}.{attempt}"
        # Of what a forged token names, too, which may be no text.
        proof = hmac.digest(self._key, name.encode("utf-8", "surrogatepass"), "sha256")
        return f"{_PREFIX}{name}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}"

    def attempt_of(self, token: str) -> AttemptKey:
        """Return the attempt that a token was made for, whether it has ended or not.

        Raises
        ------
        Unauthenticated
            It is no such token.
        """
        job, _, rest = token.removeprefix(_PREFIX).rpartition(".")[0].rpartition(".")
        attempt = int(rest) if rest.isascii() and rest.isdecimal() else 0
        # As bytes: texts are compared in constant time only if they are ASCII.
        given = token.encode("utf-8", "surrogatepass")
        made = self.of(job, attempt).encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, made):
            raise Unauthenticated(_REFUSED)
        return job, attempt


class TokensAndAttempts(Tokens):
    """Tokens, and those of attempts: these may read the runs of their job."""

    def __init__(self, store: Store, clock: Clock, attempts: AttemptTokens) -> None:
        super().__init__(store, clock)
        self._attempts = attempts
        self._jobs = store

    async def admit(self, secret: str, use: TokenUse) -> Principal:
        """Return who holds a token.

        Raises
        ------
        Unauthenticated
            It is not, or no longer, good for this use.
        """
        if use is not TokenUse.API or not secret.startswith(_PREFIX):
            return await super().admit(secret, use)
        job, attempt = self._attempts.attempt_of(secret)
        found = await self._jobs.view(lambda tx: tx.jobs.get(job))
        try:
            if found is None:
                raise AttemptLost(job, attempt)
            current = transitions.guard(found, attempt)
        except AttemptLost:
            raise Unauthenticated(_REFUSED) from None
        return Principal(
            name=f"attempt {attempt} of {job}",
            scopes=frozenset({Scope.RUNS_READ}),
            runs=frozenset(current.runs),
        )
