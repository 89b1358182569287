"""Balances that somebody watches: looked at by one task of the process for all its streams."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from uuid import UUID

import structlog

from outbound_sms.domain.top_up import TopUpState
from outbound_sms.rpc.open_streams import draining
from outbound_sms.services.balance_events import Look
from outbound_sms.store import balances
from outbound_sms.store.balances import Unfunded
from outbound_sms.store.pool import DATABASE_FAILURES, Connection, Pool
from outbound_sms.store.top_ups import last_top_up

# Four answers a second at most.
INTERVAL = 0.25
# Of the newest top-ups of an instance, how many are looked at: what is older has ended long ago.
MOST_TOP_UPS = 10

# Summing up what could not be paid takes as long as there is of it; no more of the time than this.
_SHARE_OF_SUMS = 0.05
_ACQUIRE_TIMEOUT = 5.0

_log = structlog.get_logger("billing")


class _Watched:
    """An instance that somebody watches: the newest look at it, of the round `looked_in`.

    A stream begins with a look that began after itself; the last that came waits for the round
    `awaited`.
    """

    def __init__(self) -> None:
        self.streams = 0
        self.awaited = 0
        self.look: Look | None = None
        self.looked_in = 0
        self.changed = asyncio.Event()

    @property
    def has_newcomers(self) -> bool:
        return self.looked_in < self.awaited

    def show(self, look: Look, looked_in: int) -> None:
        if look != self.look or self.has_newcomers:
            self.wake()
        if look != self.look:
            self.look = look
        self.looked_in = looked_in

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class BalanceWatch:
    """Looks at all balances that are watched, together, as long as any is.

    So a thousand streams cost the database no more than one. `pool` must see every instance's rows.
    """

    def __init__(self, pool: Pool, drain: asyncio.Event) -> None:
        self._pool = pool
        self._drain = drain
        self._watched: dict[UUID, _Watched] = {}
        self._unfunded: Mapping[UUID, Unfunded] = {}
        self._sums_due = 0.0
        self._round = 0
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    async def watch(self, instance_id: UUID) -> AsyncGenerator[Look, None]:
        """The balance as it stands, then after each change; a slow reader gets the newest only.

        Never ends. Raises Unavailable (DRAINING) when the server stops. Outlives a database that
        is away.
        """
        with self._watching(instance_id) as watched:
            seen: Look | None = None
            first_round = watched.awaited
            while True:
                changed = watched.changed
                if self._drain.is_set():
                    raise draining()
                if self._error is not None:
                    raise self._error
                if watched.looked_in < first_round or watched.look is seen:
                    await changed.wait()
                    continue
                seen = watched.look
                assert seen is not None
                yield seen

    @contextlib.contextmanager
    def _watching(self, instance_id: UUID) -> Iterator[_Watched]:
        watched = self._watched.setdefault(instance_id, _Watched())
        watched.streams += 1
        watched.awaited = self._round + 1
        if self._task is None:
            self._error = None
            self._task = asyncio.create_task(self._run())
        try:
            yield watched
        finally:
            watched.streams -= 1
            if not watched.streams:
                del self._watched[instance_id]
            if not self._watched and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        try:
            while not self._drain.is_set():
                began = time.monotonic()
                try:
                    await self._look()
                except DATABASE_FAILURES as error:
                    _log.warning("balances_not_read", error=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(
                        asyncio.get_running_loop().time() + INTERVAL - (time.monotonic() - began)
                    ):
                        await self._drain.wait()
        except Exception as error:
            self._error = error
        finally:
            for watched in self._watched.values():
                watched.wake()

    async def _look(self) -> None:
        self._round += 1
        this_round, wanted = self._round, list(self._watched)
        newcomers = [each for each in wanted if self._watched[each].has_newcomers]
        async with (
            self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            found = await balances.list_balances(connection, wanted)
            states = await balances.list_recent_top_ups(connection, wanted, MOST_TOP_UPS)
            await self._sum_unfunded(connection, wanted, newcomers)
            looks = {}
            for instance_id, balance in found.items():
                unfunded = self._unfunded.get(instance_id, Unfunded())
                top_ups = {
                    id_: TopUpState(state) for id_, state in states.get(instance_id, {}).items()
                }
                watched = self._watched.get(instance_id)
                before = watched.look if watched is not None else None
                looks[instance_id] = Look(
                    unfunded.shown_in(balance),
                    unfunded.newest,
                    top_ups,
                    before.last_top_up
                    if before is not None and before.top_ups == top_ups
                    else await last_top_up(connection, instance_id),
                )
        for instance_id, look in looks.items():
            if instance_id in self._watched:
                self._watched[instance_id].show(look, this_round)

    async def _sum_unfunded(
        self, connection: Connection, wanted: list[UUID], newcomers: list[UUID]
    ) -> None:
        """Sums up for all at its own pace, and for those who have newcomers at once."""
        began = time.monotonic()
        if began >= self._sums_due:
            found = await balances.list_unfunded(connection, wanted)
            self._unfunded = {each: found.get(each, Unfunded()) for each in wanted}
            self._sums_due = began + (time.monotonic() - began) / _SHARE_OF_SUMS
            return
        if newcomers:
            found = await balances.list_unfunded(connection, newcomers)
            self._unfunded = {
                **self._unfunded,
                **{each: found.get(each, Unfunded()) for each in newcomers},
            }
