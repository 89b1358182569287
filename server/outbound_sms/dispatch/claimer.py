"""Claims messages, instance after instance, and passes them on to the lanes of their carriers."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from outbound_sms.clock import lease_clock
from outbound_sms.dispatch.lane import Lane
from outbound_sms.dispatch.loops import pause_unless
from outbound_sms.dispatch.openings import Openings
from outbound_sms.dispatch.routes import Routing
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.dispatch.turns import ReadyNumber, Turns
from outbound_sms.domain.sending_number import CarrierRoute
from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import AttemptOutcome, Claimed, GivenBack
from outbound_sms.store.pool import DATABASE_FAILURES, Pool

log = structlog.get_logger(__name__)

LOOK_AGE = 0.1
"""Seconds for which a look at the queue is good. A change of the settings acts after it at most."""

LOOK_SHARE = 0.1
"""The most of its time that a busy dispatcher looks: with thousands of groups a look takes long."""


class Claimer:
    """Takes turns between instances, as far as quiet hours, rates and carriers leave room."""

    def __init__(
        self,
        pool: Pool,
        owner: UUID,
        lanes: Mapping[str, Lane],
        routing: Routing,
        settings: DispatchSettings,
    ) -> None:
        self._pool = pool
        self._owner = owner
        self._lanes = lanes
        self._routing = routing
        self._settings = settings
        self._turns = Turns()
        self._openings = Openings()
        self._ready: list[ReadyNumber] = []
        self._look_at = 0.0

    async def claim_until(self, stop: asyncio.Event, work_arrived: asyncio.Event) -> None:
        """Claims until `stop` is set; `work_arrived` ends a pause early."""
        while not stop.is_set():
            try:
                chosen = await self._choose()
                if chosen:
                    await self._claim(chosen)
                    continue
            except DATABASE_FAILURES as error:
                log.warning("database failed", action="claim", error=type(error).__name__)
                await pause_unless(1.0, stop)
                continue
            await pause_unless(self._idle_pause(), stop, work_arrived)

    async def _choose(self) -> list[ReadyNumber]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        if began >= self._look_at:
            looked_at = lease_clock()
            groups = await store.ready_groups(self._pool)
            self._ready = self._openings.find(groups, looked_at)
            now = loop.time()
            self._look_at = now + max(LOOK_AGE, (now - began) / LOOK_SHARE)
        return self._turns.choose(self._ready, self._has_room)

    async def _claim(self, chosen: list[ReadyNumber]) -> None:
        settings = self._settings
        room = min(self._routing.claimable(number.routes) for number in chosen)
        now = lease_clock()
        groups = [
            group
            for number in chosen
            for group in number.groups
            if group.opening is None or now < group.opening.start_by
        ]
        claimed = await store.claim(
            self._pool,
            groups,
            most_each=max(1, min(settings.claim_batch, room // len(chosen))),
            owner=self._owner,
            lease_seconds=settings.lease,
        )
        if not claimed:
            # Others have taken it, or something still to be cleared away is in front. The rest of
            # the list has its turn first; with nothing left of it there is a pause.
            self._ready = [number for number in self._ready if number not in chosen]
            self._look_at = asyncio.get_running_loop().time() + LOOK_AGE
            return
        start_by = now + settings.lease - settings.call_needs
        for name, messages in self._routing.assign(claimed).items():
            if name is None:
                await self._return(messages)
            else:
                self._lanes[name].take(messages, start_by)

    async def _return(self, messages: Sequence[Claimed]) -> None:
        """Gives back what no carrier can take any more since it was claimed."""
        back = [
            GivenBack(m.message_id, m.fence, 0.0, 0, m.last_carrier or "", AttemptOutcome.NONE)
            for m in messages
        ]
        await store.give_back(self._pool, back, owner=self._owner)

    def _has_room(self, routes: Sequence[CarrierRoute]) -> bool:
        return self._routing.claimable(routes) > 0

    def _idle_pause(self) -> float:
        """Seconds after which there may be something to claim, unless something happens before."""
        pauses = [self._settings.poll, *(n.wait for n in self._ready if n.wait > 0)]
        if any(number.wait <= 0 for number in self._ready):
            # Only carriers have no room. They say when they have, and then the look may still do.
            pauses.append(self._look_at - asyncio.get_running_loop().time())
        else:
            self._look_at = 0.0
        return max(0.0, min(pauses))
