"""The real server in this process, and real stubs that talk to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from outbound_sms.app import Parts, make_parts, servicers
from outbound_sms.domain.api_key import make_key
from outbound_sms.domain.instance import Instance, InstanceValues
from outbound_sms.rpc.limits import Limits
from outbound_sms.rpc.server import GrpcServer, Registration, Transport
from outbound_sms.store.api_keys import create_api_key
from outbound_sms.store.instances import create_instance_with_key, platform_instance
from outbound_sms.store.pool import Pool, SessionRole, open_pool
from outbound_sms.store.roles import get_first_role

CARRIERS = frozenset({"sandbox", "spare"})


@dataclass(frozen=True, slots=True)
class Tenant:
    """An instance and the text of a super-admin's API key."""

    instance: Instance
    key: str


@dataclass(slots=True)
class Running:
    """A server that listens on `address`. `woken` counts how often new work was announced."""

    grpc: GrpcServer
    parts: Parts
    address: str
    woken: list[None] = field(default_factory=list)


@asynccontextmanager
async def run_server(
    pool: Pool,
    *,
    limits: Limits | None = None,
    transport: Transport | None = None,
    registrations: Callable[[Parts], list[Registration]] = servicers,
    payments: bool = True,
) -> AsyncIterator[Running]:
    """Runs a server on a free port of 127.0.0.1 until the block ends.

    With `payments` it takes top-ups, which nobody charges. Its connections go to the database of
    `pool`, with the roles that they have in a real process.
    """
    woken: list[None] = []
    drain = asyncio.Event()
    async with server_pools(pool) as (api, system), firing_pool(pool) as firing:
        parts = await make_parts(
            api,
            system,
            drain=drain,
            firing=firing,
            carrier_names=CARRIERS,
            wake=lambda: woken.append(None),
            wake_for_texts=lambda: woken.append(None),
            payments=payments,
            wake_for_top_ups=lambda: woken.append(None),
        )
        server = GrpcServer(
            system, registrations(parts), drain=drain, limits=limits, transport=transport
        )
        async with serving(server, parts) as address:
            yield Running(server, parts, address, woken)


@asynccontextmanager
async def serving(server: GrpcServer, parts: Parts) -> AsyncIterator[str]:
    """The address of a server that has been started, with its feed, and is stopped afterwards."""
    async with parts.feed:
        port = await server.start("127.0.0.1:0")
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(grace=1.0)


@asynccontextmanager
async def server_pools(pool: Pool) -> AsyncIterator[tuple[Pool, Pool]]:
    """Pools of the API's and of the dispatcher's role, on the database of `pool`."""
    url = address_of(pool)
    api = await open_pool(
        url, min_size=1, max_size=10, application_name="api", role=SessionRole.API
    )
    system = await open_pool(
        url, min_size=1, max_size=6, application_name="system", role=SessionRole.DISPATCHER
    )
    try:
        yield api, system
    finally:
        api.terminate()
        system.terminate()


@asynccontextmanager
async def firing_pool(pool: Pool) -> AsyncIterator[Pool]:
    """The pool that events are fired with, on the database of `pool`."""
    firing = await open_pool(
        address_of(pool),
        min_size=0,
        max_size=4,
        application_name="firing",
        role=SessionRole.API,
        index_plans=True,
    )
    yield firing
    firing.terminate()


def address_of(pool: Pool) -> str:
    """The address that the pool was opened with, which asyncpg keeps to itself."""
    return str(getattr(pool, "_connect_args")[0])  # noqa: B009


async def make_tenant(pool: Pool, name: str = "Example ISP") -> Tenant:
    """A new instance in the US, in US dollars, in New York."""
    async with pool.acquire() as connection:
        instance, key = await create_instance_with_key(
            connection,
            InstanceValues(name=name, country="US", currency="USD", time_zone="America/New_York"),
        )
    return Tenant(instance, key)


async def make_operator_key(pool: Pool) -> str:
    """A new key of the platform operator, a super-admin's."""
    secret = make_key()
    async with pool.acquire() as connection:
        platform = await platform_instance(connection)
        role = await get_first_role(connection, platform.id)
        assert role is not None
        await create_api_key(connection, platform.id, role.id, "operator", secret)
    return secret.text


class KeyedChannel:
    """A channel whose calls send an API key, or none when it is empty.

    Not by interceptors: those of grpc.aio wrap the calls in others that can do less.
    """

    def __init__(self, channel: grpc.aio.Channel, key: str) -> None:
        self._channel = channel
        self._metadata = (("authorization", f"Bearer {key}"),) if key else ()

    def unary_unary(self, *args: Any, **options: Any) -> Any:
        return self._with_key(self._channel.unary_unary(*args, **options))

    def unary_stream(self, *args: Any, **options: Any) -> Any:
        return self._with_key(self._channel.unary_stream(*args, **options))

    def stream_unary(self, *args: Any, **options: Any) -> Any:
        return self._with_key(self._channel.stream_unary(*args, **options))

    def stream_stream(self, *args: Any, **options: Any) -> Any:
        return self._with_key(self._channel.stream_stream(*args, **options))

    async def close(self) -> None:
        await self._channel.close()

    def _with_key(self, call: Any) -> Any:
        def keyed(*args: Any, metadata: Any = (), **options: Any) -> Any:
            return call(*args, metadata=(*metadata, *self._metadata), **options)

        return keyed


class Stubs:
    """Makes stubs for one address; call it as `stubs(AccessStub, key=...)`. Close it afterwards."""

    def __init__(self, address: str, default_key: str = "") -> None:
        self._address = address
        self._default_key = default_key
        self._channels: dict[str, KeyedChannel] = {}

    def __call__(self, stub: Callable[[Any], object], key: str | None = None) -> Any:
        """A stub that sends `key`; without one the default key, and `""` sends none.

        Any, because the types of the stubs are those of blocking calls.
        """
        return stub(self.channel(key))

    def channel(self, key: str | None = None) -> Any:
        """The channel of a key; one connection each."""
        key = self._default_key if key is None else key
        if key not in self._channels:
            # A connection of its own, not one that gRPC shares between channels of the process.
            options = [("grpc.use_local_subchannel_pool", 1)]
            channel = grpc.aio.insecure_channel(self._address, options=options)
            self._channels[key] = KeyedChannel(channel, key)
        return self._channels[key]

    async def close(self) -> None:
        """Closes the connections."""
        for channel in self._channels.values():
            await channel.close()
