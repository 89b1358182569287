"""Following the balance of the instance, across interruptions."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from outboundsms.errors import OutboundSmsError
from outboundsms.interruption import Backoff, OnInterruption
from outboundsms.v1 import billing_pb2

if TYPE_CHECKING:
    from outboundsms.v1.billing_pb2_grpc import BillingAsyncStub


async def watch_balance(
    billing: "BillingAsyncStub", *, on_interruption: OnInterruption | None = None
) -> AsyncGenerator[billing_pb2.WatchBalanceResponse, None]:
    """The balance as it stands, then again at each change, four times a second at most.

    Never ends by itself. Opens again when the server restarts or the connection breaks; the first
    answer then says what is so, as the first one of all did, so it can be the same once more.
    Raises `OutboundSmsError` for what does not pass, for example `PERMISSION_DENIED`.
    """
    backoff = Backoff(on_interruption)
    while True:
        call = billing.WatchBalance(billing_pb2.WatchBalanceRequest())
        try:
            async for response in call:
                backoff.reset()
                yield response
            # The contract has no end of this stream: somebody on the way made one.
            error = OutboundSmsError(grpc.StatusCode.UNAVAILABLE, details="The stream ended.")
        except grpc.aio.AioRpcError as failure:
            error = OutboundSmsError.of(failure)
        finally:
            call.cancel()
        await backoff.wait_after(error)
