"""What follows from a carrier's answer: settled, given back to the queue, or in doubt."""

import random
from collections.abc import Callable
from typing import assert_never

from outbound_sms import metrics
from outbound_sms.carriers.carrier import (
    Accepted,
    InDoubt,
    NotSent,
    Outcome,
    Refused,
    Throttled,
)
from outbound_sms.dispatch.settler import Settler
from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.domain.retry import gives_up, pause_seconds
from outbound_sms.store.dispatch import AttemptOutcome, Claimed, GivenBack, Settled

LONGEST_THROTTLE = 60.0
_SUBMITTED = {
    outcome: metrics.MESSAGES_SUBMITTED.labels(outcome.__name__)
    for outcome in (Accepted, Refused, Throttled, NotSent, InDoubt)
}


class Outcomes:
    """The outcomes of one carrier's messages, on their way to the settler.

    `suppress` is told the numbers that have opted out; `on_settled` is called for every message
    when its outcome is committed.
    """

    def __init__(
        self,
        carrier: str,
        settler: Settler,
        *,
        suppress: Callable[[str], None],
        on_settled: Callable[[], None],
    ) -> None:
        self._carrier = carrier
        self._settler = settler
        self._suppress = suppress
        self._on_settled = on_settled
        self._chance = random.Random()

    def not_begun(self, message: Claimed, pause: float = 0.0) -> None:
        """Gives back a message whose call was never made, due again in `pause` seconds."""
        self._give_back(message, AttemptOutcome.NONE, pause=pause, failures=0)

    def settle(self, message: Claimed, outcome: Outcome) -> float:
        """Passes on the outcome. Returns for how many seconds the carrier must be left alone."""
        _SUBMITTED[type(outcome)].inc()
        match outcome:
            case Accepted(carrier_message_id=found):
                self._end(
                    message, MessageStatus.SENT, AttemptOutcome.ACCEPTED, carrier_message_id=found
                )
            case Refused(reason=reason, carrier_code=code, suppress=suppress):
                if suppress:
                    self._suppress(message.phone)
                self._fail(message, AttemptOutcome.REFUSED, reason, code)
            case Throttled(retry_after=seconds, carrier_code=code):
                pause = min(max(seconds, 0.1), LONGEST_THROTTLE)
                self._give_back(
                    message, AttemptOutcome.THROTTLED, pause=pause, failures=0, code=code
                )
                return pause
            case NotSent():
                self._retry(message)
            case InDoubt():
                self._settler.add((message.message_id, message.fence), self._on_settled)
            case _:
                assert_never(outcome)
        return 0.0

    def _retry(self, message: Claimed) -> None:
        failures = message.failures + 1
        if gives_up(failures):
            self._fail(message, AttemptOutcome.NOT_SENT, "CARRIER.SYSTEM_ERROR", None)
            return
        pause = pause_seconds(failures, self._chance)
        self._give_back(message, AttemptOutcome.NOT_SENT, pause=pause, failures=1)

    def _fail(
        self, message: Claimed, outcome: AttemptOutcome, reason: str, code: str | None
    ) -> None:
        self._end(message, MessageStatus.FAILED, outcome, reason=reason, carrier_code=code)

    def _end(
        self,
        message: Claimed,
        status: MessageStatus,
        outcome: AttemptOutcome,
        *,
        reason: str | None = None,
        carrier_message_id: str | None = None,
        carrier_code: str | None = None,
    ) -> None:
        settled = Settled(
            message.message_id,
            message.fence,
            status,
            reason,
            self._carrier,
            outcome,
            carrier_message_id,
            carrier_code,
        )
        self._settler.add(settled, self._on_settled)

    def _give_back(
        self,
        message: Claimed,
        outcome: AttemptOutcome,
        *,
        pause: float,
        failures: int,
        code: str | None = None,
    ) -> None:
        given_back = GivenBack(
            message.message_id,
            message.fence,
            pause,
            failures,
            self._carrier,
            outcome,
            None,
            code,
        )
        self._settler.add(given_back, self._on_settled)
