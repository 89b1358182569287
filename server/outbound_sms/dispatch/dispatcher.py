"""Claims messages, hands them to their carriers, and looks after those that went astray."""

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial
from uuid import UUID, uuid4

import structlog

from outbound_sms import metrics
from outbound_sms.carriers.carrier import Carrier
from outbound_sms.dispatch.claimer import Claimer
from outbound_sms.dispatch.lane import Lane
from outbound_sms.dispatch.loops import repeat
from outbound_sms.dispatch.part_receipts import PartReceipts
from outbound_sms.dispatch.reconcile import Reconciler
from outbound_sms.dispatch.routes import Routing
from outbound_sms.dispatch.sending_alerts import ALERT_INTERVAL, tell_sending_alerts_once
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.dispatch.settler import Settler
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.store import dispatch as store
from outbound_sms.store import leases, suppressions
from outbound_sms.store.fires import forget_old_fires
from outbound_sms.store.idempotency import forget_old_answers
from outbound_sms.store.pool import DATABASE_FAILURES, Pool
from outbound_sms.store.receipts import apply_receipts, refund
from outbound_sms.store.sending_limits import forget_old_hours

log = structlog.get_logger(__name__)

QUEUE_DEPTH_INTERVAL = 5.0
RESCUE_BATCH = 500
FORGET_INTERVAL = 300.0
RECEIPT_INTERVAL = 0.25
PARKED_INTERVAL = 0.5
DOUBT_INTERVAL = 0.5
REFUND_INTERVAL = 1.0
REFUND_BATCH = 500


class CarrierTooSlow(ValueError):
    """A carrier may take longer to answer than the lease of a message leaves room for."""


class Dispatcher:
    """One process's share of the work. Any number may run on one database; none is special.

    `owner` is made anew for each process, so that a restarted one never takes itself for its
    predecessor.
    """

    def __init__(
        self,
        pool: Pool,
        carriers: Mapping[str, Carrier],
        callbacks: CallbackAddress,
        settings: DispatchSettings | None = None,
    ) -> None:
        self.settings = settings or DispatchSettings()
        for carrier in carriers.values():
            if carrier.capabilities.longest_call > self.settings.call:
                raise CarrierTooSlow(
                    f"A call to carrier {carrier.name} may take "
                    f"{carrier.capabilities.longest_call:g} s, longer than a lease allows for "
                    f"({self.settings.call:g} s): lower its total_timeout, or raise the lease."
                )
        self.owner: UUID = uuid4()
        self.work_arrived = asyncio.Event()
        self.receipts_arrived = asyncio.Event()
        self._pool = pool
        self._carriers = carriers
        self._settler = Settler(pool, self.owner, self.settings)
        self._part_receipts = PartReceipts(pool)
        self._opted_out: asyncio.Queue[str] = asyncio.Queue()
        self._lanes: dict[str, Lane] = {}
        routing = Routing(self._lanes)
        for name, carrier in carriers.items():
            self._lanes[name] = Lane(
                carrier,
                pool=pool,
                owner=self.owner,
                settler=self._settler,
                callbacks=callbacks,
                settings=self.settings,
                suppress=self._opted_out.put_nowait,
                on_room=self.work_arrived.set,
                elsewhere=routing.elsewhere,
            )
        self._claimer = Claimer(pool, self.owner, self._lanes, routing, self.settings)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, then lets calls end and gives back what was not begun."""
        background = [asyncio.create_task(self._settler.run(), name="settle")]
        background.append(asyncio.create_task(self._suppress(), name="suppress"))
        for lane in self._lanes.values():
            background.append(asyncio.create_task(lane.intend(), name="intend"))
            background += [asyncio.create_task(lane.work()) for _ in range(lane.workers)]
        try:
            async with asyncio.TaskGroup() as duties:
                duties.create_task(self._claimer.claim_until(stop, self.work_arrived))
                self._start_duties(duties, stop)
            await self._drain()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    def _start_duties(self, duties: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        settings = self.settings
        reconciler = Reconciler(self._pool, self.owner, self._carriers, settings)
        doubt_interval = min(DOUBT_INTERVAL, settings.look_up_after[0] / 2)
        for duty in (
            repeat(self._rescue, name="rescue", interval=settings.rescue_interval, stop=stop),
            repeat(reconciler.reconcile_once, name="reconcile", interval=doubt_interval, stop=stop),
            repeat(
                self._apply_receipts,
                name="receipts",
                interval=RECEIPT_INTERVAL,
                stop=stop,
                wake=self.receipts_arrived,
            ),
            repeat(self._match_parked, name="parked", interval=PARKED_INTERVAL, stop=stop),
            repeat(self._refund, name="refund", interval=REFUND_INTERVAL, stop=stop),
            repeat(self._measure, name="queue_depth", interval=QUEUE_DEPTH_INTERVAL, stop=stop),
            repeat(
                partial(tell_sending_alerts_once, self._pool),
                name="sending_alerts",
                interval=ALERT_INTERVAL,
                stop=stop,
            ),
            repeat(self._forget, name="forget", interval=FORGET_INTERVAL, stop=stop),
        ):
            duties.create_task(duty)

    async def _suppress(self) -> None:
        """Records numbers whose carrier says that they opted out."""
        while True:
            phone = await self._opted_out.get()
            try:
                await suppressions.suppress(self._pool, phone, source=suppressions.CARRIER)
            except DATABASE_FAILURES:
                # The carrier will say it again; nothing is sent to the number in either case.
                log.warning("suppression not recorded", action="suppress")

    async def _rescue(self) -> int:
        ready, in_doubt = await leases.rescue(
            self._pool, most=RESCUE_BATCH, look_after=self.settings.look_up_after[0]
        )
        if ready or in_doubt:
            log.warning("leases ran out", action="rescue", ready=ready, in_doubt=in_doubt)
            self.work_arrived.set()
        shortened = await leases.shorten(
            self._pool, most=RESCUE_BATCH, lease_seconds=self.settings.lease
        )
        if shortened:
            log.warning("the clock was set back", action="shorten_leases", messages=shortened)
        return ready + in_doubt

    async def _apply_receipts(self) -> int:
        applied = await apply_receipts(self._pool, self.settings.receipt_batch)
        if applied < self.settings.receipt_batch:
            # More are on their way when some have just come: a larger batch costs less for each.
            await asyncio.sleep(self.settings.settle_delay)
        return applied

    async def _match_parked(self) -> int:
        looked_at = await self._part_receipts.match_parked()
        if looked_at:
            self.receipts_arrived.set()
        return looked_at

    async def _refund(self) -> int:
        return await refund(self._pool, REFUND_BATCH)

    async def _measure(self) -> int:
        depth = await store.queue_depth(self._pool)
        metrics.QUEUE_DEPTH.labels("ready").set(depth.ready)
        metrics.QUEUE_DEPTH.labels("leased").set(depth.leased)
        metrics.IN_DOUBT.set(depth.in_doubt)
        return 0

    async def _forget(self) -> int:
        return (
            await forget_old_answers(self._pool)
            + await forget_old_fires(self._pool)
            + await self._part_receipts.forget()
            + await forget_old_hours(self._pool)
        )

    async def _drain(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.drain):
                for lane in self._lanes.values():
                    lane.relinquish()
                    await lane.empty()
                await self._settler.drained()
        released = await leases.release(self._pool, owner=self.owner)
        log.info("dispatcher stopped", action="drain", released=released)
