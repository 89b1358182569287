"""Following one mass message to its end, across interruptions."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import grpc.aio

from outboundsms.errors import OutboundSmsError
from outboundsms.interruption import Backoff, OnInterruption
from outboundsms.v1 import mass_messages_pb2

if TYPE_CHECKING:
    from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesAsyncStub


async def watch_mass_message(
    mass_messages: "MassMessagesAsyncStub",
    mass_message_id: str,
    *,
    on_interruption: OnInterruption | None = None,
) -> AsyncGenerator[mass_messages_pb2.MassMessage, None]:
    """The mass message as it stands, then again at each change, four times a second at most.

    Ends when it is finished or cancelled and every text has a final or Sent status. Opens again
    when the server restarts or the connection breaks; every answer is whole, so nothing is lost.
    Raises `OutboundSmsError` for what does not pass, for example `MASS_MESSAGE_NOT_FOUND`.
    """
    backoff = Backoff(on_interruption)
    request = mass_messages_pb2.WatchMassMessageRequest(mass_message_id=mass_message_id)
    while True:
        call = mass_messages.WatchMassMessage(request)
        try:
            async for response in call:
                backoff.reset()
                yield response.mass_message
            return
        except grpc.aio.AioRpcError as failure:
            error = OutboundSmsError.of(failure)
        finally:
            call.cancel()
        await backoff.wait_after(error)
