"""What the SMSC delivers: receipts and texts, answered once they are stored for good."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import structlog

from outbound_sms import metrics
from outbound_sms.carriers.carrier import (
    Arrivals,
    Inbound,
    MalformedInbound,
    MalformedReceipt,
    NotTaken,
    Receipt,
)
from outbound_sms.carriers.smpp.alphabet import Alphabet
from outbound_sms.carriers.smpp.commands import Status
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.carriers.smpp.pdu import (
    MalformedPdu,
    Pdu,
    ShortMessage,
    decode_message,
    e164_of,
)
from outbound_sms.carriers.smpp.receipt_text import MessageIds, read_receipt, text_of
from outbound_sms.carriers.smpp.session import Answer
from outbound_sms.carriers.smpp.submitted_ids import SubmittedIds

_log = structlog.get_logger(__name__)

AT_ONCE = 5_000
"""Most that are being stored at a time; while the database is stuck, the SMSC keeps the others."""

LONGEST_CLOSE = 5.0

ANSWER_WAIT = 1.0
"""Seconds that a receipt waits for the answer to its submission, which it has overtaken."""


class Deliveries:
    """Takes every deliver_sm of one carrier, from all its sessions.

    `awaited` says whether the answer to a submission to this number is still to come.
    """

    def __init__(
        self,
        config: SmppConfig,
        ids: SubmittedIds,
        arrivals: Arrivals,
        awaited: Callable[[str], bool],
    ) -> None:
        self._name = config.name
        self._alphabet = Alphabet(config.alphabet)
        self._id_form = MessageIds(config.message_ids)
        self._ids = ids
        self._arrivals = arrivals
        self._awaited = awaited
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def take(self, pdu: Pdu, answer: Answer) -> None:
        """Begins to store what a deliver_sm holds; `answer` is called when it is done."""
        if self._closing or len(self._tasks) >= AT_ONCE:
            answer(Status.ESME_RX_T_APPN)
            return
        try:
            message = decode_message(pdu.body)
            receipt = read_receipt(message, self._id_form)
            inbound = self._inbound(message) if receipt is None else None
        except (MalformedPdu, MalformedReceipt, MalformedInbound) as error:
            metrics.SMPP_MALFORMED.labels(self._name).inc()
            # The text of these errors names a field, never a value.
            _log.warning(
                "deliver_sm malformed", action="deliver", carrier=self._name, problem=str(error)
            )
            answer(Status.ESME_RX_P_APPN)
            return
        task = asyncio.create_task(self._store(receipt, inbound, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Takes nothing more; returns when what was begun is stored and answered, or after a while
        when the database is stuck: what was not answered comes again."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LONGEST_CLOSE)

    async def _store(
        self, receipt: Receipt | None, inbound: Inbound | None, answer: Answer
    ) -> None:
        try:
            if receipt is not None:
                await self._store_receipt(receipt)
            elif inbound is not None:
                await self._arrivals.text(self._name, inbound)
        except NotTaken:
            answer(Status.ESME_RX_T_APPN)
        except Exception:
            _log.exception("deliver_sm not stored", action="deliver", carrier=self._name)
            answer(Status.ESME_RX_T_APPN)
        else:
            answer(Status.ESME_ROK)

    async def _store_receipt(self, receipt: Receipt) -> None:
        message_id = receipt.carrier_message_id
        submitted = self._ids.find(message_id)
        if submitted is None and receipt.recipient and self._awaited(receipt.recipient):
            submitted = await self._ids.wait_for(message_id, ANSWER_WAIT)
        await self._arrivals.receipt(self._name, receipt, submitted)

    def _inbound(self, message: ShortMessage) -> Inbound:
        """Raises MalformedInbound for short codes and names, to which nothing can be sent."""
        sender, recipient = e164_of(message.source), e164_of(message.destination)
        if sender is None:
            raise MalformedInbound("source_addr is not a phone number")
        if recipient is None:
            raise MalformedInbound("destination_addr is not a phone number")
        # SMPP gives a text no id of its own.
        return Inbound(uuid4().hex, sender, recipient, text_of(message, self._alphabet))
