"""Texts that people send to our numbers: signed by a carrier, and acted on before its answer."""

from collections.abc import Mapping

import structlog
from aiohttp import web

from outbound_sms import metrics
from outbound_sms.carriers.carrier import Carrier, MalformedInbound
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import DATABASE_FAILURES
from outbound_sms.webhooks.request import SignedCallbacks

log = structlog.get_logger(__name__)

# What a carrier is to do now, in Twilio's markup: nothing, since answers go out through the queue.
# Carriers that have no such markup look at the status alone.
_NOTHING_TO_DO = "<Response/>"


class InboundHandler:
    """Answers 200 once a text is stored and acted on, 403 to what was not signed, 503 to be called
    again."""

    def __init__(
        self, carriers: Mapping[str, Carrier], callbacks: CallbackAddress, texts: TextInbox
    ) -> None:
        self._signed = SignedCallbacks(carriers, callbacks, metrics.INBOUND)
        self._texts = texts

    async def handle(self, request: web.Request) -> web.Response:
        """Takes one text at `/inbound/CARRIER`."""
        carrier, callback = await self._signed.read(request)
        try:
            inbound = carrier.parse_inbound(callback)
        except MalformedInbound as error:
            metrics.INBOUND.labels("malformed").inc()
            log.error(
                "inbound text not understood",
                action="inbound",
                carrier=carrier.name,
                cause=str(error),
            )
            return web.Response(status=400)
        try:
            await self._texts.take(carrier.name, inbound)
        except DATABASE_FAILURES:
            return web.Response(status=503, headers={"Retry-After": "1"})
        return web.Response(text=_NOTHING_TO_DO, content_type="text/xml")
