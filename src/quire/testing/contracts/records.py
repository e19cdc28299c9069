"""The guarantees of the progress, product and token ports."""

from functools import partial

from msgspec.structs import replace

from quire.access.principals import Scope
from quire.access.tokens import Token, TokenUse
from quire.ports.product_records import Place
from quire.ports.store import Store, Transaction
from quire.ports.switch_records import Switch
from quire.products.product import Product
from quire.progress.event import complete, info
from quire.progress.log import Entry, Head, append, next_act
from quire.testing.contracts.fixtures import ODD_UIDS, ContractFixtures, uuid


def _product(number: int, owner: str, *runs: str) -> Product:
    return Product(
        id=uuid(number),
        kind="merge",
        owner=owner,
        runs=runs,
        file=f"products/{number}.fits",
        manifest=f"products/{number}.json",
        size=2**40,
        sha256="ab",
        mime_type="image/fits",
        made=float(number // 2),
    )


def _log(transaction: Transaction, operation: str) -> list[Entry]:
    head = transaction.progress.head(operation) or Head(operation=operation)
    entries = []
    for event in (info("one\0", 10), info("zwei", 5), complete("done"), info("new")):
        if head.final:
            head = next_act(head)
        head, entry = append(head, event, at=1.25)
        assert entry is not None
        transaction.progress.append(head, entry)
        entries.append(entry)
    return entries


async def _head(store: Store, operation: str) -> Head | None:
    return await store.view(lambda t: t.progress.head(operation))


async def _entries(
    store: Store, operation: str, after: int, limit: int
) -> tuple[Entry, ...]:
    return await store.view(lambda t: t.progress.entries(operation, after, limit))


async def _of_run(store: Store, run: str) -> tuple[Product, ...]:
    return await store.view(lambda t: t.products.of_run(run))


async def _newest(
    store: Store, limit: int, owner: str | None, before: Place | None = None
) -> tuple[Product, ...]:
    return await store.view(lambda t: t.products.newest(limit, owner, before))


def _place(found: list[Product]) -> Place | None:
    return (found[-1].made, found[-1].id) if found else None


async def _put_tokens(store: Store, *tokens: Token) -> None:
    def put(transaction: Transaction) -> None:
        for token in tokens:
            transaction.tokens.put(token)

    await store.decide(put)


async def _remove_token(store: Store, token_hash: str) -> None:
    await store.decide(lambda t: t.tokens.remove(token_hash))


class RecordsContract(ContractFixtures):
    """Progress, products and tokens."""

    async def test_a_log_is_read_in_pieces(self, store: Store) -> None:
        """In order, each operation its own."""
        for operation in (*ODD_UIDS, uuid(1)):
            assert await _head(store, operation) is None
            written = await store.decide(partial(_log, operation=operation))
            for after in range(6):
                for limit in range(6):
                    found = await _entries(store, operation, after, limit)
                    assert list(found) == written[after : after + limit]
            head = await _head(store, operation)
            assert head == Head(operation=operation, first=4, last=4)

    async def test_products_by_run_and_owner(self, store: Store) -> None:
        """Newest first; put replaces, runs included."""

        def put(transaction: Transaction) -> None:
            transaction.products.put(_product(1, "a", "gone", "r"))
            for number in range(6):
                owner = "ab"[number % 2]
                transaction.products.put(_product(number, owner, "r", uuid(number)))

        await store.decide(put)
        one = await store.view(lambda t: t.products.get(uuid(1)))
        assert one == _product(1, "b", "r", uuid(1))
        assert await store.view(lambda t: t.products.get("none")) is None
        for run, numbers in (("r", [5, 4, 3, 2, 1, 0]), (uuid(3), [3]), ("gone", [])):
            found = await _of_run(store, run)
            assert [product.id for product in found] == [uuid(n) for n in numbers]
        for limit, who, numbers in (
            (9, None, [5, 4, 3, 2, 1, 0]),
            (2, None, [5, 4]),
            (2, "a", [4, 2]),
            (9, "c", []),
        ):
            found = await _newest(store, limit, who)
            assert [product.id for product in found] == [uuid(n) for n in numbers]

    async def test_products_are_turned_over_page_by_page(self, store: Store) -> None:
        """Whatever their ids are, and where several were made at one time."""

        def put(transaction: Transaction) -> None:
            for number, odd in enumerate((*ODD_UIDS, *map(uuid, range(9)))):
                made = replace(_product(number, "ab"[number % 2]), id=odd)
                transaction.products.put(made)

        await store.decide(put)
        for owner in (None, "a", "b"):
            whole = await _newest(store, 100, owner)
            found: list[Product] = []
            while page := await _newest(store, 2, owner, _place(found)):
                found += page
            assert tuple(found) == whole
            assert whole

    async def test_tokens(self, store: Store) -> None:
        """Oldest first; put replaces; removing what is not there is harmless."""
        tokens = [
            Token(
                hash=f"{9 - number}",
                use=TokenUse.API,
                name="me",
                groups=("g",),
                scopes=(Scope.RUNS_READ,),
                created=float(number),
                expires=None if number else 3.5,
            )
            for number in range(4)
        ]
        await _put_tokens(store, *tokens)
        assert await store.view(lambda t: t.tokens.all()) == tuple(tokens)
        changed = Token(hash="9", use=TokenUse.LOGIN, name="you")
        await _put_tokens(store, changed)
        assert await store.view(lambda t: t.tokens.get("9")) == changed
        for token_hash in ("8", "no"):
            await _remove_token(store, token_hash)
        assert await store.view(lambda t: t.tokens.get("8")) is None
        left = await store.view(lambda t: t.tokens.all())
        assert left == (changed, *tokens[2:])

    async def test_a_switch_is_as_it_was_set_last(self, store: Store) -> None:
        """A switch is what was set last, by its space and its name."""
        off = Switch(space="rule", name="ä\0", on=False, by="amy", at=1.5)
        on = Switch(space="rule", name="ä\0", on=True, by="ben", at=2.5)
        other = Switch(space="rule ä", name="", on=False, by="", at=0.0)

        for switch in (off, other, on):
            await store.decide(lambda t, one=switch: t.switches.put(one))  # type: ignore[misc]

        def found(t: Transaction) -> list[Switch | None]:
            keys = [("rule", "ä\0"), ("rule ä", ""), ("rule", "")]
            return [t.switches.get(*key) for key in keys]

        assert await store.view(found) == [on, other, None]
