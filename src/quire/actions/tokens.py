"""Tokens and one-time login links."""

import asyncio
import secrets

import msgspec
from msgspec.structs import replace

from quire.access.principals import Principal, Scope
from quire.access.tokens import SECRET_PREFIX, Token, TokenUse, token_hash
from quire.clock import Clock
from quire.errors import NotFound, StoreUnavailable, Unauthenticated
from quire.ports.store import Store, Transaction

LOGIN_SECONDS = 5 * 60.0
SESSION_SECONDS = 14 * 24 * 3600.0
FRESH_SECONDS = 5.0
"""After which it is asked, behind a request, whether another server has revoked."""
KNOWN_SECONDS = 60.0
"""After which a request waits for the answer."""
_REFUSED = "the token is unknown, revoked or expired"


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A new token; its secret is shown this once."""

    secret: str
    token: Token


class Tokens:
    """Gives, checks and takes back tokens."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[Token, Principal, float]] = {}
        self._asking: asyncio.Task[object] | None = None

    async def admit(self, secret: str, use: TokenUse) -> Principal:
        """Return who holds a token.

        Raises
        ------
        Unauthenticated
            It is not, or no longer, good for this use.
        """
        key, now = token_hash(secret), self._clock.now()
        known = self._known.get(key)
        if known is None or not 0 <= now - known[2] < KNOWN_SECONDS:
            known = await self._looked_up(key, now)
        elif now - known[2] >= FRESH_SECONDS and not (
            self._asking and not self._asking.done()
        ):
            # Documents do not wait while searches hold all that reads the store.
            self._asking = asyncio.create_task(self._looked_up(key, now))
        if known is None or known[0].use is not use or not known[0].live(now):
            raise Unauthenticated(_REFUSED)
        return known[1]

    async def _looked_up(
        self, key: str, now: float
    ) -> tuple[Token, Principal, float] | None:
        try:
            found = await self._store.view(lambda tx: tx.tokens.get(key))
        except StoreUnavailable:
            # What needs no store, such as figures of this very trouble, is still told.
            if key in self._known:
                return self._known[key]
            raise
        if found is None:
            self._known.pop(key, None)
            return None
        known = self._known[key] = found, found.principal(), now
        return known

    async def issue(
        self,
        principal: Principal,
        *,
        use: TokenUse,
        lifetime: float | None,
        secret: str = "",
    ) -> Issued:
        """Make a token that stands for the principal.

        Parameters
        ----------
        lifetime
            Seconds, None for ever.
        secret
            The secret to use; a random one if empty.
        """
        issued = self._new(principal, use, lifetime, secret)
        await self._store.decide(lambda tx: tx.tokens.put(issued.token))
        return issued

    async def log_in(self, code: str) -> Issued:
        """Turn a login code, which is good once, into a session.

        Raises
        ------
        Unauthenticated
            The code is unknown, used or older than five minutes, or the token that
            asked for it is good no longer.
        """
        key = token_hash(code)

        def decide(tx: Transaction) -> Issued | None:
            login = tx.tokens.get(key)
            tx.tokens.remove(key)
            if login is None or login.use is not TokenUse.LOGIN:
                return None
            lasts = self._lasts(tx, login)
            if not login.live(self._clock.now()) or lasts <= 0:
                return None
            # The link itself is gone from now on.
            holder = replace(login.principal(), token=login.parent)
            issued = self._new(holder, TokenUse.SESSION, lasts, "")
            tx.tokens.put(issued.token)
            return issued

        issued = await self._store.decide(decide)
        if issued is None:
            raise Unauthenticated(
                "this login link has been used or is too old; make a new one"
            )
        return issued

    async def listed(self) -> tuple[Token, ...]:
        """Return the API tokens, oldest first."""
        everything = await self._store.view(lambda tx: tx.tokens.all())
        return tuple(token for token in everything if token.use is TokenUse.API)

    async def revoke(self, prefix: str) -> None:
        """Take back the API token whose hash begins so, and the sessions begun with it.

        Raises
        ------
        NotFound
            No token, or more than one, begins so.
        """

        def decide(tx: Transaction) -> None:
            everything = tx.tokens.all()
            found = [
                token
                for token in everything
                if token.use is TokenUse.API and token.hash.startswith(prefix)
            ]
            if len(found) != 1 or not prefix:
                raise NotFound("token", prefix, "give more of its id")
            for token in everything:
                if found[0].hash in (token.hash, token.parent):
                    tx.tokens.remove(token.hash)

        await self._store.decide(decide)
        self._known.clear()

    def _lasts(self, tx: Transaction, login: Token) -> float:
        """Return the seconds of a session, which does not outlive its token."""
        if not login.parent:
            return SESSION_SECONDS
        parent = tx.tokens.get(login.parent)
        if parent is None:
            return 0
        if parent.expires is None:
            return SESSION_SECONDS
        return min(SESSION_SECONDS, parent.expires - self._clock.now())

    def _new(
        self, principal: Principal, use: TokenUse, lifetime: float | None, secret: str
    ) -> Issued:
        secret = secret or f"{SECRET_PREFIX}{secrets.token_urlsafe(32)}"
        now = self._clock.now()
        return Issued(
            secret=secret,
            token=Token(
                hash=token_hash(secret),
                use=use,
                name=principal.name,
                groups=principal.groups,
                scopes=tuple(sorted(principal.scopes, key=str)),
                service=principal.service,
                parent="" if use is TokenUse.API else principal.token,
                created=now,
                expires=None if lifetime is None else now + lifetime,
            ),
        )


EVERYTHING = frozenset(Scope)
