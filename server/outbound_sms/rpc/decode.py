"""Reading requests. Left to gRPC, the answer to one that cannot be read would be UNKNOWN."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeAlias

from google.protobuf.message import DecodeError, Message

from outbound_sms.domain.errors import InvalidRequest

Decode: TypeAlias = Callable[[bytes], Message]


def read_request(decode: Decode, raw: bytes) -> Message:
    """The message. Raises InvalidRequest when it is none, or when a text of it is not UTF-8."""
    try:
        return decode(raw)
    except (DecodeError, UnicodeDecodeError):
        raise InvalidRequest.of(
            "request", "cannot be read; send a message of the contract, with texts in UTF-8"
        ) from None


async def read_requests(
    decode: Decode, requests: AsyncIterator[bytes]
) -> AsyncGenerator[Message, None]:
    """The messages of a stream, each as `read_request` reads it."""
    async for raw in requests:
        yield read_request(decode, raw)
