"""Every option of the transport, by what it does: gRPC takes unknown names without a word."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from outbound_sms.rpc.limits import Limits
from outbound_sms.rpc.server import GrpcServer, Transport
from outbound_sms.store.pool import Pool
from outboundsms.v1 import delivery_pb2 as pb
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from tests.services.failures import failure
from tests.services.probe import Probe, for_ever, nothing
from tests.services.running import KeyedChannel, Running, Tenant, run_server
from tests.waiting import wait_until

Code = grpc.StatusCode
FOUR_MEGABYTES = 4 << 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
GOAWAY = 7


@pytest.fixture
def probe() -> Probe:
    return Probe()


@asynccontextmanager
async def connected(
    pool: Pool,
    probe: Probe,
    tenant: Tenant,
    transport: Transport,
    options: tuple[tuple[str, int], ...] = (),
    frozen: asyncio.Event | None = None,
) -> AsyncIterator[tuple[Running, Any]]:
    """A server with this transport, and a stub whose channel has these options."""
    async with run_server(
        pool, limits=Limits(), transport=transport, registrations=probe.registrations
    ) as running:
        channel: Any = KeyedChannel(
            grpc.aio.insecure_channel(running.address, options=[OWN_CONNECTION, *options]),
            tenant.key,
        )
        yield running, DeliveryStub(channel)
        await channel.close()


async def watch(stub: Any) -> Any:
    stream = stub.WatchMessages(pb.WatchMessagesRequest())
    assert (await stream.read()).cursor == "first"
    return stream


OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)
PINGING = (
    ("grpc.keepalive_time_ms", 300),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
)


async def test_clients_that_ping_no_faster_than_agreed_are_served(
    pool: Pool, probe: Probe, instance: Tenant
) -> None:
    transport = Transport(client_ping_interval=0.2)
    async with connected(pool, probe, instance, transport, PINGING) as (running, stub):
        probe.act = for_ever
        stream = await watch(stub)
        # A second client that has no call open, and pings all the same.
        options = [*PINGING, ("grpc.keepalive_permit_without_calls", 1), OWN_CONNECTION]
        idle = grpc.aio.insecure_channel(running.address, options=options)
        await idle.channel_ready()
        ready = grpc.ChannelConnectivity.READY
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(stream.read(), idle.wait_for_state_change(ready)), timeout=5
            )
        assert idle.get_state() is ready
        await idle.close()
    assert Transport().client_ping_interval <= 15


async def test_clients_that_ping_much_faster_are_cut_off(
    pool: Pool, probe: Probe, instance: Tenant
) -> None:
    async with connected(pool, probe, instance, Transport(), PINGING) as (_, stub):
        probe.act = for_ever
        stream = await watch(stub)
        told = await asyncio.wait_for(failure(stream.read()), 10)
        assert told.code is Code.UNAVAILABLE
        assert "ping" in told.message.lower()


async def test_a_request_of_four_megabytes_passes_and_a_byte_more_does_not(
    pool: Pool, probe: Probe, instance: Tenant
) -> None:
    async with connected(pool, probe, instance, Transport()) as (_, stub):
        request = pb.GetMessageRequest(message_id="x" * (FOUR_MEGABYTES - 5))
        assert request.ByteSize() == FOUR_MEGABYTES
        await stub.GetMessage(request)
        request.message_id += "x"
        started = time.monotonic()
        told = await failure(stub.GetMessage(request))
        assert told.code is Code.RESOURCE_EXHAUSTED
        assert time.monotonic() - started < 1


async def test_an_answer_of_more_than_four_megabytes_is_not_sent(
    pool: Pool, probe: Probe, instance: Tenant
) -> None:
    takes_all = (("grpc.max_receive_message_length", -1),)
    async with connected(pool, probe, instance, Transport(), takes_all) as (_, stub):
        probe.size = FOUR_MEGABYTES - 100
        await stub.GetMessage(pb.GetMessageRequest())
        probe.size = FOUR_MEGABYTES + 1
        told = await failure(stub.GetMessage(pb.GetMessageRequest()))
        assert told.code is Code.RESOURCE_EXHAUSTED


async def test_metadata_has_a_limit(pool: Pool, probe: Probe, instance: Tenant) -> None:
    async with connected(pool, probe, instance, Transport()) as (_, stub):
        for _ in range(20):
            await stub.GetMessage(pb.GetMessageRequest(), metadata=(("note", "x" * 15_000),))
        told = await failure(
            stub.GetMessage(pb.GetMessageRequest(), metadata=(("note", "x" * 17_000),))
        )
        assert told.code is Code.RESOURCE_EXHAUSTED


async def test_streams_of_one_connection_have_a_limit(
    pool: Pool, probe: Probe, instance: Tenant
) -> None:
    transport = Transport(streams_per_connection=2)
    async with connected(pool, probe, instance, transport) as (running, stub):
        probe.act = for_ever
        first, second = await watch(stub), await watch(stub)
        third = stub.WatchMessages(pb.WatchMessagesRequest(), timeout=0.5)
        assert (await failure(third.read())).code is Code.DEADLINE_EXCEEDED
        assert len(running.grpc.streams) == 2
        first.cancel()
        second.cancel()
        probe.act = nothing
        await stub.GetMessage(pb.GetMessageRequest())


async def test_a_connection_ends_at_its_age(pool: Pool, probe: Probe, instance: Tenant) -> None:
    transport = Transport(connection_age=1, connection_age_grace=0.5)
    async with connected(pool, probe, instance, transport) as (_, stub):
        probe.act = for_ever
        stream = await watch(stub)
        told = await asyncio.wait_for(failure(stream.read()), 5)
        assert (told.code, told.message) == (Code.UNAVAILABLE, "max connection age")
        probe.act = nothing
        await stub.GetMessage(pb.GetMessageRequest())


async def test_an_idle_connection_is_closed(pool: Pool, probe: Probe) -> None:
    async with run_server(
        pool, transport=Transport(connection_idle=1), registrations=probe.registrations
    ) as running:
        host, _, port = running.address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(PREFACE)
        # Until the server closes; it says GOAWAY before that.
        said = await asyncio.wait_for(reader.read(), 8)
        assert GOAWAY in list(frame_types(said))
        writer.close()
        await writer.wait_closed()


async def test_a_peer_that_is_gone_without_a_word_is_noticed(
    pool: Pool, probe: Probe, instance: Tenant
) -> None:
    transport = Transport(keepalive=0.5, keepalive_answer=0.5)
    async with (
        run_server(pool, transport=transport, registrations=probe.registrations) as running,
        frozen_later(running.address) as (address, frozen),
    ):
        raw = grpc.aio.insecure_channel(address, options=[OWN_CONNECTION])
        channel: Any = KeyedChannel(raw, instance.key)
        probe.act = for_ever
        await watch(DeliveryStub(channel))
        assert probe.running == 1
        frozen.set()
        # Twice the half second; without the option that tests the answer it is a minute.
        await wait_until(lambda: probe.running == 0, timeout=8)
        await channel.close()


async def test_a_port_is_shared_only_when_asked_to(pool: Pool, probe: Probe) -> None:
    for shared in (True, False):
        transport = Transport(reuse_port=shared)
        async with run_server(
            pool, transport=transport, registrations=probe.registrations
        ) as running:
            second = GrpcServer(
                pool,
                probe.registrations(running.parts),
                drain=asyncio.Event(),
                transport=transport,
            )
            if shared:
                await second.start(running.address)
                await second.stop(0)
            else:
                with pytest.raises(RuntimeError):
                    await second.start(running.address)


def frame_types(stream: bytes) -> Iterator[int]:
    """The types of the HTTP/2 frames in the bytes."""
    while len(stream) >= 9:
        yield stream[3]
        stream = stream[9 + int.from_bytes(stream[:3], "big") :]


@asynccontextmanager
async def frozen_later(address: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A way to the address that passes nothing on any more once the event is set, nor closes."""
    frozen = asyncio.Event()
    host, _, port = address.partition(":")
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if frozen.is_set():
                await asyncio.Event().wait()
            writer.write(data)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        writers.extend((writer, there_writer))
        for source, target in ((reader, there_writer), (there_reader, writer)):
            tasks.add(asyncio.create_task(pass_on(source, target)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", frozen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.close()
