"""A carrier whose answers a test decides, and which remembers what it was asked."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from datetime import datetime

from outbound_sms.carriers.carrier import (
    Accepted,
    CannotTell,
    Capabilities,
    LookUp,
    Outcome,
    Submission,
)

Answer = Callable[[Submission], Awaitable[Outcome]]
LookUpAnswer = Callable[[str], LookUp]


async def accept(submission: Submission) -> Outcome:
    """Accepts everything."""
    return Accepted(f"SM{submission.message_id.hex}")


class ScriptedCarrier:
    """Answers by `answer`; `look_ups` says what it finds for a recipient, if it may be asked."""

    def __init__(
        self, name: str = "null", answer: Answer = accept, look_ups: LookUpAnswer | None = None
    ) -> None:
        self._name = name
        self.answer = answer
        self.look_ups = look_ups
        self.submissions: list[Submission] = []
        self.asked: Counter[str] = Counter()
        self.arrived = asyncio.Event()
        self.on_submission: Callable[[Submission], object] = lambda _: None

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            lookup=self.look_ups is not None,
            idempotency_key=False,
            receipts=True,
            calls=64,
            longest_call=1.0,
        )

    async def submit(self, submission: Submission) -> Outcome:
        self.submissions.append(submission)
        self.asked[submission.recipient] += 1
        self.arrived.set()
        self.on_submission(submission)
        return await self.answer(submission)

    async def look_up(
        self,
        *,
        sender: str,
        recipient: str,
        body: str,
        not_before: datetime,
        known_ids: AbstractSet[str],
    ) -> LookUp:
        return self.look_ups(recipient) if self.look_ups else CannotTell("none")

    async def close(self) -> None:
        return None
