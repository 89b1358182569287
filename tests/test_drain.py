"""The order in which a server stops, whatever its parts do."""

import asyncio
import os
import signal

import pytest

from outbound_sms.drain import FORCED_EXIT, Drain, Step, run_steps, server_steps
from tests.waiting import wait_until


async def test_the_first_signal_asks_and_the_second_ends_the_process() -> None:
    ended: list[int] = []
    drain = Drain(force=ended.append)
    loop = asyncio.get_running_loop()
    drain.listen()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(drain.requested.wait(), 5)
        assert (ended, drain.streams.is_set()) == ([], False)
        os.kill(os.getpid(), signal.SIGINT)
        await wait_until(lambda: ended == [FORCED_EXIT])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@pytest.mark.parametrize("dispatches", [True, False])
async def test_a_server_stops_from_the_outside_in(dispatches: bool) -> None:
    done: list[str] = []

    async def dispatcher() -> None:
        done.append("dispatcher")

    async def database() -> None:
        done.append("database")

    async def server(grace: float) -> None:
        done.append(f"server within {grace:g}")

    steps = server_steps(
        say_not_serving=lambda: done.append("not serving"),
        end_streams=lambda: done.append("streams"),
        stop_server=server,
        stop_dispatcher=dispatcher if dispatches else None,
        close_database=database,
        balancer_wait=0.0,
        grace=3,
    )
    await run_steps(steps)
    wanted = ["not serving", "streams", "server within 3", "dispatcher", "database"]
    assert done == [each for each in wanted if dispatches or each != "dispatcher"]


async def test_a_step_that_fails_or_hangs_does_not_keep_the_others() -> None:
    done: list[str] = []

    async def fail() -> None:
        raise ZeroDivisionError

    async def hang() -> None:
        await asyncio.Event().wait()

    async def last() -> None:
        done.append("last")

    async with asyncio.timeout(5):
        await run_steps([Step("fail", fail, 1), Step("hang", hang, 0.05), Step("last", last, 1)])
    assert done == ["last"]
