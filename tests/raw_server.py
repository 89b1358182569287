"""A server that is nothing but a socket, and breaks its connections in exact ways."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

Client = socket.socket
Script = Callable[["RawServer", Client], Awaitable[None]]


@dataclass
class RawServer:
    """Plays one script for each connection."""

    listener: socket.socket
    script: Script
    connections: int = 0
    requests: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self.listener)
            self.connections += 1
            task = asyncio.create_task(self._play(client))
            self._tasks.add(task)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.listener.close()

    async def read_request(self, client: Client) -> bytes:
        """Reads one request with its body, and counts it."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self._some(client)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += await self._some(client)
        self.requests += 1
        return head

    async def _some(self, client: Client) -> bytes:
        data = await asyncio.get_running_loop().sock_recv(client, 65536)
        if not data:
            raise ConnectionResetError
        return data

    async def _play(self, client: Client) -> None:
        try:
            client.setblocking(False)
            await self.script(self, client)
        except ConnectionError:
            pass
        finally:
            client.close()


StartServer = Callable[[Script], RawServer]


@asynccontextmanager
async def raw_servers() -> AsyncIterator[StartServer]:
    """Starts servers, each on a port of its own, which end with the block."""
    started: list[tuple[RawServer, asyncio.Task[None]]] = []

    def start(script: Script) -> RawServer:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        server = RawServer(listener, script)
        started.append((server, asyncio.create_task(server.serve())))
        return server

    yield start
    for server, task in started:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.close()


@contextmanager
def never_connecting() -> Iterator[str]:
    """The URL of a server whose backlog is full: connections to it are never made."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}"
        for each in waiting:
            each.close()


def reset(client: Client) -> None:
    """Closes with RST, as a crashed or overloaded peer does."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


async def readable(client: Client) -> None:
    """Waits until something can be read, and reads nothing of it."""
    loop = asyncio.get_running_loop()
    arrived = loop.create_future()
    loop.add_reader(client, arrived.set_result, None)
    try:
        await arrived
    finally:
        loop.remove_reader(client)
