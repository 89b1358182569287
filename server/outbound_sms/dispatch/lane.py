"""Hands claimed messages to one carrier: intent first, then the call, then the outcome."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import structlog

from outbound_sms.carriers.carrier import (
    CallbackCarrier,
    Carrier,
    InDoubt,
    Outcome,
    Submission,
    Throttled,
)
from outbound_sms.clock import lease_clock
from outbound_sms.dispatch.bodies import Bodies
from outbound_sms.dispatch.health import CarrierHealth
from outbound_sms.dispatch.outcomes import Outcomes, throttle_seconds
from outbound_sms.dispatch.pace import Pace
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.dispatch.settler import Settler
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import Claimed
from outbound_sms.store.pool import DATABASE_FAILURES, Pool

log = structlog.get_logger(__name__)


class Lane:
    """One carrier's way out of this process, with a bounded number of messages on it."""

    def __init__(
        self,
        carrier: Carrier,
        *,
        pool: Pool,
        owner: UUID,
        settler: Settler,
        callbacks: CallbackAddress,
        settings: DispatchSettings,
        suppress: Callable[[str], None],
        on_room: Callable[[], None],
        elsewhere: Callable[[Claimed, str], bool],
    ) -> None:
        self.carrier = carrier
        self._pool = pool
        self._owner = owner
        self._callbacks = callbacks if isinstance(carrier, CallbackCarrier) else None
        self._settings = settings
        self._on_room = on_room
        self._elsewhere = elsewhere
        self.health = CarrierHealth(carrier.name, self.relinquish, pauses=settings.breaker_pauses)
        self._bodies = Bodies(pool)
        self._outcomes = Outcomes(carrier.name, settler, suppress=suppress, on_settled=self._leave)
        self._outstanding = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._claimed: deque[tuple[Claimed, float]] = deque()
        self._intended: deque[tuple[Claimed, Submission]] = deque()
        self._arrived = asyncio.Event()
        self._intents_wanted = asyncio.Event()
        self._pace = Pace()
        self._growing = self.workers

    @property
    def window(self) -> int:
        """How many messages may be leased here: about what goes out in a second, so that nothing
        waits long under a lease, and no fewer than it takes to keep every call busy."""
        settings = self._settings
        least = 2 * max(self.workers, settings.intent_batch)
        return min(settings.window, max(least, int(self._pace.per_second())))

    @property
    def room(self) -> int:
        """Messages that may be claimed for this carrier now; 0 while it asked us to slow down or
        its breaker is open, and one to find out whether it works again."""
        if not self.health.may_call:
            return 0
        window = self.window if self.health.works else 1
        return max(0, window - self._outstanding)

    @property
    def claimable(self) -> int:
        """`room` when it is a quarter of the window, so that claims stay large while the carrier
        keeps its calls open; else 0."""
        room = self.room
        enough = max(1, self.window // 4) if self.health.works else 1
        return room if room >= enough else 0

    @property
    def workers(self) -> int:
        """How many times `work` is to run at once."""
        return min(self._settings.workers, self.carrier.capabilities.calls)

    async def empty(self) -> None:
        """Returns when every message that was handed over is settled."""
        await self._empty.wait()

    def take(self, messages: Sequence[Claimed], start_by: float) -> None:
        """Takes claimed messages.

        A call that has not begun at `start_by`, of `lease_clock`, is not begun: a process that was
        frozen would otherwise send what others have taken over meanwhile.
        """
        self._outstanding += len(messages)
        self._empty.clear()
        self._claimed.extend((message, start_by) for message in messages)
        self._intents_wanted.set()

    def relinquish(self) -> None:
        """Gives back what was claimed and may still go out by another process or carrier."""
        while self._claimed:
            message, _ = self._claimed.popleft()
            self._outcomes.not_begun(message)

    async def intend(self) -> None:
        """Commits intents until cancelled, only just ahead of the calls: a crash puts no more
        messages in doubt than are being handed over or are next."""
        while True:
            while not self._claimed or len(self._intended) > self.workers // 2:
                self._intents_wanted.clear()
                await self._intents_wanted.wait()
            size = min(len(self._claimed), self._intents_at_once())
            batch = [self._claimed.popleft() for _ in range(size)]
            try:
                await self._intend(batch)
            except DATABASE_FAILURES as error:
                log.warning("database failed", action="intend", error=type(error).__name__)
                # The intents may be committed or not: they are left to their leases.
                for _ in batch:
                    self._leave()

    def _intents_at_once(self) -> int:
        """About what goes out in a quarter of a second: what is intended goes out even if it should
        not any more, as after a change of the settings. Until the pace is known, twice as many each
        time."""
        pace = self._pace.per_second()
        self._growing = min(2 * self._growing, self._settings.intent_batch)
        known = max(self.workers, int(pace / 4))
        return min(self._settings.intent_batch, known if self._pace.known else self._growing)

    async def _intend(self, batch: Sequence[tuple[Claimed, float]]) -> None:
        messages = [message for message, _ in batch]
        bodies = await self._bodies.load(message.body_id for message in messages)
        attempts = await store.intend(
            self._pool,
            messages,
            carrier=self.carrier.name,
            owner=self._owner,
            lease_left=self._settings.call_needs,
        )
        now = datetime.now(UTC)
        for message, start_by in batch:
            attempt = attempts.get(message.message_id)
            if attempt is None:
                self._outcomes.not_begun(message)
                continue
            submission = self._submission(message, attempt, bodies, now, start_by)
            self._intended.append((message, submission))
        self._arrived.set()

    def _submission(
        self,
        message: Claimed,
        attempt: int,
        bodies: dict[UUID, str],
        now: datetime,
        start_by: float,
    ) -> Submission:
        opening = message.group.opening
        return Submission(
            message_id=message.message_id,
            attempt=attempt,
            sender=message.sender(self.carrier.name) or message.number,
            recipient=message.phone,
            body=bodies[message.body_id],
            segments=message.segments,
            valid_for_seconds=max(1, int((message.valid_until - now).total_seconds())),
            status_callback_url=self._callback_url(message, attempt),
            start_by=start_by if opening is None else min(start_by, opening.start_by),
        )

    def _callback_url(self, message: Claimed, attempt: int) -> str | None:
        if self._callbacks is None:
            return None
        return self._callbacks.url(self.carrier.name, message.message_id, attempt)

    async def work(self) -> None:
        """Makes one call after another until cancelled."""
        while True:
            while not self._intended:
                self._arrived.clear()
                await self._arrived.wait()
            message, submission = self._intended.popleft()
            self._intents_wanted.set()
            if not self.health.may_call or lease_clock() > submission.start_by:
                self._not_begun(message)
                continue
            begun = self.health.begin()
            outcome = await self._submit(submission)
            uses_try = self.health.end(begun, outcome)
            if isinstance(outcome, Throttled):
                self.health.slow_down(throttle_seconds(outcome))
            elsewhere = self._elsewhere(message, self.carrier.name)
            self._outcomes.settle(message, outcome, uses_try=uses_try, elsewhere=elsewhere)

    async def _submit(self, submission: Submission) -> Outcome:
        try:
            return await self.carrier.submit(submission)
        except Exception:
            # A defect of the adapter: bytes may have been sent, so nobody knows.
            log.exception("carrier adapter failed", action="submit", carrier=self.carrier.name)
            return InDoubt("defect")

    def _not_begun(self, message: Claimed) -> None:
        wait = self.health.throttled_for
        if wait > 0 and self._elsewhere(message, self.carrier.name):
            wait = 0.0
        self._outcomes.not_begun(message, pause=wait)

    def _leave(self) -> None:
        self._outstanding -= 1
        self._pace.count()
        if self._outstanding == 0:
            self._empty.set()
        self._on_room()
