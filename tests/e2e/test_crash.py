"""An OK from CreateMassMessage is durable: servers and the database are killed meanwhile."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from outbound_sms.cli.child import Child, ChildFailed
from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store.pool import DATABASE_FAILURES, Pool, open_pool
from outboundsms.v1.mass_messages_pb2 import (
    Audience,
    CreateMassMessageRequest,
    CreateMassMessageResponse,
    MassMessageSpec,
)
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from tests.dispatch.checks import check_history
from tests.e2e.fleet import Fleet, fleet_of, kill, remove_numbers_that_fail
from tests.factories import add_subscribers, make_isp
from tests.services.running import KeyedChannel, make_tenant
from tests.waiting import wait_until

SUBSCRIBERS = 200
MASS_MESSAGES = 12
API_KILLS = 6
DATABASE_CRASHES = 2
RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Api:
    """A server that is killed and started again; `stub` reaches the one that runs."""

    def __init__(self, fleet: Fleet, key: str) -> None:
        self._fleet = fleet
        self._key = key
        self._child: Child | None = None
        self._channel: grpc.aio.Channel | None = None

    async def start(self) -> None:
        self._child = self._fleet.server("api,dispatcher")
        address = (await self._child.start("grpc"))["grpc"]
        self._channel = grpc.aio.insecure_channel(address)

    async def kill_and_start(self) -> None:
        assert self._child is not None and self._channel is not None
        await kill(self._child)
        await self._channel.close()
        for _ in range(20):
            try:
                return await self.start()
            except ChildFailed:
                # The database may be recovering from a crash of its own.
                await asyncio.sleep(0.2)
        raise AssertionError("the server does not start")

    @property
    def stub(self) -> Any:
        assert self._channel is not None
        stub: Any = MassMessagesStub
        return stub(KeyedChannel(self._channel, self._key))

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()


async def create(api: Api) -> str:
    """Creates a mass message with the same request_id until there is an answer."""
    request = CreateMassMessageRequest(
        spec=MassMessageSpec(
            saved_message="UNPLANNED_OUTAGE_NO_ETA",
            outage_start_time=Timestamp(seconds=1_790_000_000),
            audience=Audience(all_accounts=True),
        ),
        request_id=str(uuid4()),
    )
    request.spec.outage_start_time.GetCurrentTime()
    for _ in range(300):
        try:
            response: CreateMassMessageResponse = await api.stub.CreateMassMessage(
                request, timeout=5
            )
            return response.mass_message.mass_message_id
        except (grpc.aio.AioRpcError, asyncio.CancelledError, grpc.aio.UsageError) as error:
            if isinstance(error, grpc.aio.AioRpcError) and error.code() not in RETRIED:
                raise
            await asyncio.sleep(0.1)
    raise AssertionError("no answer to a request that was repeated 300 times")


async def break_things(api: Api, cluster: EmbeddedPostgres, chance: random.Random) -> None:
    """Kills the server and crashes the database, in a random order."""
    deeds: list[Callable[[], object]] = [api.kill_and_start] * API_KILLS

    async def crash_database() -> None:
        await cluster.kill()
        await cluster.start()

    deeds += [crash_database] * DATABASE_CRASHES
    chance.shuffle(deeds)
    for deed in deeds:
        await asyncio.sleep(chance.uniform(0.2, 0.8))
        await deed()  # type: ignore[misc]


async def test_every_mass_message_that_was_acknowledged_is_whole_and_there_once(
    fresh_cluster: EmbeddedPostgres, tmp_path: Path
) -> None:
    pool = await open_pool(fresh_cluster.dsn(), min_size=1, max_size=4, application_name="tests")
    tenant = await make_tenant(pool)
    isp = await make_isp(pool, instance_id=tenant.instance.id, segments_per_second=100_000)
    await add_subscribers(pool, isp, SUBSCRIBERS, first=1_000)
    recipients = await remove_numbers_that_fail(pool)
    async with fleet_of(fresh_cluster.dsn(), tmp_path) as fleet:
        # All mass messages have one text, so a look-up often cannot tell which of them it found.
        await fleet.start_carrier(lookup=True, doubt_limit=5)
        api = Api(fleet, tenant.key)
        await api.start()
        breaking = asyncio.create_task(break_things(api, fresh_cluster, random.Random(5)))
        created: list[str] = []
        while len(created) < MASS_MESSAGES or not breaking.done():
            created.append(await create(api))
        await breaking
        await wait_until(lambda: all_whole(pool), 60, "every mass message is finished")
        await api.close()
        accepted = fleet.accepted()
    stored = [str(row[0]) for row in await pool.fetch("SELECT id FROM mass_message")]
    assert sorted(stored) == sorted(created)
    counts = await pool.fetch("SELECT count(*) AS n FROM message GROUP BY mass_message_id")
    assert {row["n"] for row in counts} == {recipients}
    to = [number for (number, _), times in accepted.items() for _ in range(times)]
    assert max(to.count(number) for number in set(to)) <= len(created)
    await check_history(pool)
    await pool.close()


async def all_whole(pool: Pool) -> bool:
    try:
        return not await pool.fetchval(
            "SELECT EXISTS (SELECT 1 FROM mass_message WHERE finish_time IS NULL)"
        )
    except DATABASE_FAILURES:
        return False
