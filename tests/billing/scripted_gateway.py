"""A payment gateway that answers as a test says, and counts what it really charged."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from uuid import UUID

from outbound_sms.payments.gateway import (
    Charge,
    ChargeOutcome,
    FindOutcome,
    NotFound,
    Paid,
)


@dataclass(slots=True)
class ScriptedGateway:
    """Charges each id once, and answers `answers` in turn, then `Paid`.

    A charge that is answered otherwise than `Paid` charges all the same where `charges` is true.
    """

    answers: deque[ChargeOutcome | Exception] = field(default_factory=deque)
    found: FindOutcome | None = None
    charges: bool = False
    asked: list[Charge] = field(default_factory=list)
    looked_up: list[UUID] = field(default_factory=list)
    charged: Counter[UUID] = field(default_factory=Counter)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    known: set[UUID] = field(default_factory=set)
    name: str = "scripted"
    longest_call: float = 5.0

    def __post_init__(self) -> None:
        self.open.set()

    async def charge(self, charge: Charge) -> ChargeOutcome:
        """Waits while the gateway is not `open`; the key is known after the first charge."""
        self.asked.append(charge)
        answer = self.answers.popleft() if self.answers else Paid(f"pi_{charge.top_up_id}")
        if (isinstance(answer, Paid) or self.charges) and charge.top_up_id not in self.known:
            self.known.add(charge.top_up_id)
            self.charged[charge.top_up_id] += 1
        await self.open.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def find(self, top_up_id: UUID) -> FindOutcome:
        """`found`, else the truth."""
        self.looked_up.append(top_up_id)
        if self.found is not None:
            return self.found
        return Paid(f"pi_{top_up_id}") if self.charged[top_up_id] else NotFound()

    async def close(self) -> None:
        """Has nothing to close."""
