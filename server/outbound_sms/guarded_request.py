"""A request that is not written when what allowed it has run out meanwhile: the lease of a message,
or the time for which a payment gateway knows an idempotency key.

A process may be frozen anywhere, for hours when a machine is suspended, also after a call has
begun: while a connection was being made, for instance. Time-outs do not help, since what was about
to run goes first when the process goes on. So the time is looked at once more right before the
bytes are written.
"""

from contextvars import ContextVar

import aiohttp
from aiohttp.connector import Connection

from outbound_sms.clock import lease_clock

start_by: ContextVar[float] = ContextVar("start_by")
"""When, of `lease_clock`, a POST of this task must have begun to be written."""


class TooLate(Exception):
    """Nothing of the request was written."""


class GuardedRequest(aiohttp.ClientRequest):
    """aiohttp's request, checked against `start_by` where it changes something."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Writes the request. Raises TooLate when a POST comes too late."""
        if self.method == "POST" and lease_clock() > start_by.get(float("inf")):
            raise TooLate
        return await super().send(conn)
