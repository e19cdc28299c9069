from quire.tiled.counts import Counts


class Counter:
    """Counts, and takes its time."""

    def __init__(self, seconds: float) -> None:
        self.now = 100.0
        self.asked = 0
        self._seconds = seconds

    def __call__(self) -> float:
        return self.now

    async def count(self) -> int:
        self.now += self._seconds
        self.asked += 1
        return self.asked


async def test_what_is_counted_at_once_is_always_fresh() -> None:
    counter = Counter(0.0)
    counts = Counts(counter)
    assert [await counts.get("a", counter.count) for _ in range(3)] == [1, 2, 3]


async def test_what_takes_long_is_kept_ten_times_as_long() -> None:
    counter = Counter(0.5)
    counts = Counts(counter)
    assert await counts.get("a", counter.count) == 1
    counter.now += 4.9
    assert await counts.get("a", counter.count) == 1
    assert await counts.get("b", counter.count) == 2
    counter.now += 0.2
    assert await counts.get("a", counter.count) == 3


async def test_nothing_is_kept_longer_than_ten_seconds() -> None:
    counter = Counter(60.0)
    counts = Counts(counter)
    assert await counts.get("a", counter.count) == 1
    counter.now += 10.1
    assert await counts.get("a", counter.count) == 2


async def test_only_so_many_are_kept() -> None:
    counter = Counter(1.0)
    counts = Counts(counter)
    for number in range(300):
        await counts.get(str(number), counter.count)
        counter.now -= 1.0
    assert await counts.get("0", counter.count) == 301
    assert await counts.get("299", counter.count) == 300
