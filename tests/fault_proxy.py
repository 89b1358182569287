"""A TCP proxy between a client and a server that breaks connections where a test wants it to.

What has passed has left for the other side before a connection is broken, so a test knows what the
server can have seen.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.ports import lasting_port

_CHUNK = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Direction:
    """What is done to the bytes of one direction; may be changed while connections are open.

    The limits are bytes of one connection that pass before something happens, which is as soon as
    they have; with 0, when there is something to pass on. None: it never happens.
    """

    latency: float = 0.0
    """Seconds that each piece waits before it is passed on."""
    reset_after: int | None = None
    """The client's connection is reset."""
    end_after: int | None = None
    """Both connections are closed in good order."""
    hang_after: int | None = None
    """Nothing more is passed on, and the connections stay open."""
    passed: int = 0
    """Bytes of all connections that were passed on."""

    def left(self, passed: int) -> int | None:
        """Bytes that may pass on a connection where `passed` have; None: any number."""
        limits = (self.reset_after, self.end_after, self.hang_after)
        nearest = min((limit for limit in limits if limit is not None), default=None)
        return None if nearest is None else max(0, nearest - passed)


class FaultProxy:
    """Listens on a free port of 127.0.0.1, and passes on to `host` and `port`.

    `requests` is from the client to the server, `responses` the other way.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listening: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.port = lasting_port()
        self.connections = 0
        self.requests = Direction()
        self.responses = Direction()

    @property
    def url(self) -> str:
        """Where an HTTP client finds it."""
        return f"http://127.0.0.1:{self.port}"

    async def up(self) -> None:
        """Takes connections, on the same port as before."""
        if self._listening is None:
            self._listening = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def down(self) -> None:
        """Refuses connections, and resets those that are open."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        tasks = list(self._open)
        for task in tasks:
            _reset(self._open[task])
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._listening is None:
            _reset(client)
            return
        self.connections += 1
        self._open[task] = client
        try:
            await self._connect(reader, client)
        except OSError:
            _reset(client)
        except asyncio.CancelledError:
            # By `down`, which has reset the connection; asyncio would report it as a mistake.
            pass
        finally:
            del self._open[task]
            client.close()

    async def _connect(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection(*self._target)
        directions = (
            asyncio.create_task(_pass(self.requests, reader, server, client)),
            asyncio.create_task(_pass(self.responses, answers, client, client)),
        )
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # First, for `down` may cancel the wait.
            server.close()
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)


async def _pass(
    direction: Direction,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    client: asyncio.StreamWriter,
) -> None:
    passed, left = 0, None
    while left != 0:
        data = await reader.read(_CHUNK)
        if not data:
            return
        await asyncio.sleep(direction.latency)
        data = data[: direction.left(passed)]
        writer.write(data)
        await writer.drain()
        passed += len(data)
        direction.passed += len(data)
        left = direction.left(passed)
    if direction.hang_after is not None and passed >= direction.hang_after:
        await asyncio.Event().wait()
    if direction.reset_after is not None and passed >= direction.reset_after:
        _reset(client)


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() != -1:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


@asynccontextmanager
async def fault_proxy(url: str) -> AsyncIterator[FaultProxy]:
    """A proxy to the server at `url`, which has a port; taken down at the end."""
    target = urlsplit(url)
    assert target.hostname is not None and target.port is not None
    proxy = FaultProxy(target.hostname, target.port)
    await proxy.up()
    try:
        yield proxy
    finally:
        await proxy.down()
