"""The guarantees of `quire.ports.attempt_link`, for every link to be tested by.

A link's test inherits `LinkContract` and makes the link and a server that gives prepared
answers.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import ClassVar, Protocol

import pytest

from quire.engines.embedded.messages import Answer
from quire.errors import AttemptLost
from quire.jobs.job import Alert, Assignment, Completed, JobResult, Severity, Standing
from quire.ports.attempt_link import AttemptLink
from quire.progress.event import info

GIVEN = Assignment(
    job="j",
    attempt=2,
    kind="wait",
    parameters={"N": 2**90, "X": [1.5, None, {"é": True}]},
    runs=("r",),
    owner="me",
    folder="/b/a",
    data_folder="/b",
)


class PreparedServer(Protocol):
    """Gives prepared answers and remembers what it was asked.

    Attributes
    ----------
    asked
        Names of the verbs, in order.
    """

    asked: list[str]

    def answer(self, *answers: Answer) -> contextlib.AbstractContextManager[None]:
        """Give these answers, one after the other, while the context lasts."""
        ...

    def go(self) -> None:
        """Be gone, in the midst of an answer."""
        ...


class LinkContract:
    """What every link keeps.

    Attributes
    ----------
    gone
        What it raises when the server has gone for good.
    """

    gone: ClassVar[type[BaseException]]

    @pytest.fixture
    def ends(self) -> Iterator[tuple[AttemptLink, PreparedServer]]:
        """Give a link for attempt 2 of job j, and the server at its other end."""
        raise NotImplementedError

    def test_an_assignment_comes_through_whole(
        self, ends: tuple[AttemptLink, PreparedServer]
    ) -> None:
        """With integers of any size."""
        link, server = ends
        with server.answer(Answer(assignment=GIVEN)):
            assert link.claim() == GIVEN

    def test_every_verb_arrives(self, ends: tuple[AttemptLink, PreparedServer]) -> None:
        """In its order."""
        link, server = ends
        alert = Alert(id="a", severity=Severity.WARNING, description="slow")
        result = JobResult(id="r", path="jobs/j/r", size=2, mime_type="text/plain")
        with server.answer(*[Answer()] * 4):
            link.beat()
            link.tell(info("x", 5), Standing(step="Merging", alerts=(alert,)))
            link.deliver(result)
            link.finish(Completed(results=(result,)))
        assert server.asked == ["beat", "tell", "deliver", "finish"]

    def test_what_is_lost_is_told(
        self, ends: tuple[AttemptLink, PreparedServer]
    ) -> None:
        """With job and attempt."""
        link, server = ends
        with server.answer(Answer(lost=True)), pytest.raises(AttemptLost) as caught:
            link.tell(info("late", 5), Standing(step="Late"))
        assert (caught.value.job, caught.value.attempt) == ("j", 2)

    def test_it_asks_again_while_the_store_is_away(
        self, ends: tuple[AttemptLink, PreparedServer]
    ) -> None:
        """As nothing was acknowledged."""
        link, server = ends
        with server.answer(Answer(unavailable=True), Answer()):
            link.finish(Completed())
        assert server.asked == ["finish", "finish"]

    def test_a_problem_of_the_server_is_raised(
        self, ends: tuple[AttemptLink, PreparedServer]
    ) -> None:
        """In its words."""
        link, server = ends
        with (
            server.answer(Answer(problem="ValueError: x")),
            pytest.raises(RuntimeError, match="ValueError: x"),
        ):
            link.beat()

    def test_a_server_that_has_gone_is_noticed(
        self, ends: tuple[AttemptLink, PreparedServer]
    ) -> None:
        """Nobody waits for ever."""
        link, server = ends
        server.go()
        with pytest.raises(self.gone):
            link.beat()

    def test_requests_of_two_threads_do_not_mix(
        self, ends: tuple[AttemptLink, PreparedServer]
    ) -> None:
        """Each has its own answer."""
        link, server = ends
        beating = [threading.Thread(target=link.beat) for _ in range(20)]
        telling = [
            threading.Thread(target=link.tell, args=(info("x"),)) for _ in range(20)
        ]
        with server.answer(*[Answer()] * 40):
            for caller in (*beating, *telling):
                caller.start()
            for caller in (*beating, *telling):
                caller.join()
        assert sorted(server.asked) == ["beat"] * 20 + ["tell"] * 20
