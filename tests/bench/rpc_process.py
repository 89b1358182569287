"""A server in a process of its own, as it is for real, apart from the client's event loop.

`python -m tests.bench.rpc_process serve DATABASE_URL` runs the product, `... echo` a gRPC server
that sends back the bytes it got, `... insert DATABASE_URL` one that first stores them in a row.
Prints its port, and ends when its input is closed.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from outbound_sms import log
from outbound_sms.app import make_parts, servicers
from outbound_sms.pools import FIRING_CONNECTIONS
from outbound_sms.process import relax_collector
from outbound_sms.rpc.limits import Limits
from outbound_sms.rpc.server import GrpcServer
from outbound_sms.store.pool import SessionRole, open_pool

ROOT = Path(__file__).parents[2]
ECHO = "/bench.Echo/Echo"
INSERT = "/bench.Insert/Insert"
INSERT_TABLE = (
    "CREATE TABLE plain_event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " event bytea NOT NULL)"
)


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[str]:
    """The address of such a process while the block runs."""
    path = os.pathsep.join(str(ROOT / part) for part in ("server", "clients/python", "."))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.rpc_process", *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        port = int(await process.stdout.readline())
        yield f"127.0.0.1:{port}"
    finally:
        process.stdin.close()
        await process.wait()


async def serve(dsn: str) -> None:
    """The product's server, with its log going nowhere, and room for one busy client."""
    relax_collector()
    log.configure("INFO", open(os.devnull, "w"))  # noqa: SIM115, ASYNC230
    pool = await open_pool(
        dsn, min_size=4, max_size=16, application_name="bench server", role=SessionRole.API
    )
    firing = await open_pool(
        dsn,
        min_size=2,
        max_size=FIRING_CONNECTIONS,
        application_name="bench firing",
        role=SessionRole.API,
        index_plans=True,
    )
    system = await open_pool(
        dsn, min_size=2, max_size=6, application_name="bench", role=SessionRole.DISPATCHER
    )
    drain = asyncio.Event()
    parts = await make_parts(pool, system, drain=drain, firing=firing)
    limits = Limits(unary_per_instance=500, streams_per_instance=500)
    server = GrpcServer(system, servicers(parts), drain=drain, limits=limits)
    async with parts.feed:
        _tell(await server.start("127.0.0.1:0"))
        await _until_input_ends()
        await server.stop(grace=1)
    for each in (pool, firing, system):
        each.terminate()


async def echo() -> None:
    """The least that a gRPC server can do."""

    async def answer(request: bytes, context: Any) -> bytes:
        return request

    await _serve_bare(ECHO, answer)


async def insert(dsn: str) -> None:
    """The least that a gRPC server can do which stores what it is told, on as many connections as
    the product has for events.
    """
    relax_collector()
    pool = await open_pool(
        dsn, min_size=2, max_size=FIRING_CONNECTIONS, application_name="bench bare"
    )

    async def answer(request: bytes, context: Any) -> bytes:
        await pool.execute("INSERT INTO plain_event (event) VALUES ($1)", request)
        return request

    await _serve_bare(INSERT, answer)
    pool.terminate()


async def _serve_bare(path: str, answer: Callable[[bytes, Any], Awaitable[bytes]]) -> None:
    _, service, method = path.split("/")
    server = grpc.aio.server()
    handlers: dict[str, Any] = {method: grpc.unary_unary_rpc_method_handler(answer)}
    server.add_registered_method_handlers(service, handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _tell(port)
    await _until_input_ends()
    await server.stop(0)


def _tell(port: int) -> None:
    print(port, flush=True)


async def _until_input_ends() -> None:
    await asyncio.to_thread(sys.stdin.read)


_SERVERS: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "serve": serve,
    "echo": echo,
    "insert": insert,
}

if __name__ == "__main__":
    asyncio.run(_SERVERS[sys.argv[1]](*sys.argv[2:]))
