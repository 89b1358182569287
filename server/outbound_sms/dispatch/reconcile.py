"""Finds out what became of messages in doubt, or decides by policy when nothing can be found out.

In this order: a receipt for the attempt, the carrier's look-up, then the message's own policy: by
default it fails with UNCERTAIN.OUTCOME_UNKNOWN, and nobody is texted twice.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never
from uuid import UUID

import structlog

from outbound_sms import metrics
from outbound_sms.carriers.carrier import CannotTell, Carrier, Found, NotFound
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.store import dispatch as store
from outbound_sms.store import doubts
from outbound_sms.store.dispatch import AttemptOutcome, GivenBack, Settled
from outbound_sms.store.doubts import Doubtful
from outbound_sms.store.pool import Pool

log = structlog.get_logger(__name__)

BATCH = 32
CLOCK_SKEW = timedelta(seconds=5)


class Reconciler:
    """Settles messages in doubt, a few at a time."""

    def __init__(
        self, pool: Pool, owner: UUID, carriers: Mapping[str, Carrier], settings: DispatchSettings
    ) -> None:
        self._pool = pool
        self._owner = owner
        self._carriers = carriers
        self._settings = settings

    async def reconcile_once(self) -> int:
        """Looks at the messages that are due for a look. Returns how many there were."""
        doubtful = await doubts.claim_in_doubt(
            self._pool, most=BATCH, owner=self._owner, lease_seconds=self._settings.lease
        )
        await asyncio.gather(*(self._look(message) for message in doubtful))
        return len(doubtful)

    async def _look(self, message: Doubtful) -> None:
        carrier = self._carriers.get(message.carrier)
        if message.receipt_seen:
            await self._accepted(message, None)
        elif carrier is not None and carrier.capabilities.lookup:
            await self._ask(message, carrier)
        else:
            await self._wait_or_decide(message, self._settings.doubt_limit)

    async def _ask(self, message: Doubtful, carrier: Carrier) -> None:
        not_before = message.submitting_time - CLOCK_SKEW
        answer = await carrier.look_up(
            sender=message.sender,
            recipient=message.phone,
            body=message.body,
            not_before=not_before,
            known_ids=await doubts.known_carrier_ids(self._pool, message.phone, not_before),
        )
        match answer:
            case Found(carrier_message_id=carrier_message_id):
                await self._accepted(message, carrier_message_id)
            case NotFound():
                await self._not_found(message)
            case CannotTell(cause=cause):
                log.warning("look-up failed", action="look_up", carrier=carrier.name, cause=cause)
                await self._wait_or_decide(message, self._settings.doubt_limit)
            case _:
                assert_never(answer)

    async def _not_found(self, message: Doubtful) -> None:
        if message.doubt_age < self._settings.look_up_after[-1]:
            await self._look_again(message)
            return
        metrics.DOUBTS_RESOLVED.labels("not_sent").inc()
        back = GivenBack(
            message.message_id,
            message.fence,
            pause=0.0,
            failures=0,
            carrier=message.carrier,
            outcome=AttemptOutcome.NOT_SENT,
        )
        await store.give_back(self._pool, [back], owner=self._owner)

    async def _wait_or_decide(self, message: Doubtful, limit: float) -> None:
        if message.doubt_age < limit:
            await self._look_again(message)
        elif message.resend_unknown_outcome and not message.resent:
            metrics.DOUBTS_RESOLVED.labels("sent_again").inc()
            back = GivenBack(
                message.message_id,
                message.fence,
                pause=0.0,
                failures=0,
                carrier=message.carrier,
                outcome=AttemptOutcome.UNKNOWN,
            )
            await store.give_back(self._pool, [back], owner=self._owner)
        else:
            metrics.DOUBTS_RESOLVED.labels("failed").inc()
            await self._settle(
                message,
                MessageStatus.FAILED,
                "UNCERTAIN.OUTCOME_UNKNOWN",
                AttemptOutcome.UNKNOWN,
                None,
            )

    async def _accepted(self, message: Doubtful, carrier_message_id: str | None) -> None:
        metrics.DOUBTS_RESOLVED.labels("accepted").inc()
        await self._settle(
            message, MessageStatus.SENT, None, AttemptOutcome.ACCEPTED, carrier_message_id
        )

    async def _look_again(self, message: Doubtful) -> None:
        """At the next age at which the carrier is asked, and never later than the last of them."""
        last = self._settings.look_up_after[-1]
        ages = (*self._settings.look_up_after, self._settings.doubt_limit)
        next_age = next((age for age in ages if age > message.doubt_age), None)
        pause = last if next_age is None else min(last, next_age - message.doubt_age)
        lease = (message.message_id, message.fence)
        await doubts.doubt(self._pool, [lease], owner=self._owner, look_after=max(pause, 0.05))

    async def _settle(
        self,
        message: Doubtful,
        status: MessageStatus,
        reason: str | None,
        outcome: AttemptOutcome,
        carrier_message_id: str | None,
    ) -> None:
        settled = Settled(
            message.message_id,
            message.fence,
            status,
            reason,
            message.carrier,
            outcome,
            carrier_message_id,
        )
        await store.settle(self._pool, [settled], owner=self._owner)
