"""What a connected carrier brings, collected; storing it can be made to fail, or to wait."""

import asyncio
from dataclasses import dataclass, field

from outbound_sms.carriers.carrier import Inbound, NotTaken, Receipt, Submitted


@dataclass
class Collected:
    """`Arrivals` of a test. With `broken` nothing is taken; `open` lets what waits through."""

    receipts: list[tuple[Receipt, Submitted | None]] = field(default_factory=list)
    texts: list[Inbound] = field(default_factory=list)
    broken: bool = False
    waiting: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def receipt(self, carrier: str, receipt: Receipt, submitted: Submitted | None) -> None:
        await self._take()
        self.receipts.append((receipt, submitted))

    async def text(self, carrier: str, inbound: Inbound) -> None:
        await self._take()
        self.texts.append(inbound)

    async def _take(self) -> None:
        self.waiting += 1
        await self.open.wait()
        self.waiting -= 1
        if self.broken:
            raise NotTaken
