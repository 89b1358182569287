"""A request that is not written when the lease of its message has run out meanwhile.

A process may be frozen anywhere, also after a call has begun: while a connection was being made,
for instance. Time-outs do not help, since what was about to run goes first when the process goes
on. So the lease is looked at once more right before the bytes are written.
"""

from contextvars import ContextVar

import aiohttp
from aiohttp.connector import Connection

from outbound_sms.clock import lease_clock

start_by: ContextVar[float] = ContextVar("start_by")
"""When, of `lease_clock`, the request of this task must have begun to be written."""


class LeaseRanOut(Exception):
    """Nothing of the request was written."""


class GuardedRequest(aiohttp.ClientRequest):
    """aiohttp's request, checked against `start_by` when that is set."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Writes the request. Raises LeaseRanOut when it is too late for that."""
        if lease_clock() > start_by.get(float("inf")):
            raise LeaseRanOut
        return await super().send(conn)
