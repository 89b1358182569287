"""Texts that people send to our numbers: signed by a carrier, and acted on before its answer."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from outbound_sms import metrics
from outbound_sms.carriers.carrier import Carrier, Inbound, MalformedInbound
from outbound_sms.carriers.signature import HEADER
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.domain.keyword import read_keyword
from outbound_sms.domain.phone import mask
from outbound_sms.store.pool import DATABASE_FAILURES, Pool
from outbound_sms.store.replies import InboundText, Taken, take_reply

log = structlog.get_logger(__name__)

# What a carrier is to do now, in its own markup: nothing. Answers go out through the queue.
_NOTHING_TO_DO = "<Response/>"


class InboundHandler:
    """Answers 200 once a text is stored and acted on, 403 to what was not signed, 503 to be called
    again. `on_answer` is called when an answer was put into the queue."""

    def __init__(
        self,
        carriers: Mapping[str, Carrier],
        callbacks: CallbackAddress,
        pool: Pool,
        on_answer: Callable[[], None] = lambda: None,
    ) -> None:
        self._carriers = carriers
        self._callbacks = callbacks
        self._pool = pool
        self._on_answer = on_answer

    async def handle(self, request: web.Request) -> web.Response:
        """Takes one text at `/inbound/CARRIER`."""
        carrier = self._carriers.get(request.match_info["carrier"])
        if carrier is None:
            return web.Response(status=404)
        form = parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
        url = self._callbacks.public_url(request.path_qs)
        if not carrier.verify(url, form, request.headers.get(HEADER, "")):
            metrics.INBOUND.labels("forged").inc()
            return web.Response(status=403)
        try:
            inbound = carrier.parse_inbound(form)
        except MalformedInbound as error:
            metrics.INBOUND.labels("malformed").inc()
            log.error(
                "inbound text not understood",
                action="inbound",
                carrier=carrier.name,
                cause=str(error),
            )
            return web.Response(status=400)
        return await self._take(carrier.name, inbound)

    async def _take(self, carrier: str, inbound: Inbound) -> web.Response:
        keyword = read_keyword(inbound.body)
        text = InboundText(
            carrier,
            inbound.carrier_message_id,
            inbound.sender,
            inbound.recipient,
            inbound.body,
        )
        try:
            taken = await take_reply(self._pool, text, keyword)
        except DATABASE_FAILURES as error:
            log.warning("inbound text not stored", action="inbound", error=type(error).__name__)
            return web.Response(status=503, headers={"Retry-After": "1"})
        if taken is None:
            log.warning(
                "inbound text to a number that is not ours",
                action="inbound",
                carrier=carrier,
                to=mask(inbound.recipient),
                hint="make it a sending number, or take this address off it at the carrier",
            )
        elif taken.reply_id is not None:
            self._on_answer()
        metrics.INBOUND.labels(_label(taken, keyword.meaning.name)).inc()
        return web.Response(text=_NOTHING_TO_DO, content_type="text/xml")


def _label(taken: Taken | None, meaning: str) -> str:
    if taken is None:
        return "not_ours"
    return "repeated" if taken.repeated else meaning.lower()
