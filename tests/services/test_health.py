"""The health service and reflection: what balancers and tools see without a key."""

import asyncio
import time
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from outbound_sms.app import make_parts, servicers
from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.rpc.health import Health
from outbound_sms.rpc.server import GrpcServer
from outbound_sms.store.pool import Pool, open_pool
from tests.services.failures import failure
from tests.services.running import Running, Stubs, run_server
from tests.waiting import wait_until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE = "outboundsms.v1.Access"


async def status(health: Any, service: str = "") -> int:
    answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
    return int(answer.status)


async def test_the_server_and_each_service_are_healthy_without_a_key(
    stub: Stubs, server: Running
) -> None:
    health = stub(HealthStub, "")
    names = [each.service.full_name for each in servicers(server.parts)]
    for service in ("", *names):
        assert await status(health, service) == SERVING
    told = await failure(status(health, "outboundsms.v1.Nothing"))
    assert told.code is grpc.StatusCode.NOT_FOUND
    watch = health.Watch(health_pb2.HealthCheckRequest(service="outboundsms.v1.Nothing"))
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


@pytest.mark.timeout(60)
async def test_health_follows_the_database_within_six_seconds(
    fresh_cluster: EmbeddedPostgres,
) -> None:
    pool = await open_pool(fresh_cluster.dsn(), min_size=1, max_size=5, application_name="health")
    async with run_server(pool) as running:
        stubs = Stubs(running.address)
        health = stubs(HealthStub)
        watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watch.read()).status == SERVING
        await fresh_cluster.kill()
        killed = time.monotonic()
        assert (await asyncio.wait_for(watch.read(), 6)).status == NOT_SERVING
        assert time.monotonic() - killed < 6
        assert await status(health) == NOT_SERVING
        await fresh_cluster.start()
        assert (await asyncio.wait_for(watch.read(), 10)).status == SERVING
        await stubs.close()
    pool.terminate()


async def test_a_draining_server_says_so_and_ends_its_watches(server: Running, stub: Stubs) -> None:
    health = stub(HealthStub, "")
    watch = health.Watch(health_pb2.HealthCheckRequest())
    assert (await watch.read()).status == SERVING
    server.grpc.health.drain()
    assert (await watch.read()).status == NOT_SERVING
    assert await watch.read() is grpc.aio.EOF
    assert await status(health, SERVICE) == NOT_SERVING


async def test_an_open_health_watch_does_not_hold_up_the_stop(server: Running, stub: Stubs) -> None:
    watch = stub(HealthStub, "").Watch(health_pb2.HealthCheckRequest())
    await watch.read()
    started = time.monotonic()
    await server.grpc.stop(grace=20)
    assert time.monotonic() - started < 5


async def list_services(stubs: Stubs) -> list[str]:
    call = stubs(ServerReflectionStub, "").ServerReflectionInfo()
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    answer = await call.read()
    await call.done_writing()
    return [each.name for each in answer.list_services_response.service]


async def test_reflection_lists_the_contract_and_can_be_turned_off(
    stub: Stubs, server: Running
) -> None:
    names = {each.service.full_name for each in servicers(server.parts)}
    assert names <= set(await list_services(stub))
    drain = asyncio.Event()
    pool, system = server.parts.pool, server.parts.system
    parts = await make_parts(pool, system, drain=drain)
    silent = GrpcServer(system, servicers(parts), drain=drain, reflection=False)
    stubs = Stubs(f"127.0.0.1:{await silent.start('127.0.0.1:0')}")
    told = await failure(list_services(stubs))
    assert told.code is grpc.StatusCode.UNIMPLEMENTED
    await stubs.close()
    await silent.stop(0)


async def test_a_frozen_database_is_noticed_too() -> None:
    answers = True

    async def ping() -> None:
        if not answers:
            await asyncio.Event().wait()

    health = Health([], ping)
    task = asyncio.create_task(health.run())
    await asyncio.sleep(0)
    assert health.serving
    answers = False
    await wait_until(lambda: not health.serving, timeout=6)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.timeout(60)
async def test_health_follows_the_feed_too(pool: Pool) -> None:
    trouble: list[str] = []
    server = GrpcServer(
        pool, [], drain=asyncio.Event(), trouble=lambda: trouble[0] if trouble else None
    )
    await server.start("127.0.0.1:0")
    assert server.health.serving
    trouble.append("the feed needs a rebase")
    await wait_until(lambda: not server.health.serving, 8, "the server says NOT_SERVING")
    trouble.clear()
    await wait_until(lambda: server.health.serving, 8, "the server serves again")
    await server.stop(grace=0)
