"""Once only: however many callers, servers and streams fire an event at the same time."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from outbound_sms.rpc.limits import Limits
from outbound_sms.store.pool import Pool
from outboundsms.v1 import triggers_pb2 as pb
from tests.services.fire_calls import (
    Subscribers,
    event,
    fire,
    fire_stream,
    make_subscribers,
    message_ids,
)
from tests.services.running import Stubs, Tenant, run_server

FIRED = pb.FIRE_OUTCOME_FIRED
ALREADY_FIRED = pb.FIRE_OUTCOME_ALREADY_FIRED
CALLERS = 200


@pytest.fixture
async def subscribers(pool: Pool, instance: Tenant) -> Subscribers:
    return await make_subscribers(pool, instance.instance.id)


@pytest.fixture
async def connections(pool: Pool, instance: Tenant) -> AsyncIterator[list[Stubs]]:
    """Six connections, to two servers on one database."""
    async with AsyncExitStack() as running:
        made = []
        for _ in range(2):
            limits = Limits(unary_per_instance=CALLERS)
            server = await running.enter_async_context(run_server(pool, limits=limits))
            for _ in range(3):
                stubs = Stubs(server.address, instance.key)
                running.push_async_callback(stubs.close)
                made.append(stubs)
        yield made


async def test_equal_events_of_many_callers_make_one_text(
    connections: list[Stubs], subscribers: Subscribers
) -> None:
    results = await asyncio.gather(
        *(fire(connections[number % len(connections)]) for number in range(CALLERS))
    )
    outcomes = [result.outcome for result in results]
    assert (outcomes.count(FIRED), outcomes.count(ALREADY_FIRED)) == (1, CALLERS - 1)
    [text] = await subscribers.texts()
    assert {each for result in results for each in message_ids(result)} == {str(text["id"])}
    for table in ("body", "dispatch", "status_event", "trigger_fire"):
        assert await subscribers.count(table) == 1, table


async def test_calls_and_streams_of_two_servers_agree_on_every_text(
    connections: list[Stubs], subscribers: Subscribers
) -> None:
    chance = random.Random(7)
    names = [f"invoice {number}" for number in range(60)]
    answered: dict[str, set[str]] = {name: set() for name in names}
    fired: list[str] = []

    def note(name: str, result: pb.FireResult) -> None:
        answered[name].update(message_ids(result))
        if result.outcome == FIRED:
            fired.append(name)

    async def call(stubs: Stubs) -> None:
        for name in chance.sample(names, 20):
            note(name, await fire(stubs, name))

    async def stream(stubs: Stubs) -> None:
        # Each in an order of its own: transactions that wait for each other would be a deadlock.
        requests = [chance.sample(names, len(names)) for _ in range(3)]
        answers = await fire_stream(stubs, *([event(name) for name in each] for each in requests))
        for request, found in zip(requests, answers, strict=True):
            for name, answer in zip(request, found, strict=True):
                assert answer.WhichOneof("answer") == "result", answer
                note(name, answer.result)

    await asyncio.gather(*map(call, connections), *map(stream, connections))
    assert sorted(fired) == sorted(names)
    made = await subscribers.pool.fetch("SELECT event_key, message_ids FROM trigger_fire")
    assert {row["event_key"]: set(map(str, row["message_ids"])) for row in made} == answered
    assert await subscribers.count() == len(names)
