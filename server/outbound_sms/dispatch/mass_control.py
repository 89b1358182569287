"""Carries what an operator decided about a mass message to its rows in the queue, and ends it.

The claim looks at the state of the mass message itself, so a pause or a cancel acts at once; this
is what follows: rows set aside or put back, texts failed that will never leave, and the finish.
"""

import asyncio
from functools import partial
from typing import assert_never
from uuid import UUID

from outbound_sms.dispatch.expiry import EXPIRED, EXPIRY_INTERVAL, expire_once
from outbound_sms.dispatch.loops import repeat
from outbound_sms.domain.mass_message import MassMessageState
from outbound_sms.store import mass_control as store
from outbound_sms.store.mass_control import Controlled
from outbound_sms.store.pool import Connection, Pool

CANCELLED = "POLICY.CANCELLED"

# About 0.1 s of work: as long as an operator's next decision waits for the row at most.
CHUNK = 5_000
ACQUIRE_TIMEOUT = 5.0
INTERVAL = 0.25


async def run_mass_control(pool: Pool, stop: asyncio.Event, wake: asyncio.Event) -> None:
    """Looks after all mass messages until `stop` is set; `wake` makes it look at once."""
    async with asyncio.TaskGroup() as duties:
        duties.create_task(
            repeat(
                partial(control_once, pool),
                name="mass_control",
                interval=INTERVAL,
                stop=stop,
                wake=wake,
            )
        )
        duties.create_task(
            repeat(partial(expire_once, pool), name="expiry", interval=EXPIRY_INTERVAL, stop=stop)
        )


async def control_once(pool: Pool) -> int:
    """Does what is due for every mass message; returns how many rows and ends it made."""
    return sum([await _Control(pool, due).run() for due in await store.list_due(pool)])


class _Control:
    """What is due for one mass message, chunk by chunk, each in a transaction of its own.

    Every chunk looks at the state again. Where the last chunk ended is remembered here only:
    whoever starts anew walks over the rows that are done, and changes nothing about them.
    """

    def __init__(self, pool: Pool, mass_message_id: UUID) -> None:
        self._pool = pool
        self._id = mass_message_id
        self._parked_to = store.FIRST_POSITION
        self._unparked_to = store.FIRST_ID

    async def run(self) -> int:
        """Works until a chunk is not full."""
        total = 0
        while True:
            changed = await self._chunk()
            total += changed
            if changed < CHUNK:
                return total

    async def _chunk(self) -> int:
        async with (
            self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection,
            connection.transaction(),
        ):
            mass = await store.lock(connection, self._id)
            if mass is None:
                return 0
            changed = await self._change_rows(connection, mass)
            if changed == CHUNK:
                return changed
            if not mass.queue_settled:
                await store.settle_queue(connection, mass.id)
            return changed + int(await store.finish(connection, mass.id))

    async def _change_rows(self, connection: Connection, mass: Controlled) -> int:
        """Changes up to a chunk of rows as the state asks; fewer mean that all are done."""
        if mass.state is MassMessageState.CANCELLED:
            return await store.fail_ready(connection, mass.id, CANCELLED, CHUNK)
        if mass.expired:
            return await store.fail_ready(connection, mass.id, EXPIRED, CHUNK)
        if mass.queue_settled:
            return 0
        match mass.state:
            case MassMessageState.PAUSED:
                changed, self._parked_to = await store.park(
                    connection, mass, self._parked_to, CHUNK
                )
            case MassMessageState.EXPANDING | MassMessageState.SENDING:
                after = self._unparked_to
                changed, self._unparked_to = await store.unpark(connection, mass, after, CHUNK)
                if changed < CHUNK and after != store.FIRST_ID:
                    # A pause and a resume since the last chunk may have parked rows before it.
                    more, self._unparked_to = await store.unpark(
                        connection, mass, store.FIRST_ID, CHUNK - changed
                    )
                    changed += more
            case MassMessageState.FINISHED:
                changed = 0
            case _:
                assert_never(mass.state)
        return changed
