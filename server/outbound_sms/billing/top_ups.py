"""Asks the payment gateway for the top-ups that are due, and records what it says.

A top-up is asked for under its id as the idempotency key until it is settled, so that whoever dies,
is told nothing or is told late costs nobody anything: it is asked for again and charged once. No
connection is held over a call to the gateway. Any number of workers may run on one database.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import assert_never

import structlog

from outbound_sms import metrics
from outbound_sms.clock import lease_clock
from outbound_sms.domain.top_up import (
    BELIEVED_MISSING,
    KEY_KEPT,
    NEVER_CHARGED,
    TopUpState,
    pause_seconds,
)
from outbound_sms.payments.gateway import (
    Charge,
    ChargeOutcome,
    Declined,
    FindOutcome,
    NotCharged,
    NotFound,
    Paid,
    PaymentGateway,
    Processing,
    Unanswered,
)
from outbound_sms.store import top_ups as store
from outbound_sms.store.pool import DATABASE_FAILURES, Pool
from outbound_sms.store.top_ups import DueTopUp

log = structlog.get_logger(__name__)

LEASE_MARGIN = 30.0
"""Seconds for which a top-up is its worker's beyond the longest call: to record the answer."""
MOST_AT_ONCE = 8
DRAIN_SECONDS = 10.0

Outcome = ChargeOutcome | FindOutcome


class TopUpWorker:
    """Charges top-ups, several at a time. `settled` is called when one has ended: texts that waited
    for it may go. `arrived` is set when there may be more to take."""

    def __init__(self, pool: Pool, gateway: PaymentGateway, settled: Callable[[], None]) -> None:
        self.arrived = asyncio.Event()
        self._pool = pool
        self._gateway = gateway
        self._settled = settled
        self._lease = gateway.longest_call + LEASE_MARGIN
        self._calls: set[asyncio.Task[None]] = set()

    async def take_once(self) -> int:
        """Begins to charge what is due, as much as there is room for; returns how many."""
        room = MOST_AT_ONCE - len(self._calls)
        if room == 0:
            return 0
        taken_at = lease_clock()
        taken = await store.take_due(self._pool, room, self._lease)
        for due in taken:
            call = asyncio.create_task(self._settle(due, taken_at), name="top-up")
            self._calls.add(call)
            call.add_done_callback(self._ended)
        return len(taken)

    async def drain(self) -> None:
        """Lets calls end for a while; those that do not are asked again by the next worker."""
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=DRAIN_SECONDS)
            for call in late:
                call.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, call: asyncio.Task[None]) -> None:
        if len(self._calls) == MOST_AT_ONCE:
            self.arrived.set()
        self._calls.discard(call)

    async def _settle(self, due: DueTopUp, taken_at: float) -> None:
        outcome = await self._ask(due, taken_at)
        try:
            await self._record(due, outcome)
        except DATABASE_FAILURES as error:
            # It is asked for again when the lease has run out, and answered the same.
            log.warning("top-up not recorded", action="top_up", error=type(error).__name__)

    async def _ask(self, due: DueTopUp, taken_at: float) -> Outcome:
        """What the gateway says. Whatever goes wrong here may have happened after a charge."""
        top_up = due.top_up
        try:
            if due.asked_for >= KEY_KEPT:
                return await self._gateway.find(top_up.id)
            return await self._gateway.charge(
                Charge(
                    top_up_id=top_up.id,
                    amount_micros=top_up.amount_micros,
                    currency=top_up.currency,
                    customer=top_up.customer,
                    payment_method=top_up.payment_method,
                    # Where the machine sleeps before the call, the key may be forgotten after it.
                    start_by=taken_at + self._lease,
                )
            )
        except Exception:
            log.exception("gateway failed", action="top_up", top_up_id=str(top_up.id))
            return Unanswered("the gateway's adapter failed")

    async def _record(self, due: DueTopUp, outcome: Outcome) -> None:
        top_up = due.top_up
        say = partial(_say, due)
        match outcome:
            case Paid():
                before = await store.succeed(self._pool, top_up.id, outcome.gateway_payment_id)
                if before is TopUpState.FAILED:
                    say("paid_late", log.error)
                elif before is not None:
                    say("paid", log.info)
                self._settled()
            case Declined():
                if await store.fail(
                    self._pool, top_up.id, outcome.code, outcome.gateway_payment_id
                ):
                    say("declined", log.warning, code=outcome.code)
                self._settled()
            case NotFound() if due.asked_for >= BELIEVED_MISSING:
                if await store.fail(self._pool, top_up.id, NEVER_CHARGED, None):
                    say("never_charged", log.error)
                self._settled()
            case NotFound():
                await self._postpone(due)
                say("not_found", log.warning)
            case Unanswered():
                await self._postpone(due)
                say("unanswered", log.warning, reason=outcome.reason)
            case NotCharged():
                await self._postpone(due)
                say("not_charged", log.error, reason=outcome.reason)
            case Processing():
                await self._postpone(due)
                say("processing", log.info)
            case _:
                assert_never(outcome)

    async def _postpone(self, due: DueTopUp) -> None:
        pause = pause_seconds(due.top_up.attempts)
        await store.postpone(self._pool, due.top_up.id, pause)


def _say(due: DueTopUp, outcome: str, write: Callable[..., object], **more: str) -> None:
    metrics.TOP_UPS.labels(outcome).inc()
    top_up = due.top_up
    write(
        f"top-up {outcome.replace('_', ' ')}",
        action="top_up",
        top_up_id=str(top_up.id),
        instance_id=str(top_up.instance_id),
        automatic=top_up.automatic,
        attempt=top_up.attempts,
        **more,
    )
