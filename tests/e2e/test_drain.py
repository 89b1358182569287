"""Deploys lose nothing: each of three servers is stopped and replaced under load."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

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
from tests.services.failures import failure_of
from tests.services.running import KeyedChannel, make_tenant
from tests.waiting import wait_until

SUBSCRIBERS = 1_500
RATE = 150
# Seconds that an answer takes, so that a stop finds calls under way.
LATENCY = "0.25"
ENVIRONMENT = {
    # Longer than the test: what a stopped server keeps does not go out before the end of it.
    "OUTBOUND_SMS_LEASE": "90",
    # Balancers hear of the stop at once, but what they have begun to pass on must be taken.
    "OUTBOUND_SMS_DRAIN_WAIT": "2",
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Balancer:
    """Sends calls to the servers that it knows of in turn, as a load balancer does.

    `ended` has why each stream was ended.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._channels: list[grpc.aio.Channel] = []
        self.calls = 0
        self.failed = 0
        self.ended: list[str] = []

    def add(self, address: str) -> grpc.aio.Channel:
        channel = grpc.aio.insecure_channel(address)
        self._channels.append(channel)
        return channel

    async def remove_when_told(self, channel: grpc.aio.Channel) -> None:
        """Sends nothing more to a server once its health says NOT_SERVING; it takes what others
        send until they hear of it too."""
        watch: Any = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        async for health in watch:
            if health.status == health_pb2.HealthCheckResponse.NOT_SERVING:
                self._channels.remove(channel)
                late: Any = DeliveryStub
                await late(KeyedChannel(channel, self._key)).GetDeliveryStats(
                    GetDeliveryStatsRequest(), timeout=10
                )
                return
        raise AssertionError("the server ended and had not said that it would")

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

    async def watch_until(self, stop: asyncio.Event, seen: dict[tuple[str, int], int]) -> None:
        """Watches all events, resuming by cursor whenever a stream is ended."""
        cursor = ""
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
                self.ended.append(failure_of(error).reason)
                await asyncio.sleep(0.05)
            finally:
                stopping.cancel()


async def test_a_rolling_restart_under_load_loses_nothing(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    tenant = await make_tenant(pool)
    isp = await make_isp(pool, instance_id=tenant.instance.id, segments_per_second=RATE)
    await add_subscribers(pool, isp, SUBSCRIBERS, first=1_000)
    recipients = await remove_numbers_that_fail(pool)
    async with fleet_of(database_url, tmp_path) as fleet:
        await fleet.start_carrier("--latency", LATENCY, lookup=True)
        balancer = Balancer(tenant.key)
        servers: list[tuple[Child, grpc.aio.Channel]] = []

        async def start() -> None:
            child = fleet.server("api,dispatcher", ENVIRONMENT)
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
            told = asyncio.create_task(balancer.remove_when_told(channel))
            await child.stop()
            await told
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
        await watching
        await calling
        accepted = fleet.accepted()
        logs = fleet.logs()
        for _, channel in servers[3:]:
            await channel.close()
    assert set(accepted.values()) == {1} and len(accepted) == recipients
    # Each stream was ended by a stop and in time, and not with the connection.
    assert set(balancer.ended) == {"DRAINING"}
    # Whoever stops finishes what it has begun, and gives back the rest.
    kept = [file for file, text in logs.items() if "leases ran out" in text]
    assert not kept, kept
    tries = await pool.fetchval("SELECT max(number) FROM attempt")
    assert tries == 1, "a hand-over that had begun was cut off, and made again"
    assert balancer.failed <= balancer.calls / 1000, (balancer.failed, balancer.calls)
    await check_history(pool)
