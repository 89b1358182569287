"""The adapter to an SMSC: messages go out in parts over its binds, receipts and texts come back."""

import asyncio
import ssl
from collections.abc import Set as AbstractSet
from datetime import datetime

from outbound_sms import metrics
from outbound_sms.carriers.carrier import (
    Accepted,
    Arrivals,
    CannotTell,
    Capabilities,
    InDoubt,
    LookUp,
    NotSent,
    Outcome,
    Refused,
    Submission,
    Submitted,
    Throttled,
)
from outbound_sms.carriers.smpp.bind import Bind
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.carriers.smpp.deliveries import Deliveries
from outbound_sms.carriers.smpp.outgoing import CannotEncode, encode_parts
from outbound_sms.carriers.smpp.session import OutgoingPart, Session
from outbound_sms.carriers.smpp.submitted_ids import SubmittedIds
from outbound_sms.clock import lease_clock
from outbound_sms.domain.retry import may_be_tried_again

_REPEAT_AFTER = 0.1


class SmppCarrier:
    """A `ConnectedCarrier` over SMPP 3.4."""

    def __init__(self, config: SmppConfig) -> None:
        self._config = config
        self._ids = SubmittedIds()
        self._deliveries: Deliveries | None = None
        self._tls = ssl.create_default_context(cafile=config.ca_file) if config.tls else None
        self._binds: list[Bind] = []
        self._keeping: list[asyncio.Task[None]] = []
        self._closed = False

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            lookup=False,
            idempotency_key=False,
            receipts=True,
            calls=self._config.window * self._config.binds,
            longest_call=self._config.total_timeout,
        )

    @property
    def bound(self) -> int:
        """How many sessions are bound."""
        return len(self._sessions())

    def connect(self, arrivals: Arrivals) -> None:
        """Begins to keep the binds up. What they bring goes to `arrivals`."""
        if self._binds or self._closed:
            return
        deliveries = Deliveries(self._config, self._ids, arrivals, self._awaited)
        self._deliveries = deliveries

        def make() -> Session:
            return Session(self._config, self._ids, deliveries.take, self._tls)

        self._binds = [Bind(self._config, make) for _ in range(self._config.binds)]
        self._keeping = [asyncio.create_task(bind.keep(), name="smpp") for bind in self._binds]
        metrics.SMPP_IN_WINDOW.labels(self.name).set_function(self._in_window)

    async def submit(self, submission: Submission) -> Outcome:
        """Submits the parts one after another, each once it is known that the one before went out.

        Parts at once would be faster by a few round trips, but a text that is refused or throttled
        in its middle would then be half sent more often, and charged for.
        """
        if self._closed:
            return NotSent("the carrier is closed")
        try:
            bodies = encode_parts(submission, self._config)
        except CannotEncode as error:
            return Refused(error.reason, "not submitted")
        config = self._config
        write_by = asyncio.get_running_loop().time() + config.total_timeout
        write_by -= config.response_timeout
        ids: list[str] = []
        for number, body in enumerate(bodies, 1):
            submitted = Submitted(submission.message_id, submission.attempt, number, len(bodies))
            part = OutgoingPart(
                body, submitted, submission.recipient, submission.start_by, write_by
            )
            outcome = await (self._submit_further(part) if ids else self._submit_part(part))
            if not isinstance(outcome, Accepted):
                return outcome
            ids.append(outcome.carrier_message_id)
        return Accepted(ids[0], parts=tuple(ids))

    async def look_up(
        self,
        *,
        sender: str,
        recipient: str,
        body: str,
        not_before: datetime,
        known_ids: AbstractSet[str],
    ) -> LookUp:
        """query_sm wants the id that a lost answer would have brought."""
        return CannotTell("SMPP finds no message without its id")

    async def close(self) -> None:
        self._closed = True
        if self._deliveries is not None:
            await self._deliveries.close()
        await asyncio.gather(*(bind.close() for bind in self._binds))
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        metrics.SMPP_IN_WINDOW.labels(self.name).set_function(int)

    async def _submit_part(self, part: OutgoingPart) -> Outcome:
        session = self._freest()
        return NotSent("not bound") if session is None else await session.submit(part)

    async def _submit_further(self, part: OutgoingPart) -> Outcome:
        """A part behind one that was accepted: tried until the time is up rather than given back,
        since the whole message would be sent again."""
        loop = asyncio.get_running_loop()
        repeat_after = _REPEAT_AFTER
        while True:
            outcome = await self._submit_part(part)
            match outcome:
                case Throttled(retry_after=pause):
                    pass
                case NotSent():
                    pause, repeat_after = repeat_after, 2 * repeat_after
                case Refused(reason=reason) if may_be_tried_again(reason):
                    # As such it would be given back, and its first parts sent a second time.
                    pause, repeat_after = repeat_after, 2 * repeat_after
                case _:
                    return outcome
            left = min(part.write_by - loop.time(), part.start_by - lease_clock())
            if pause > left:
                return InDoubt("only the first parts were accepted")
            await asyncio.sleep(pause)

    def _freest(self) -> Session | None:
        """The session with the shortest pause, and of those the one with the most room."""
        sessions = self._sessions()
        if len(sessions) < 2:
            return sessions[0] if sessions else None
        now = asyncio.get_running_loop().time()
        return min(sessions, key=lambda session: (session.pause.left(now), session.in_window))

    def _sessions(self) -> list[Session]:
        found = [bind.session for bind in self._binds]
        return [session for session in found if session is not None and session.usable]

    def _awaited(self, recipient: str) -> bool:
        return any(session.holds(recipient) for session in self._sessions())

    def _in_window(self) -> int:
        return sum(session.in_window for session in self._sessions())
