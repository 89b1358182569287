"""The least HTTP server that accepts messages as Twilio does, in a process of its own.

Prints its port. Understands requests with a Content-Length, one at a time on a connection.
"""

import asyncio
from itertools import count

_BODY = b'{"sid": "SM%032d", "status": "queued", "num_segments": "1"}'
_HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_END_OF_HEADERS = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Stub(asyncio.Protocol):
    """One connection."""

    numbers = count(1)

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(_END_OF_HEADERS)) >= 0:
            head = self._received[:end].lower()
            start = head.index(_LENGTH) + len(_LENGTH)
            length = int(head[start:].split(b"\r\n", 1)[0])
            whole = end + len(_END_OF_HEADERS) + length
            if len(self._received) < whole:
                return
            self._received = self._received[whole:]
            body = _BODY % next(self.numbers)
            assert self._transport is not None
            self._transport.write(_HEAD % len(body) + body)


async def main() -> None:
    """Serves until killed."""
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
