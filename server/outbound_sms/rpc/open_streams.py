"""The streams that are open now, and what makes the server end one of them.

A stream that waits for its next event does not look at anything else, so one task looks for all of
them: at their API keys and what these may do, at clients that take nothing, and at the drain.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from uuid import UUID

import structlog

from outbound_sms.domain.access import Rights
from outbound_sms.domain.errors import OutboundSmsError, Reason, Unauthenticated, Unavailable
from outbound_sms.rpc.gate import refusal
from outbound_sms.rpc.limits import Limits
from outbound_sms.rpc.methods import Method

ListRights = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, Rights]]]
"""What each of the keys allows now; those that have ended are left out."""

_CHECK_TIMEOUT = 5.0

_log = structlog.get_logger("rpc")


class OpenStream:
    """One stream of a method. `deadline` is the time-out that its task runs in."""

    __slots__ = ("_deadline", "api_key_id", "ended_by", "method", "writing_since")

    def __init__(self, method: Method, deadline: asyncio.Timeout) -> None:
        self.method = method
        self._deadline = deadline
        self.api_key_id: UUID | None = None
        self.writing_since: float | None = None
        self.ended_by: OutboundSmsError | None = None

    def end(self, error: OutboundSmsError) -> None:
        """Makes the stream's task leave its time-out as if that had passed, to answer `error`."""
        if self.ended_by is None and not self._deadline.expired():
            self.ended_by = error
            self._deadline.reschedule(asyncio.get_running_loop().time())


class OpenStreams:
    """Keeps the open streams and ends those that must end; `run` is a task of the server."""

    def __init__(self, limits: Limits, drain: asyncio.Event, list_rights: ListRights) -> None:
        self.drain = drain
        self._limits = limits
        self._list_rights = list_rights
        self._streams: set[OpenStream] = set()

    def __len__(self) -> int:
        return len(self._streams)

    def add(self, stream: OpenStream) -> None:
        self._streams.add(stream)

    def remove(self, stream: OpenStream) -> None:
        self._streams.discard(stream)

    def random_life(self) -> float:
        """Seconds until a stream reaches its longest life."""
        return random.uniform(*self._limits.stream_life)

    async def run(self) -> None:
        """Looks after the streams until the drain has ended the last of them."""
        while not self.drain.is_set():
            self._end_slow_consumers()
            await self._end_refused()
            try:
                async with asyncio.timeout(self._limits.stream_key_check):
                    await self.drain.wait()
            except TimeoutError:
                continue
        # Most end by themselves, with a last cursor for their clients.
        await asyncio.sleep(self._limits.stream_drain)
        for stream in list(self._streams):
            stream.end(draining())

    def _end_slow_consumers(self) -> None:
        oldest = time.monotonic() - self._limits.slow_consumer
        for stream in list(self._streams):
            if stream.writing_since is not None and stream.writing_since < oldest:
                stream.end(
                    Unavailable(
                        Reason.SLOW_CONSUMER,
                        "The client took no message for too long; resume from the last cursor.",
                    )
                )

    async def _end_refused(self) -> None:
        keys = {stream.api_key_id for stream in self._streams if stream.api_key_id is not None}
        if not keys:
            return
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT):
                rights = await self._list_rights(keys)
        except Exception as error:
            # Streams outlive a database that is away: their keys were good when last seen.
            _log.warning("stream keys not checked", exc_info=error)
            return
        for stream in list(self._streams):
            # One that was opened meanwhile was not asked about.
            if stream.api_key_id is None or stream.api_key_id not in keys:
                continue
            found = rights.get(stream.api_key_id)
            refused = _ended() if found is None else refusal(stream.method, found.held)
            if refused is not None:
                stream.end(refused)


def _ended() -> Unauthenticated:
    return Unauthenticated(Reason.API_KEY_INVALID, "This API key has ended; resume with another.")


def draining() -> Unavailable:
    """What callers hear of a server that is stopping."""
    return Unavailable(
        Reason.DRAINING, "This server is stopping; repeat the call, or resume from the last cursor."
    )


def life_is_over() -> Unavailable:
    """What the client of a stream hears that has been open for too long."""
    return Unavailable(
        Reason.STREAM_TIME_LIMIT,
        "The stream reached its longest life; resume from the last cursor.",
    )
