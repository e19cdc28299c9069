import asyncio

from quire.actions.leading import Led, while_leading


class Told:
    """Leadership as the test says."""

    def __init__(self) -> None:
        self.ours = True
        self.asked = 0

    async def holds(self, task: str) -> bool:
        assert task == "sweep"
        self.asked += 1
        return self.ours

    async def leave(self, task: str) -> None:
        del task

    async def aclose(self) -> None:
        pass


async def test_work_begins_and_ends_as_the_task_comes_and_goes() -> None:
    leadership, seen = Told(), list[str]()

    async def end() -> None:
        seen.append("end")

    led = Led(leadership, "sweep", begin=lambda: seen.append("begin"), end=end)
    for ours in (True, True, False, False, True):
        leadership.ours = ours
        await led.look()
    assert seen == ["begin", "end", "begin"]
    await led.stop()
    await led.stop()
    assert seen == ["begin", "end", "begin", "end"]


async def test_work_is_cancelled_with_whoever_leads() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(while_leading(Told(), "sweep", work))
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ended.is_set()
