"""The HTTP side that carriers call: signed receipts, stored before they are answered, and texts."""

from collections.abc import Mapping
from uuid import UUID

import structlog
from aiohttp import web

from outbound_sms import metrics
from outbound_sms.carriers.carrier import Carrier, MalformedReceipt, Receipt
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.inbox.receipts import STORED_STATES, ReceiptInbox
from outbound_sms.store.pool import DATABASE_FAILURES
from outbound_sms.store.receipts import StoredReceipt
from outbound_sms.webhooks.inbound import InboundHandler
from outbound_sms.webhooks.request import SignedCallbacks

log = structlog.get_logger(__name__)

LARGEST_BODY = 64 * 1024


class ReceiptHandler:
    """Answers 204 once a receipt is stored, 403 to what was not signed, 503 to be called again."""

    def __init__(
        self,
        carriers: Mapping[str, Carrier],
        callbacks: CallbackAddress,
        inbox: ReceiptInbox,
    ) -> None:
        self._signed = SignedCallbacks(carriers, callbacks, metrics.RECEIPTS)
        self._callbacks = callbacks
        self._inbox = inbox

    async def handle(self, request: web.Request) -> web.Response:
        """Takes one status callback at `/receipts/CARRIER?m=MESSAGE&a=ATTEMPT&s=MAC`."""
        carrier, callback = await self._signed.read(request)
        attempt = self._callbacks.read(carrier.name, request.query)
        if attempt is None:
            raise self._signed.forged()
        try:
            receipt = carrier.parse_receipt(callback)
        except MalformedReceipt as error:
            metrics.RECEIPTS.labels("malformed").inc()
            log.error(
                "receipt not understood", action="receipt", carrier=carrier.name, cause=str(error)
            )
            return web.Response(status=400)
        return await self._store(carrier, receipt, *attempt)

    async def _store(
        self, carrier: Carrier, receipt: Receipt, message_id: UUID, attempt: int
    ) -> web.Response:
        metrics.RECEIPTS.labels(receipt.state.value.lower()).inc()
        state = STORED_STATES.get(receipt.state)
        if state is None:
            return web.Response(status=204)
        stored = StoredReceipt(
            message_id,
            attempt,
            state,
            carrier.name,
            receipt.carrier_message_id,
            receipt.reason,
            receipt.carrier_code,
        )
        try:
            await self._inbox.put(stored)
        except DATABASE_FAILURES:
            return web.Response(status=503, headers={"Retry-After": "1"})
        return web.Response(status=204)


def build_app(receipts: ReceiptHandler, inbound: InboundHandler) -> web.Application:
    """The application with its addresses for receipts and for texts to our numbers."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_post("/receipts/{carrier}", receipts.handle)
    app.router.add_post("/inbound/{carrier}", inbound.handle)
    return app
