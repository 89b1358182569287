"""Signed webhooks as Twilio sends them, made before the clock runs and sent with little effort.

The caller shares the machine with the server: what an HTTP client of any comfort costs would be
taken from what is measured.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlencode, urlsplit

from outbound_sms.carriers.signature import HEADER, sign

_REQUEST = (
    "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    "{header}: {signature}\r\nContent-Length: {length}\r\n\r\n{body}"
)
_END_OF_HEADERS = b"\r\n\r\n"
_LENGTH = b"content-length:"


def encode_call(url: str, form: Mapping[str, str], token: str) -> bytes:
    """A whole HTTP request with `form`, signed with `token` for `url`."""
    parts, body = urlsplit(url), urlencode(form)
    return _REQUEST.format(
        path=f"{parts.path}?{parts.query}" if parts.query else parts.path,
        host=parts.netloc,
        header=HEADER,
        signature=sign(token, url, list(form.items())),
        length=len(body),
        body=body,
    ).encode("ascii")


class Connection:
    """One connection that stays open, for one call at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def call(self, request: bytes) -> int:
        """The status of the answer, once all of it is here."""
        self._writer.write(request)
        head = (await self._reader.readuntil(_END_OF_HEADERS)).lower()
        _, has_length, rest = head.partition(_LENGTH)
        if has_length:
            await self._reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
        return int(head.split(b" ", 2)[1])

    async def close(self) -> None:
        """Hangs up."""
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def connections(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """Open connections to the server of `url`."""
    parts = urlsplit(url)
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = Connection(*await asyncio.open_connection(parts.hostname, parts.port))
            stack.push_async_callback(connection.close)
            opened.append(connection)
        yield opened
