"""The progress of one mass message, as a stream of snapshots."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime

from outbound_sms.domain.mass_message import MassMessageState
from outbound_sms.rpc.open_streams import draining
from outbound_sms.services import mass_message_fields
from outbound_sms.store.mass_messages import MassMessage
from outboundsms.v1 import mass_messages_pb2 as pb

# Four answers a second at most.
INTERVAL = 0.25
RATE_WINDOW = 5.0

_ENDED = (MassMessageState.CANCELLED, MassMessageState.FINISHED)


class RateMeter:
    """Segments per second over the last `RATE_WINDOW` seconds, from counts seen in turn."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, handed_over: int, segments_each: float) -> float:
        """The rate after the newest count of texts handed over; 0 for the first."""
        now = self._clock()
        self._seen.append((now, handed_over))
        while len(self._seen) > 2 and self._seen[1][0] <= now - RATE_WINDOW:
            self._seen.popleft()
        began, before = self._seen[0]
        if now <= began:
            return 0.0
        # A text that was sent and then reported as failed is taken back from the count.
        return max(0, handed_over - before) * segments_each / (now - began)


async def watch(
    load: Callable[[], Awaitable[MassMessage]],
    counts_follow: Callable[[], Awaitable[bool]],
    drain: asyncio.Event,
) -> AsyncGenerator[pb.MassMessage, None]:
    """The mass message as it stands, then at each change, until nothing more is to come.

    `load` reads it; `counts_follow` tells whether its counts have all that has been committed.
    RequeueMessages opens a finished one again: who watches already goes on, who watched to the end
    watches anew. Raises Unavailable (DRAINING) when `drain` is set.
    """
    meter = RateMeter()
    shown: pb.MassMessage | None = None
    ended: tuple[MassMessageState, datetime | None] | None = None
    while True:
        # Asked before the counts are read, so that those have at least what was asked about.
        followed = ended is not None and await counts_follow()
        stored = await load()
        rate = meter.see(stored.counts.handed_over, stored.segments_each)
        current = mass_message_fields.show(stored, round(rate, 1))
        if current != shown:
            yield current
            shown = current
        end = (stored.state, stored.finish_time) if is_over(stored) else None
        known = (followed and end == ended) or not stored.counts.insufficient_funds
        if end is not None and known:
            return
        ended, is_new = end, end is not None and end != ended
        if is_new:
            continue
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(INTERVAL):
                await drain.wait()
        if drain.is_set():
            raise draining()


def is_over(stored: MassMessage) -> bool:
    """Whether every text has a final status, SENT or Insufficient funds, and no more will be made.

    The counts come after the texts: only when they have all of them do they say so. Where some say
    Insufficient funds, that may be from before those were requeued: then `counts_follow` tells.
    """
    counts = stored.counts
    return stored.state in _ENDED and counts.total >= stored.recipients and counts.outstanding == 0
