"""A carrier that works or fails as a test says, and counts what it took."""

from collections import Counter
from typing import Any

from outbound_sms.carriers.carrier import Accepted, LookUp, Outcome, Submission
from tests.dispatch.scripted_carrier import LookUpAnswer, ScriptedCarrier


class FailingCarrier(ScriptedCarrier):
    """Answers with `failure` while there is one, else accepts, and counts by recipient."""

    def __init__(
        self, name: str, failure: Outcome | None = None, look_ups: LookUpAnswer | None = None
    ) -> None:
        super().__init__(name, self._decide, look_ups)
        self.failure = failure
        self.failed = 0
        self.accepted: Counter[str] = Counter()
        self.looked_up_as: list[str] = []

    async def _decide(self, submission: Submission) -> Outcome:
        if self.failure is not None:
            self.failed += 1
            return self.failure
        self.accepted[submission.recipient] += 1
        return Accepted(f"{self.name}-{submission.message_id.hex}")

    async def look_up(self, *, sender: str, **asked: Any) -> LookUp:
        self.looked_up_as.append(sender)
        return await super().look_up(sender=sender, **asked)


def check_each_text_once(recipients: list[str], *carriers: FailingCarrier) -> None:
    """Every recipient has one text, by whichever carrier."""
    assert sum((carrier.accepted for carrier in carriers), Counter()) == Counter(recipients)
