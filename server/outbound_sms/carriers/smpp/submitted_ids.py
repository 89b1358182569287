"""What the SMSC's ids stand for, for the receipts that will name nothing else."""

import asyncio

from outbound_sms.carriers.carrier import Submitted

NEWEST = 100_000


class SubmittedIds:
    """The newest ids that were given to parts of messages, in memory.

    Older ones, and those of another process, are known to the database.
    """

    def __init__(self, most: int = NEWEST) -> None:
        self._most = most
        self._found: dict[str, Submitted] = {}
        self._awaited: dict[str, asyncio.Future[None]] = {}

    def remember(self, carrier_message_id: str, submitted: Submitted) -> None:
        """Keeps what an id stands for, in place of the oldest when there are too many."""
        self._found[carrier_message_id] = submitted
        if len(self._found) > self._most:
            del self._found[next(iter(self._found))]
        awaited = self._awaited.pop(carrier_message_id, None)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)

    def find(self, carrier_message_id: str) -> Submitted | None:
        """What the id stands for; None when that is not, or not any more, known here."""
        return self._found.get(carrier_message_id)

    async def wait_for(self, carrier_message_id: str, seconds: float) -> Submitted | None:
        """The same, once the id is given to something, but after at most so long."""
        awaited = self._awaited.get(carrier_message_id)
        if awaited is None:
            awaited = asyncio.get_running_loop().create_future()
            self._awaited[carrier_message_id] = awaited
        await asyncio.wait({awaited}, timeout=seconds)
        if self._awaited.get(carrier_message_id) is awaited:
            del self._awaited[carrier_message_id]
        return self.find(carrier_message_id)
