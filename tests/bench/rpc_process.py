"""A server in a process of its own, as it is for real, apart from the client's event loop.

`python -m tests.bench.rpc_process serve DATABASE_URL` runs the product, `... echo` a gRPC server
that sends back the bytes it got. Prints its port, and ends when its input is closed.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from outbound_sms import log
from outbound_sms.app import make_parts, servicers
from outbound_sms.process import relax_collector
from outbound_sms.rpc.limits import Limits
from outbound_sms.rpc.server import GrpcServer
from outbound_sms.store.pool import open_pool

ROOT = Path(__file__).parents[2]
ECHO = "/bench.Echo/Echo"


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
    pool = await open_pool(dsn, min_size=4, max_size=16, application_name="bench server")
    drain = asyncio.Event()
    parts = await make_parts(pool, drain=drain)
    limits = Limits(unary_per_instance=500, streams_per_instance=500)
    server = GrpcServer(pool, servicers(parts), drain=drain, limits=limits)
    async with parts.feed:
        _tell(await server.start("127.0.0.1:0"))
        await _until_input_ends()
        await server.stop(grace=1)
    pool.terminate()


async def echo() -> None:
    """The least that a gRPC server can do."""
    server = grpc.aio.server()

    async def answer(request: bytes, context: Any) -> bytes:
        return request

    handlers: dict[str, Any] = {"Echo": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_registered_method_handlers("bench.Echo", handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _tell(port)
    await _until_input_ends()
    await server.stop(0)


def _tell(port: int) -> None:
    print(port, flush=True)


async def _until_input_ends() -> None:
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[2]) if sys.argv[1] == "serve" else echo())
