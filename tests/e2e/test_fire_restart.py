"""A fired event is durable and stays fired: servers and the database are killed meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from outbound_sms.cli.child import Child, ChildFailed
from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store.pool import Pool, open_pool
from outboundsms.v1 import triggers_pb2 as pb
from tests.e2e.fleet import QUICK, kill
from tests.services.fire_calls import Subscribers, fire, make_subscribers, message_ids, outcomes
from tests.services.running import Stubs, make_tenant

FIRED = pb.FIRE_OUTCOME_FIRED
ALREADY_FIRED = pb.FIRE_OUTCOME_ALREADY_FIRED
EVENTS = 600
CALLERS = 20
SERVER_KILLS = 4
DATABASE_CRASHES = 2


class Api:
    """A server process that is killed and started again; `stubs` reach the one that runs."""

    def __init__(self, database_url: str, key: str, folder: Path) -> None:
        self._environment = {**QUICK, "DATABASE_URL": database_url}
        self._key = key
        self._folder = folder
        self._child: Child | None = None
        self.stubs = Stubs("")

    async def start(self) -> None:
        self._child = Child(
            "api",
            ["serve", "--roles", "api"],
            environment=self._environment,
            log=self._folder / "api.log",
        )
        self.stubs = Stubs((await self._child.start("grpc"))["grpc"], self._key)

    async def kill(self) -> None:
        assert self._child is not None
        await kill(self._child)
        await self.stubs.close()

    async def kill_and_start(self) -> None:
        await self.kill()
        for _ in range(20):
            try:
                return await self.start()
            except ChildFailed:
                # The database may be recovering from a crash of its own.
                await asyncio.sleep(0.2)
        raise AssertionError("the server does not start")

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()
        await self.stubs.close()


@asynccontextmanager
async def running(
    database_url: str, pool: Pool, folder: Path
) -> AsyncIterator[tuple[Api, Subscribers]]:
    """A server, and an ISP in its database."""
    tenant = await make_tenant(pool)
    subscribers = await make_subscribers(pool, tenant.instance.id)
    api = Api(database_url, tenant.key, folder)
    await api.start()
    try:
        yield api, subscribers
    finally:
        await api.stop()


async def test_an_event_that_was_answered_stays_fired_after_a_kill(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, pool, tmp_path) as (api, subscribers):
        first = await fire(api.stubs)
        await api.kill()
        await api.start()
        second = await fire(api.stubs)
        assert (outcomes(first), outcomes(second)) == ([FIRED], [ALREADY_FIRED])
        assert message_ids(first) == message_ids(second)
        assert await subscribers.count() == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_crashes_before_the_answer_leave_a_text_or_none_and_a_repeat_finds_it(
    fresh_cluster: EmbeddedPostgres, tmp_path: Path
) -> None:
    pool = await open_pool(fresh_cluster.dsn(), min_size=0, max_size=4, application_name="tests")
    chance = random.Random(11)
    left = iter(range(EVENTS))
    answered: dict[str, list[str]] = {}
    repeats: list[int] = []

    async def call(api: Api) -> None:
        for number in left:
            while True:
                try:
                    result = await fire(api.stubs, f"invoice {number}")
                    break
                except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.CancelledError):
                    repeats.append(number)
                    await asyncio.sleep(0.05)
            answered[f"invoice {number}"] = message_ids(result)
            await asyncio.sleep(chance.uniform(0, 0.1))

    async def crash_database() -> None:
        await fresh_cluster.kill()
        await fresh_cluster.start()

    async with running(fresh_cluster.dsn(), pool, tmp_path) as (api, subscribers):
        deeds: list[Callable[[], Awaitable[None]]] = [api.kill_and_start] * SERVER_KILLS
        deeds += [crash_database] * DATABASE_CRASHES
        chance.shuffle(deeds)
        calls = [asyncio.create_task(call(api)) for _ in range(CALLERS)]
        for deed in deeds:
            await asyncio.sleep(chance.uniform(0.2, 0.5))
            await deed()
        await asyncio.gather(*calls)
        made = await pool.fetch("SELECT event_key, message_ids FROM trigger_fire")
        assert {
            row["event_key"]: [str(id_) for id_ in row["message_ids"]] for row in made
        } == answered
        assert len(answered) == await subscribers.count() == EVENTS
        for table in ("body", "dispatch", "status_event"):
            assert await subscribers.count(table) == EVENTS, table
    assert repeats, "no call was broken by a crash, so the test tested nothing"
    await pool.close()
