"""Stopping a server so that nothing is lost: in order, and each step bounded."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

FORCED_EXIT = 70

_log = structlog.get_logger("drain")


@dataclass(frozen=True, slots=True)
class Step:
    """One part of stopping. `at_most` is in seconds; a step that takes longer is left behind."""

    name: str
    run: Callable[[], Awaitable[object]]
    at_most: float


class Drain:
    """Knows when to stop. Handlers and loops wait for events; none of them is ever cancelled.

    `requested` is set by the first signal. `streams` is set later, by the steps: open streams then
    send their last cursor and end UNAVAILABLE with DRAINING.
    """

    def __init__(self, force: Callable[[int], object] = os._exit) -> None:
        self.requested = asyncio.Event()
        self.streams = asyncio.Event()
        self._force = force

    def listen(self) -> None:
        """Makes SIGTERM and SIGINT request the stop, and a second one of either end the process."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request)

    def request(self) -> None:
        """Asks for the stop; asked again, ends the process at once."""
        if self.requested.is_set():
            self._force(FORCED_EXIT)
            return
        self.requested.set()


async def run_steps(steps: Sequence[Step]) -> None:
    """Runs the steps in turn. One that fails or takes too long is logged, not raised."""
    for step in steps:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(step.at_most):
                await step.run()
        except Exception as error:
            _log.error("drain step failed", step=step.name, exc_info=error)
        else:
            seconds = asyncio.get_running_loop().time() - started
            _log.info("drained", step=step.name, seconds=round(seconds, 2))


def server_steps(
    *,
    say_not_serving: Callable[[], object],
    end_streams: Callable[[], object],
    stop_server: Callable[[float], Awaitable[object]],
    stop_dispatcher: Callable[[], Awaitable[object]] | None,
    close_database: Callable[[], Awaitable[object]],
    balancer_wait: float,
    grace: float,
) -> list[Step]:
    """The order in which a server stops, and why.

    Load balancers hear of it first, and get `balancer_wait` seconds to act. Streams end next, by
    themselves, so that their clients resume elsewhere. Then no call is taken any more and open ones
    have `grace` seconds. The dispatcher goes on until there, and finishes what it began. The
    database goes last, since everything above writes to it.
    """

    async def announce() -> None:
        say_not_serving()
        await asyncio.sleep(balancer_wait)

    async def streams() -> None:
        end_streams()

    steps = [
        Step("health", announce, balancer_wait + 1),
        Step("streams", streams, 1),
        Step("grpc", lambda: stop_server(grace), grace + 10),
    ]
    if stop_dispatcher is not None:
        steps.append(Step("dispatcher", stop_dispatcher, grace + 10))
    steps.append(Step("database", close_database, 10))
    return steps
