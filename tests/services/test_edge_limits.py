"""What one caller may take at once, and what makes the server end a stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from outbound_sms.rpc.limits import Limits
from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2
from outboundsms.v1 import delivery_pb2 as pb
from outboundsms.v1.access_pb2_grpc import AccessStub
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from tests.services.failures import Failure, failure
from tests.services.probe import Probe, for_ever, nothing
from tests.services.running import Running, Stubs, Tenant, run_server
from tests.waiting import wait_until

Code = grpc.StatusCode


@pytest.fixture
def probe() -> Probe:
    return Probe()


@asynccontextmanager
async def running_with(
    pool: Pool, probe: Probe, tenant: Tenant, limits: Limits
) -> AsyncIterator[tuple[Running, Stubs]]:
    """A server with these limits, and stubs with the tenant's key."""
    async with run_server(pool, limits=limits, registrations=probe.registrations) as running:
        stubs = Stubs(running.address, tenant.key)
        yield running, stubs
        await stubs.close()


def get(stubs: Stubs, key: str | None = None) -> Any:
    return stubs(DeliveryStub, key).GetMessage(pb.GetMessageRequest())


async def watch(stubs: Stubs, key: str | None = None) -> Any:
    """A stream that has had its first answer."""
    stream = stubs(DeliveryStub, key).WatchMessages(pb.WatchMessagesRequest())
    assert (await stream.read()).cursor == "first"
    return stream


def check_refused(told: Failure, limit: str) -> None:
    assert (told.code, told.reason) == (Code.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED")
    assert told.metadata == {"limit": limit}
    assert told.retry_after is not None
    assert 1 <= told.retry_after <= 5


async def test_unary_calls_are_limited_for_each_instance_and_in_all(
    pool: Pool, probe: Probe, instance: Tenant, other_instance: Tenant
) -> None:
    limits = Limits(unary=3, unary_per_instance=2)
    async with running_with(pool, probe, instance, limits) as (running, stubs):
        probe.act = for_ever
        open_calls = [get(stubs), get(stubs)]
        await wait_until(lambda: probe.running == 2)
        check_refused(await failure(get(stubs)), "unary_per_instance")
        open_calls.append(get(stubs, other_instance.key))
        await wait_until(lambda: probe.running == 3)
        check_refused(await failure(get(stubs, other_instance.key)), "unary")
        for call in open_calls:
            call.cancel()
        await wait_until(lambda: running.grpc.gate.unary.in_progress == 0)
        probe.act = nothing
        await asyncio.gather(*(get(stubs) for _ in range(2)))


async def test_streams_are_limited_apart_from_unary_calls(
    pool: Pool, probe: Probe, instance: Tenant, other_instance: Tenant
) -> None:
    limits = Limits(streams=3, streams_per_instance=2, unary=1)
    async with running_with(pool, probe, instance, limits) as (running, stubs):
        probe.act = for_ever
        open_streams = [await watch(stubs), await watch(stubs)]
        check_refused(await failure(watch(stubs)), "streams_per_instance")
        open_streams.append(await watch(stubs, other_instance.key))
        check_refused(await failure(watch(stubs, other_instance.key)), "streams")
        probe.act = nothing
        await get(stubs)
        for stream in open_streams:
            stream.cancel()
        await wait_until(lambda: running.grpc.gate.streams.in_progress == 0)


async def test_a_refused_caller_takes_no_place(pool: Pool, probe: Probe, instance: Tenant) -> None:
    limits = Limits(unary=1, unary_per_instance=1, streams=1, streams_per_instance=1)
    async with running_with(pool, probe, instance, limits) as (_, stubs):
        for _ in range(3):
            assert (await failure(get(stubs, ""))).code is Code.UNAUTHENTICATED
            assert (await failure(watch(stubs, ""))).code is Code.UNAUTHENTICATED
        await get(stubs)
        await watch(stubs)


@pytest.mark.parametrize("bidirectional", [False, True])
async def test_a_stream_ends_soon_after_its_key_was_revoked(
    stub: Stubs, pool: Pool, probe: Probe, instance: Tenant, bidirectional: bool
) -> None:
    access = stub(AccessStub)
    keys = await access.ListApiKeys(access_pb2.ListApiKeysRequest())
    limits = Limits(stream_key_check=0.1)
    async with running_with(pool, probe, instance, limits) as (running, stubs):
        probe.act = for_ever
        if bidirectional:
            stream = stubs(DirectoryStub).Import()
            await wait_until(lambda: len(running.grpc.streams) == 1)
        else:
            stream = await watch(stubs)
        request = access_pb2.RevokeApiKeyRequest(api_key_id=keys.api_keys[0].api_key_id)
        await access.RevokeApiKey(request)
        told = await asyncio.wait_for(failure(stream.read()), 5)
        assert (told.code, told.reason) == (Code.UNAUTHENTICATED, "API_KEY_INVALID")
        await wait_until(lambda: probe.running == 0 and len(running.grpc.streams) == 0)


async def test_streams_are_asked_about_their_keys_every_two_seconds() -> None:
    assert Limits().stream_key_check <= 2
    assert Limits().key_cache + Limits().stream_key_check < 5


async def test_streams_end_with_a_reason_when_the_server_drains(
    pool: Pool, probe: Probe, instance: Tenant
) -> None:
    limits = Limits(stream_drain=0.1)
    async with running_with(pool, probe, instance, limits) as (running, stubs):
        probe.act = for_ever
        streams = [await watch(stubs) for _ in range(3)]
        running.parts.drain.set()
        for stream in streams:
            told = await asyncio.wait_for(failure(stream.read()), 2)
            assert (told.code, told.reason) == (Code.UNAVAILABLE, "DRAINING")
        assert (await failure(watch(stubs))).reason == "DRAINING"
        probe.act = nothing
        await get(stubs)


async def test_a_stream_ends_after_its_longest_life(
    pool: Pool, probe: Probe, instance: Tenant
) -> None:
    limits = Limits(stream_life=(0.2, 0.3))
    async with running_with(pool, probe, instance, limits) as (_, stubs):
        probe.act = for_ever
        told = await asyncio.wait_for(failure((await watch(stubs)).read()), 3)
        assert (told.code, told.reason) == (Code.UNAVAILABLE, "STREAM_TIME_LIMIT")


async def test_a_client_that_takes_nothing_is_given_up(
    pool: Pool, probe: Probe, instance: Tenant
) -> None:
    limits = Limits(slow_consumer=0.3, stream_key_check=0.1)
    async with running_with(pool, probe, instance, limits) as (running, stubs):
        probe.size = 100_000
        stream = await watch(stubs)
        await wait_until(lambda: len(running.grpc.streams) == 0)

        async def read_all() -> None:
            while True:
                await stream.read()

        told = await asyncio.wait_for(failure(read_all()), 10)
        assert (told.code, told.reason) == (Code.UNAVAILABLE, "SLOW_CONSUMER")


async def test_a_client_that_takes_all_is_not(pool: Pool, probe: Probe, instance: Tenant) -> None:
    limits = Limits(slow_consumer=0.2, stream_key_check=0.05)
    async with running_with(pool, probe, instance, limits) as (_, stubs):
        probe.act = lambda: asyncio.sleep(0.3)
        stream = await watch(stubs)
        for _ in range(3):
            await stream.read()
        stream.cancel()
