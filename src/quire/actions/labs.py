"""Labs: create, show, delete, and what becomes of them when a server ends."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Mapping

import msgspec

from quire.access.principals import Principal, Scope
from quire.access.tokens import SECRET_PREFIX, Token, TokenUse, token_hash
from quire.actions.lab_log import begin_act
from quire.actions.lab_operations import LabOperations, Note, Spawn
from quire.clock import Clock, IdMaker
from quire.errors import NotFound, StoreUnavailable
from quire.labs import phases, transitions
from quire.labs.errors import LabDeleteFailed
from quire.labs.lab import Account, Act, Lab, LabOptions, LabStatus
from quire.labs.settings import LabSettings
from quire.ports.lab_backend import LabAccounts, LabBackend, LabOrder, Seen
from quire.ports.store import Store, Transaction
from quire.progress.event import info

_log = logging.getLogger(__name__)
# What a lab's token admits to at least: else its first cell could read nothing.
_LAB_SCOPES = frozenset({Scope.RUNS_READ, Scope.PRODUCTS_READ, Scope.JOBS_RUN})
# Every so many looks also those who have no labs are looked after.
_LOOKS = 12


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A lab that somebody wants.

    Attributes
    ----------
    prefix
        Path under which it is to serve, with slashes at both ends.
    env
        Added to its environment.
    server
        Address of this server, as the lab reaches it.
    note
        A file that it is to have, and to show first.
    """

    options: LabOptions
    prefix: str
    env: Mapping[str, str] = {}
    server: str
    note: Note | None = None


