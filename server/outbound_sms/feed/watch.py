"""Streams of one process: each catches up from the database, then follows the hub, gap-free."""

import asyncio
from collections.abc import AsyncGenerator

from outbound_sms.domain.errors import Reason, Unavailable
from outbound_sms.feed.cursor import Cursors
from outbound_sms.feed.epoch import Epochs
from outbound_sms.feed.hub import Hub, Subscription
from outbound_sms.feed.stream import Batch, Start, Stream, WatchRequest
from outbound_sms.store import feed, feed_upkeep
from outbound_sms.store.pool import Pool

# How many streams of a process read old rows from the database at the same time.
_CATCHING_UP = 4
_PAGE_ROWS = 100
_ACQUIRE_TIMEOUT = 5.0
# How long a stream waits for a server that has just started, in seconds.
_START_TIMEOUT = 5.0
# How often a stream looks for itself, in seconds, when the process does not read the feed's end.
_POLL = 1.0


class Watcher:
    """Makes streams from the hub's memory and the database. Streams end when `drain` is set.

    How long a stream may live, and how long a client may leave an answer untaken, is for the edge
    to say: a stream only waits meanwhile, and holds nothing in memory.
    """

    def __init__(self, pool: Pool, hub: Hub, cursors: Cursors, drain: asyncio.Event) -> None:
        self._pool = pool
        self._hub = hub
        self._cursors = cursors
        self._drain = drain
        self._turns = asyncio.Semaphore(_CATCHING_UP)

    async def watch(self, request: WatchRequest) -> AsyncGenerator[Batch, None]:
        """The stream: events in order of position, those of a message in order of version, no gaps.

        Never ends by itself. Raises InvalidRequest, OutOfRange or WrongState when the cursor cannot
        be used, OutOfRange also when retention overtakes a stream that is behind, and Unavailable
        with DRAINING after a last bookmark.
        """
        clock = asyncio.get_running_loop().time
        async with self._hub.subscribe(request.instance_id) as live:
            stream = await self._begin(request)
            if not request.cursor and request.start is Start.NOW:
                stream.reach(stream.pos, caught_up=True)
                yield stream.bookmark(clock())
            while True:
                batches, reached, caught_up = await self._gather(stream, live)
                for batch in batches:
                    yield batch
                    stream.sent(batch, clock())
                    if self._drain.is_set():
                        break
                else:
                    stream.reach(reached, caught_up=caught_up)
                if self._drain.is_set():
                    yield stream.bookmark(clock())
                    raise Unavailable(
                        Reason.DRAINING, "The server is stopping; resume from the last cursor."
                    )
                if clock() >= stream.bookmark_time:
                    yield stream.bookmark(clock())
                if stream.caught_up:
                    pause = stream.bookmark_time - clock()
                    await live.wait(pause if self._follows(stream, live) else min(pause, _POLL))

    async def _begin(self, request: WatchRequest) -> Stream:
        epochs = await self._hub.started(_START_TIMEOUT)
        if epochs is None:
            raise Unavailable(
                Reason.DATABASE_UNAVAILABLE, "The status feed does not run yet; repeat the call."
            )
        async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection:
            edges = await feed.read_edges(connection)
            if edges.epoch != epochs.current:
                epochs = Epochs(await feed_upkeep.list_epochs(connection))
        return Stream(request, self._cursors, epochs, edges)

    async def _gather(self, stream: Stream, live: Subscription) -> tuple[list[Batch], int, bool]:
        """What there is to send now, up to where that goes, and whether nothing is left."""
        if self._hub.epochs is not None:
            stream.follow(self._hub.epochs)
        rows = live.rows_after(stream.pos)
        if rows is not None:
            reached = rows[-1].pos if rows else self._hub.head or 0
            return stream.shared(rows), reached, True
        async with self._turns, self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection:
            page = await feed.read_instance(
                connection,
                stream.request.instance_id,
                stream.pos,
                _PAGE_ROWS,
                stream.request.mass_message_id,
            )
        if page.edges.epoch != stream.epochs.current:
            # The hub hears of it within a second; until then positions cannot be compared.
            return [], stream.pos, True
        stream.check_kept(page.edges)
        if len(page.rows) < _PAGE_ROWS:
            return stream.merged(page.rows), page.edges.head, True
        return stream.merged(page.rows), page.rows[-1].pos, False

    def _follows(self, stream: Stream, live: Subscription) -> bool:
        """Whether the hub will wake the stream for everything that is new."""
        epochs = self._hub.epochs
        known = epochs is not None and epochs.current == stream.epochs.current
        return known and live.rows_after(stream.pos) is not None
