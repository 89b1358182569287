"""Deploys lose nothing: each of three servers is stopped and replaced under load."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import grpc
import pytest

from outbound_sms.cli.child import Child
from outbound_sms.store.pool import Pool
from outboundsms.v1.delivery_pb2 import (
    WATCH_START_OLDEST,
    GetDeliveryStatsRequest,
    WatchMessagesRequest,
    WatchMessagesResponse,
)
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from outboundsms.v1.mass_messages_pb2 import Audience, CreateMassMessageRequest, MassMessageSpec
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from tests.dispatch.checks import check_history
from tests.e2e.fleet import fleet_of, remove_numbers_that_fail
from tests.factories import add_subscribers, make_isp
from tests.services.running import KeyedChannel, make_tenant
from tests.waiting import wait_until

SUBSCRIBERS = 1_500
RATE = 150
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Balancer:
    """Sends calls to the servers that it knows of in turn, as a load balancer does."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._channels: list[grpc.aio.Channel] = []
        self.calls = 0
        self.failed = 0

    def add(self, address: str) -> grpc.aio.Channel:
        channel = grpc.aio.insecure_channel(address)
        self._channels.append(channel)
        return channel

    def remove(self, channel: grpc.aio.Channel) -> None:
        self._channels.remove(channel)

    def stub(self, kind: type) -> object:
        return kind(KeyedChannel(self._channels[self.calls % len(self._channels)], self._key))

    async def call_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.calls += 1
            stub = self.stub(DeliveryStub)
            try:
                await stub.GetDeliveryStats(GetDeliveryStatsRequest(), timeout=10)  # type: ignore[attr-defined]
            except grpc.aio.AioRpcError:
                self.failed += 1
            await asyncio.sleep(0.005)

    async def watch_until(
        self, stop: asyncio.Event, seen: dict[tuple[str, int], int]
    ) -> list[float]:
        """Watches all events, resuming by cursor. Returns when the stream was ended."""
        cursor, resumed = "", []
        while not stop.is_set():
            call = self.stub(DeliveryStub).WatchMessages(  # type: ignore[attr-defined]
                WatchMessagesRequest(cursor=cursor, start=WATCH_START_OLDEST)
            )
            stopping = asyncio.create_task(stop.wait())
            try:
                while not stop.is_set():
                    reading = asyncio.ensure_future(call.read())
                    await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    if not reading.done():
                        call.cancel()
                        break
                    answer = reading.result()
                    if not isinstance(answer, WatchMessagesResponse):
                        break
                    cursor = answer.cursor
                    for event in answer.events:
                        key = (event.message_id, event.version)
                        seen[key] = seen.get(key, 0) + 1
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE, error
                resumed.append(time.monotonic())
                await asyncio.sleep(0.05)
            finally:
                stopping.cancel()
        return resumed


async def test_a_rolling_restart_under_load_loses_nothing(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    tenant = await make_tenant(pool)
    isp = await make_isp(pool, instance_id=tenant.instance.id, segments_per_second=RATE)
    await add_subscribers(pool, isp, SUBSCRIBERS, first=1_000)
    recipients = await remove_numbers_that_fail(pool)
    async with fleet_of(database_url, tmp_path) as fleet:
        await fleet.start_carrier(lookup=True)
        balancer = Balancer(tenant.key)
        servers: list[tuple[Child, grpc.aio.Channel]] = []

        async def start() -> None:
            child = fleet.server("api,dispatcher")
            servers.append((child, balancer.add((await child.start("grpc"))["grpc"])))

        await asyncio.gather(*(start() for _ in range(3)))
        request = CreateMassMessageRequest(
            spec=MassMessageSpec(
                saved_message="UNPLANNED_OUTAGE_NO_ETA", audience=Audience(all_accounts=True)
            ),
            request_id=str(uuid4()),
        )
        request.spec.outage_start_time.GetCurrentTime()
        await balancer.stub(MassMessagesStub).CreateMassMessage(request, timeout=10)  # type: ignore[attr-defined]
        stop = asyncio.Event()
        seen: dict[tuple[str, int], int] = {}
        calling = asyncio.create_task(balancer.call_until(stop))
        watching = asyncio.create_task(balancer.watch_until(stop, seen))
        for child, channel in list(servers):
            await start()
            # What a balancer does when health says NOT_SERVING; the server waits for it.
            balancer.remove(channel)
            await child.stop()
            assert await child.wait() == 0
            await channel.close()

        async def delivered() -> bool:
            return bool(
                await pool.fetchval(
                    "SELECT count(*) = $1 FROM message WHERE status = 4", recipients
                )
            )

        await wait_until(delivered, 60, "every message is delivered")
        events = await pool.fetchval("SELECT count(*) FROM status_event")
        await wait_until(lambda: len(seen) == events, 10, "the stream has every event")
        stop.set()
        resumed = await watching
        await calling
        accepted = fleet.accepted()
        for _, channel in servers[3:]:
            await channel.close()
    assert set(accepted.values()) == {1} and len(accepted) == recipients
    assert resumed, "no stream was ended by a stop, so the test tested nothing"
    assert balancer.failed <= balancer.calls / 1000, (balancer.failed, balancer.calls)
    await check_history(pool)