class Labs:
    """What may be done with labs."""

    def __init__(  # what it works with; all given by the root
        self,
        store: Store,
        backend: LabBackend,
        accounts: LabAccounts,
        operations: LabOperations,
        *,
        clock: Clock,
        ids: IdMaker,
        settings: LabSettings,
        place: str = "",
    ) -> None:
        self._store = store
        self._backend = backend
        self._accounts = accounts
        self._operations = operations
        self._clock = clock
        self._ids = ids
        self.settings = settings
        self._place = place
        self._locks: dict[str, asyncio.Lock] = {}
        self._resumed: set[asyncio.Task[None]] = set()

    @property
    def image(self) -> str:
        """The reference of what labs are made of."""
        return self._accounts.image

    def account(self, user: str) -> Account:
        """Return the account under which a user's lab would run.

        Raises
        ------
        Forbidden, LabsUnavailable
            There would be none; with the reason.
        """
        return self._accounts.account(user)

    async def create(self, wanted: Wanted, principal: Principal) -> Lab:
        """Begin to start the principal's lab; its log tells how that goes on.

        Raises
        ------
        Forbidden, LabsUnavailable
            They may have none here.
        BadSize, QuotaExceeded
            Not of that size.
        LabExists, LabBusy
            They have one, or it is being started or deleted.
        """
        user = principal.name
        account = self.account(user)
        limits = self.settings.limits(wanted.options.size)
        secret = f"{SECRET_PREFIX}{secrets.token_urlsafe(32)}"
        lab = Lab(
            user=user,
            id=self._ids.new_id(),
            options=wanted.options,
            account=account,
            limits=limits,
            prefix=wanted.prefix,
            token=token_hash(secret),
            place=self._place,
            opens=wanted.note.name if wanted.note else "",
        )
        async with self._lock(user):
            await self._look_at(user)
            token = self._token(principal, lab.token)
            lab, clearing = await self._store.decide(
                lambda tx: self._claim(tx, lab, token)
            )
            notes = (wanted.note,) if wanted.note else ()
            order = _order(lab, wanted, secret)
            self._operations.spawn(
                Spawn(lab=lab, order=order, clearing=clearing, notes=notes)
            )
        return lab

    async def get(self, user: str) -> Lab:
        """Return a user's lab.

        Raises
        ------
        NotFound
            There is none.
        """
        found = await self._store.view(lambda tx: tx.labs.get(user))
        return transitions.standing(found, user)

    async def running(self) -> tuple[str, ...]:
        """Return the users whose labs are running."""
        labs = await self._store.view(lambda tx: tx.labs.all())
        return tuple(lab.user for lab in labs if lab.status is LabStatus.RUNNING)

    async def listed(self) -> tuple[Lab, ...]:
        """Return all labs that have not been deleted."""
        labs = await self._store.view(lambda tx: tx.labs.all())
        return tuple(lab for lab in labs if lab.status is not LabStatus.GONE)

    async def delete(self, user: str) -> None:
        """Delete a user's lab; returns once nothing is left of it.

        Raises
        ------
        NotFound
            There is none.
        LabDeleteFailed
            It may still be there.
        """
        lab = await self.get(user)
        if lab.place != self._place:
            raise LabDeleteFailed(user, f"it runs at {lab.place}")
        await self._operations.delete(user)

    async def note(self, user: str, note: Note) -> Lab:
        """Put a file into a running lab, to be shown first.

        Raises
        ------
        NotFound
            There is none that runs.
        LabFailed
            The file could not be written.
        """
        lab = await self.get(user)
        if lab.status is not LabStatus.RUNNING:
            raise NotFound("running lab", user)
        await self._backend.put_file(lab.id, note.name, note.text)

        def decide(tx: Transaction) -> Lab:
            now = transitions.standing(tx.labs.get(user), user)
            now = msgspec.structs.replace(now, opens=note.name)
            tx.labs.put(now)
            return now

        return await self._store.decide(decide)

    async def login(self, user: str) -> str:
        """Return an address that lets a user into their lab, empty if it is not up."""
        lab = await self.get(user)
        if lab.status is not LabStatus.RUNNING:
            return ""
        seen = (await self._backend.observe()).get(lab.id)
        if seen is None or not seen.login:
            return lab.url
        page, _, token = seen.login.partition("?")
        return f"{page}/tree/{lab.opens}?{token}" if lab.opens else seen.login

    async def start(self) -> None:
        """Take up what an earlier server has left.

        Labs that run are ours again. A start that was under way has failed, and leaves
        no process; a deletion goes on. What nobody knows of is ended.
        """
        seen = await self._backend.observe()
        labs = await self._ours()
        for lab in labs:
            if lab.act is Act.SPAWN:
                wrong = "the server ended while the lab was being started"
                await self._try(self._operations.sweep(lab, wrong=wrong))
            elif lab.act is Act.DELETE:
                await self._operations.settle_interrupted_delete(lab)
                resumed = asyncio.create_task(self._try(self.delete(lab.user)))
                self._resumed.add(resumed)
                resumed.add_done_callback(self._resumed.discard)
            elif lab.status is LabStatus.RUNNING and not _alive(seen, lab):
                await self._try(self._operations.sweep(lab))
        kept = {lab.id for lab in labs if lab.status is LabStatus.RUNNING or lab.act}
        for stray in seen.keys() - kept:
            _log.warning("ending the lab %s, which nobody knows of", stray)
            await self._try(self._backend.delete(stray))

    async def run(self) -> None:
        """Look again and again whether labs still run."""
        looks = 0
        while True:
            await asyncio.sleep(self.settings.look_seconds)
            looks += 1
            try:
                await self._look(everywhere=looks % _LOOKS == 0)
            except StoreUnavailable as problem:
                _log.warning("labs could not be looked after: %s", problem.reason)
            except Exception:  # noqa: BLE001 - the next look may do
                _log.exception("labs could not be looked after")

    async def stop(self) -> None:
        """Stop what is being done with labs; those that run go on."""
        await self._operations.stop()

    async def _look(self, *, everywhere: bool) -> None:
        labs = await self._ours()
        running = [lab for lab in labs if lab.status is LabStatus.RUNNING]
        if not running and not everywhere:
            return
        seen = await self._backend.observe()
        known = {lab.id for lab in await self._ours()}
        for lab in running:
            if not _alive(seen, lab):
                async with self._lock(lab.user):
                    await self._look_at(lab.user)
        for stray in seen.keys() - known:
            _log.warning("ending the lab %s, which nobody knows of", stray)
            await self._backend.delete(stray)

    async def _ours(self) -> tuple[Lab, ...]:
        """Return the labs of this place; others are looked after by other servers."""
        labs = await self._store.view(lambda tx: tx.labs.all())
        return tuple(lab for lab in labs if lab.place == self._place)

    async def _look_at(self, user: str) -> None:
        """Record it if a lab that was running has ended; under the user's lock."""
        lab = await self._store.view(lambda tx: tx.labs.get(user))
        if lab is None or lab.status is not LabStatus.RUNNING:
            return
        if lab.place != self._place:
            return
        seen = await self._backend.observe()
        if not _alive(seen, lab) and not self._operations.busy(user):
            await self._operations.sweep(lab)

    async def _try(self, work: Awaitable[None]) -> None:
        """Do something without which the server can start as well."""
        try:
            await work
        except Exception:  # noqa: BLE001 - logged
            _log.exception("a lab of an earlier server")

    def _claim(self, tx: Transaction, wanted: Lab, token: Token) -> tuple[Lab, bool]:
        now, user = self._clock.now(), wanted.user
        former = tx.labs.get(user)
        lab = transitions.begin_spawn(former, wanted, now=now)
        if former is not None and former.token:
            tx.tokens.remove(former.token)
        tx.tokens.put(token)
        tx.labs.put(lab)
        words = f"Starting the lab of {user}"
        begin_act(tx, lab.id, info(words, phases.SPAWNING), now=now)
        return lab, transitions.must_clear(former)

    def _token(self, principal: Principal, hashed: str) -> Token:
        scopes = principal.scopes | _LAB_SCOPES
        return Token(
            hash=hashed,
            use=TokenUse.API,
            name=principal.name,
            groups=principal.groups,
            scopes=tuple(sorted(scopes, key=str)),
            created=self._clock.now(),
        )

    def _lock(self, user: str) -> asyncio.Lock:
        return self._locks.setdefault(user, asyncio.Lock())


def _order(lab: Lab, wanted: Wanted, secret: str) -> LabOrder:
    return LabOrder(
        id=lab.id,
        user=lab.user,
        account=lab.account,
        options=lab.options,
        limits=lab.limits,
        prefix=lab.prefix,
        env={**wanted.env, "QUIRE_URL": wanted.server, "QUIRE_TOKEN": secret},
    )


def _alive(seen: Mapping[str, Seen], lab: Lab) -> bool:
    return lab.id in seen and seen[lab.id].alive
