"""The gRPC server: its options, its services, its start and its stop."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha._async import ReflectionServicer

from outbound_sms.rpc.edge import Edge
from outbound_sms.rpc.gate import Gate
from outbound_sms.rpc.health import Health
from outbound_sms.rpc.key_uses import KeyUses
from outbound_sms.rpc.keys import Keys
from outbound_sms.rpc.limits import Limits
from outbound_sms.rpc.methods import open_methods, read_methods
from outbound_sms.rpc.open_streams import OpenStreams
from outbound_sms.store import api_keys
from outbound_sms.store.pool import Pool

_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]
_REFLECTION = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]
_MOST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Registration:
    """A service of the contract, its servicer, and the stubs' function that registers it."""

    service: ServiceDescriptor
    add: Callable[[Any, Any], None]
    servicer: object


@dataclass(frozen=True, slots=True)
class Transport:
    """How connections are kept. Times in seconds.

    Connections live longer than streams, which end by themselves within 67 minutes; gRPC varies the
    age by a tenth, so that clients do not all connect again together.
    """

    keepalive: float = 30.0
    keepalive_answer: float = 10.0
    client_ping_interval: float = 10.0
    connection_idle: float = 600.0
    connection_age: float = 4_500.0
    connection_age_grace: float = 30.0
    streams_per_connection: int = 1_000
    reuse_port: bool = False

    def options(self) -> list[tuple[str, int]]:
        """For `grpc.aio.server`, which ignores names that it does not know: tests prove each."""
        return [
            ("grpc.max_receive_message_length", _MOST_BYTES),
            ("grpc.max_send_message_length", _MOST_BYTES),
            ("grpc.max_metadata_size", 16 << 10),
            ("grpc.absolute_max_metadata_size", 16 << 10),
            ("grpc.max_concurrent_streams", self.streams_per_connection),
            ("grpc.keepalive_time_ms", _ms(self.keepalive)),
            # Not grpc.keepalive_timeout_ms, whose effect is none: a dead peer stays for a minute.
            ("grpc.http2.ping_timeout_ms", _ms(self.keepalive_answer)),
            ("grpc.http2.min_ping_interval_without_data_ms", _ms(self.client_ping_interval)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_ping_strikes", 2),
            ("grpc.max_connection_idle_ms", _ms(self.connection_idle)),
            ("grpc.max_connection_age_ms", _ms(self.connection_age)),
            ("grpc.max_connection_age_grace_ms", _ms(self.connection_age_grace)),
            ("grpc.so_reuseport", int(self.reuse_port)),
        ]


class GrpcServer:
    """All services on one port. Made in a running event loop, started once, stopped once.

    Making it raises PermissionUndeclared when a method does not say who may call it. `trouble` says
    why the server should not be sent calls, or None.
    """

    def __init__(
        self,
        pool: Pool,
        registrations: Sequence[Registration],
        *,
        drain: asyncio.Event,
        limits: Limits | None = None,
        transport: Transport | None = None,
        reflection: bool = True,
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        limits, transport = limits or Limits(), transport or Transport()
        services = [each.service for each in registrations]
        names = [service.full_name for service in services]
        methods = read_methods(services) | open_methods([_HEALTH, _REFLECTION])
        self._server = grpc.aio.server(options=transport.options())
        self._drain = drain
        self.health = Health(names, lambda: _check(pool, trouble))
        self._key_uses = KeyUses(pool, limits.key_use_write)
        self.gate = Gate(Keys(pool, limits.key_cache, self._key_uses), limits)
        self.streams = OpenStreams(limits, drain, lambda ids: api_keys.list_rights(pool, ids))
        target = Edge(self.gate, self.streams, methods).target(self._server)
        for registration in registrations:
            registration.add(registration.servicer, target)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, target)
        if reflection:
            known = [*names, _HEALTH.full_name, _REFLECTION.full_name]
            servicer = ReflectionServicer(known)
            reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, target)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, address: str) -> int:
        """Listens on `HOST:PORT` and returns the port; port 0 takes a free one.

        Raises RuntimeError when the address cannot be had.
        """
        port = self._server.add_insecure_port(address)
        await self._server.start()
        for work in (self.health.run(), self.streams.run(), self._key_uses.run()):
            self._tasks.append(asyncio.create_task(work))
        return port

    async def stop(self, grace: float) -> None:
        """Takes no more calls, waits `grace` seconds at most for the open ones, and ends them.

        Ends streams first, through the drain event.
        """
        self.health.drain()
        self._drain.set()
        await self._server.stop(grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._key_uses.write()


async def _check(pool: Pool, trouble: Callable[[], str | None]) -> None:
    """Raises when the server cannot do its work."""
    found = trouble()
    if found is not None:
        raise RuntimeError(found)
    await pool.fetchval("SELECT 1", timeout=2)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
