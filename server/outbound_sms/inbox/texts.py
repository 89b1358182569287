"""Texts that people send to our numbers: acted on, whatever way a carrier brings them."""

from collections.abc import Callable

import structlog

from outbound_sms import metrics
from outbound_sms.carriers.carrier import Inbound
from outbound_sms.domain.keyword import read_keyword
from outbound_sms.domain.phone import mask
from outbound_sms.store.pool import DATABASE_FAILURES, Pool
from outbound_sms.store.replies import InboundText, Taken, take_reply

log = structlog.get_logger(__name__)


class TextInbox:
    """Takes texts one by one. `on_answer` is called when an answer was put into the queue."""

    def __init__(self, pool: Pool, on_answer: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._on_answer = on_answer

    async def take(self, carrier: str, inbound: Inbound) -> None:
        """Stores a text that `carrier` brought, and does what it says, once for each of its ids.

        Returns when that is done for good, also where there is nothing to do: the text was here
        before, or its recipient is no number of ours. Raises one of `DATABASE_FAILURES` when
        nothing was done and the carrier is to bring it again.
        """
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
            raise
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


def _label(taken: Taken | None, meaning: str) -> str:
    if taken is None:
        return "not_ours"
    return "repeated" if taken.repeated else meaning.lower()
