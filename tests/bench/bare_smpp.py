"""The least client of an SMSC that takes receipts: a window, futures by sequence number, and each
deliver_sm read and answered. Stores nothing, and gives up at whatever it does not expect."""

import asyncio
import struct
import time

SUBMIT_SM, SUBMIT_SM_RESP, DELIVER_SM, DELIVER_SM_RESP = 4, 0x80000004, 5, 0x80000005
BIND_TRANSCEIVER = 9
RECEIPTED_MESSAGE_ID = 0x1E
_HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")


class BareClient(asyncio.Protocol):
    """One connection; `all_received` is set at the last receipt of as many `messages`."""

    def __init__(self, messages: int) -> None:
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._sequence = 0
        self._open: dict[int, asyncio.Future[bytes]] = {}
        self._ids: set[bytes] = set()
        self._wanted = messages
        self.all_received = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while len(data) - at >= 16:
            length, command, status, sequence = _HEADER.unpack_from(data, at)
            if len(data) - at < length:
                break
            self._received(command, status, sequence, data[at + 16 : at + length])
            at += length
        self._rest = data[at:]

    def request(self, command: int, body: bytes) -> asyncio.Future[bytes]:
        """Writes a request. The future has the body of the answer."""
        assert self._transport is not None
        self._sequence += 1
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._open[self._sequence] = answer
        self._transport.write(_HEADER.pack(16 + len(body), command, 0, self._sequence) + body)
        return answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _received(self, command: int, status: int, sequence: int, body: bytes) -> None:
        assert self._transport is not None
        assert status == 0
        if command == DELIVER_SM:
            self._wanted -= _receipted_id(body) in self._ids
            if not self._wanted:
                self.all_received.set()
            self._transport.write(_HEADER.pack(17, DELIVER_SM_RESP, 0, sequence) + b"\0")
            return
        if command == SUBMIT_SM_RESP:
            self._ids.add(body[:-1])
        self._open.pop(sequence).set_result(body)


def _receipted_id(body: bytes) -> bytes:
    at = body.index(b"\0") + 3
    at = body.index(b"\0", at) + 3
    at = body.index(b"\0", at) + 4
    at = body.index(b"\0", at) + 1
    at = body.index(b"\0", at) + 6
    text = body[at : at + body[at - 1]]
    assert b"stat:DELIVRD" in text
    at += len(text)
    found = {}
    while at < len(body):
        tag, length = _TLV.unpack_from(body, at)
        found[tag] = body[at + 4 : at + 4 + length]
        at += 4 + length
    return found[RECEIPTED_MESSAGE_ID].rstrip(b"\0")


async def rate(port: int, messages: int, window: int, text: str) -> float:
    """Messages a second that were submitted and whose receipt came back."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: BareClient(messages), "127.0.0.1", port)
    await client.request(BIND_TRANSCEIVER, b"bench\0secret\0\0\x34\0\0\0")
    numbers = iter(range(messages))
    short_message = text.encode("ascii")

    async def submit() -> None:
        for number in numbers:
            recipient = b"1212%07d" % number
            await client.request(
                SUBMIT_SM,
                b"\0\1\x0112025550199\0\1\1%b\0\0\0\0\0\0\1\0\0\0%c%b"
                % (recipient, len(short_message), short_message),
            )

    started = time.perf_counter()
    async with asyncio.timeout(60):
        await asyncio.gather(*(submit() for _ in range(window)))
        await client.all_received.wait()
    elapsed = time.perf_counter() - started
    client.close()
    return messages / elapsed
