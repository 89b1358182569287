"""The endpoints under /sandbox/, which no gateway has: for tests and people who look on."""

from aiohttp import web

from outbound_sms.payments.sandbox.answers import Answer
from outbound_sms.payments.sandbox.charges import Charges
from outbound_sms.payments.sandbox.faults import Fault
from outbound_sms.payments.sandbox.idempotency import Keys
from outbound_sms.payments.sandbox.payments import Payments
from outbound_sms.sandbox_faults import RequestedFaults


class Control:
    """Handles requests for single faults, and shows who was charged."""

    def __init__(
        self,
        payments: Payments,
        charges: Charges,
        keys: Keys,
        faults: RequestedFaults[Fault],
    ) -> None:
        self._payments = payments
        self._charges = charges
        self._keys = keys
        self._faults = faults

    async def payments(self, request: web.Request) -> web.StreamResponse:
        """GET: every payment, oldest first; `charged` says whether the payer has paid it."""
        records = [payment.record() for payment in self._payments.newest_first()]
        return Answer(200, {"payments": records[::-1]}).response()

    async def statistics(self, request: web.Request) -> web.StreamResponse:
        """GET: requests to charge since the start, and those answered from a stored key."""
        return Answer(
            200, {"requests": self._charges.requests, "replayed": self._keys.replayed}
        ).response()

    async def request_fault(self, request: web.Request) -> web.StreamResponse:
        """POST {"fault": "answer-lost", "payment_method": "pm_...", "count": 1}; two optional."""
        try:
            await self._faults.take_request(request, Fault, "payment_method")
        except ValueError as error:
            return Answer(400, {"error": {"message": str(error)}}).response()
        return web.Response(status=204)

    async def clear_faults(self, request: web.Request) -> web.StreamResponse:
        """DELETE: forgets the requested faults that have not happened yet."""
        self._faults.clear()
        return web.Response(status=204)
