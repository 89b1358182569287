"""A watch that survives its connection: it keeps the cursor, and reopens where it was."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from enum import IntEnum
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc
import grpc.aio

from outboundsms.errors import OutboundSmsError
from outboundsms.interruption import Backoff, OnInterruption
from outboundsms.v1 import delivery_pb2

if TYPE_CHECKING:
    from outboundsms.v1.delivery_pb2_grpc import DeliveryAsyncStub

BOOKMARK_SECONDS = 15
# The server sends a bookmark when nothing happens: silence for longer is a dead connection.
LONGEST_SILENCE = 3 * BOOKMARK_SECONDS + 5
# Repeats lie close together, so that few messages have to be remembered to recognise them.
REMEMBERED_MESSAGES = 20_000

SaveCursor = Callable[[str], Awaitable[None]]


class Start(IntEnum):
    """Where a watch without a cursor starts."""

    NOW = delivery_pb2.WATCH_START_NOW
    OLDEST = delivery_pb2.WATCH_START_OLDEST


class MessageWatch:
    """Iterates over `MessageEvent`s, for as long as you do; use it with `async with`.

    Nothing is lost: when the server restarts or the connection breaks, the watch opens again at its
    last cursor, after 0.2 s at first and 10 s at most. Events of one message come in the order of
    their version, each once. `on_interruption` hears of each break.

    To go on in another process where this one stopped, give `save_cursor`: it is awaited with a
    cursor once every event before it was handled, that is when the loop asks for the next one.
    After a crash the events since the last saved cursor come again; tell them apart by message_id
    and version.

    Raises `OutboundSmsError` when the watch cannot go on: the key was revoked, or the cursor is
    older than the history (`CURSOR_EXPIRED`).
    """

    def __init__(
        self,
        delivery: "DeliveryAsyncStub",
        *,
        cursor: str = "",
        start: Start = Start.NOW,
        mass_message_id: str = "",
        save_cursor: SaveCursor | None = None,
        on_interruption: OnInterruption | None = None,
    ) -> None:
        self._delivery = delivery
        self._start = start
        self._mass_message_id = mass_message_id
        self._save_cursor = save_cursor
        self._backoff = Backoff(on_interruption)
        self._received = cursor
        self._handled = cursor
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._closed = False
        self._asked = False
        self._call: grpc.aio.Call | None = None
        self._events = self._watch()

    @property
    def cursor(self) -> str:
        """Every event up to here was handled; empty while there is none."""
        return self._handled

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> delivery_pb2.MessageEvent:
        self._asked = True
        try:
            return await anext(self._events)
        finally:
            self._asked = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the watch and its stream, and the iteration of whoever waits for the next event."""
        self._closed = True
        if not self._asked:
            await self._events.aclose()
        elif self._call is not None:
            self._call.cancel()

    async def _watch(self) -> AsyncGenerator[delivery_pb2.MessageEvent, None]:
        while not self._closed:
            self._call = call = self._delivery.WatchMessages(self._request())
            try:
                while (response := await _next(call)) is not None:
                    self._backoff.reset()
                    self._received = response.cursor
                    for event in response.events:
                        if self._is_new(event):
                            yield event
                    await self._mark_handled(response.cursor)
                error = _unavailable("the stream ended early")
            except OutboundSmsError as failure:
                error = failure
            except asyncio.CancelledError:
                # The end of a stream that we closed looks like the end of this task.
                if not self._closed or _is_cancelled():
                    raise
                return
            finally:
                call.cancel()
            if not self._closed:
                await self._backoff.wait_after(error)

    def _request(self) -> delivery_pb2.WatchMessagesRequest:
        request = delivery_pb2.WatchMessagesRequest(
            cursor=self._received, mass_message_id=self._mass_message_id
        )
        if not self._received:
            request.start = delivery_pb2.WatchStart.ValueType(self._start)
        request.bookmark_interval.FromSeconds(BOOKMARK_SECONDS)
        return request

    def _is_new(self, event: delivery_pb2.MessageEvent) -> bool:
        if event.version <= self._seen.get(event.message_id, 0):
            return False
        self._seen[event.message_id] = event.version
        self._seen.move_to_end(event.message_id)
        if len(self._seen) > REMEMBERED_MESSAGES:
            self._seen.popitem(last=False)
        return True

    async def _mark_handled(self, cursor: str) -> None:
        if cursor == self._handled:
            return
        if self._save_cursor is not None:
            await self._save_cursor(cursor)
        self._handled = cursor


async def _next(
    call: grpc.aio.UnaryStreamCall[
        delivery_pb2.WatchMessagesRequest, delivery_pb2.WatchMessagesResponse
    ],
) -> delivery_pb2.WatchMessagesResponse | None:
    """The next answer, or None at the end. Silence is an interruption, not an end."""
    try:
        async with asyncio.timeout(LONGEST_SILENCE):
            response = await call.read()
    except TimeoutError:
        raise _unavailable(f"no answer for {LONGEST_SILENCE} s") from None
    except grpc.aio.AioRpcError as error:
        raise OutboundSmsError.of(error) from None
    return response if isinstance(response, delivery_pb2.WatchMessagesResponse) else None


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _unavailable(details: str) -> OutboundSmsError:
    return OutboundSmsError(grpc.StatusCode.UNAVAILABLE, details=details)
