"""One session with an SMSC, bound as a transceiver: requests and answers both ways.

Source: SMPP 3.4, 2.2 (session states), 2.7 (window), 7.2 (timers).
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import structlog

from outbound_sms.carriers.carrier import (
    Accepted,
    InDoubt,
    NotSent,
    Outcome,
    Submitted,
    Throttled,
)
from outbound_sms.carriers.smpp.codes import THROTTLING, carrier_code, refusal
from outbound_sms.carriers.smpp.commands import RESPONSE, Command, Status
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.carriers.smpp.connection import Connection
from outbound_sms.carriers.smpp.own_requests import OwnRequests
from outbound_sms.carriers.smpp.pdu import (
    MalformedPdu,
    Pdu,
    decode_submit_response,
    encode_bind,
    encode_pdu,
)
from outbound_sms.carriers.smpp.receipt_text import MessageIds, response_id
from outbound_sms.carriers.smpp.replies import Reply, reply_to
from outbound_sms.carriers.smpp.submitted_ids import SubmittedIds
from outbound_sms.carriers.smpp.throttle import ThrottlePause
from outbound_sms.carriers.smpp.window import Window

_log = structlog.get_logger(__name__)

Answer = Callable[[Status], None]
"""Answers a deliver_sm."""
Deliver = Callable[[Pdu, Answer], None]
"""Takes a deliver_sm that is to be answered, sooner or later, with the function beside it."""


class CannotBind(Exception):
    """No session came about. The text says why; it holds nothing that the SMSC wrote."""


class OutgoingPart(NamedTuple):
    """One part of a message: the body of its submit_sm, and what it is part of.

    Nothing is written after `start_by`, of `lease_clock`, or `write_by`, of the event loop.
    """

    body: bytes
    submitted: Submitted
    recipient: str
    start_by: float
    write_by: float


class Session:
    """One connection, bound once `open` has returned, and until `ended`."""

    def __init__(
        self,
        config: SmppConfig,
        ids: SubmittedIds,
        deliver: Deliver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._config = config
        self._ids = ids
        self._id_form = MessageIds(config.message_ids)
        self._deliver = deliver
        self._tls = tls
        self._connection = Connection(self)
        self._window = Window(config.window, config.response_timeout, self._no_answer)
        self._own = OwnRequests(self._connection.write)
        self._bound = False
        self._leaving = False
        self._emptied = asyncio.Event()
        self._why = ""
        self.pause = ThrottlePause(config.throttle_first, config.throttle_most)
        self.ended = asyncio.Event()

    @property
    def usable(self) -> bool:
        """True while messages may be submitted, if there is room."""
        return self._bound and not self._leaving

    @property
    def in_window(self) -> int:
        """Submissions that were written and are not answered."""
        return len(self._window)

    def holds(self, recipient: str) -> bool:
        """True while the answer to a submission to this number is still to come."""
        return self._window.holds(recipient)

    async def open(self) -> None:
        """Connects and binds. Raises CannotBind."""
        config = self._config
        try:
            async with asyncio.timeout(config.connect_timeout):
                await asyncio.get_running_loop().create_connection(
                    lambda: self._connection,
                    config.host,
                    config.port,
                    ssl=self._tls,
                    server_hostname=config.host if self._tls is not None else None,
                )
        except (OSError, TimeoutError) as error:
            raise CannotBind(f"no connection: {type(error).__name__}") from error
        body = encode_bind(config.system_id, config.password, config.system_type)
        answer = await self._own.ask(Command.BIND_TRANSCEIVER, body, config.bind_timeout)
        if not self._bound:
            said = carrier_code(answer.status) if answer is not None else self._why or "no answer"
            self._end("the bind failed")
            raise CannotBind(f"not bound: {said}")

    async def keep(self) -> None:
        """Returns when the session has ended, which it does when enquire_link stays unanswered."""
        config = self._config
        while not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(config.enquire_link):
                    await self.ended.wait()
            seconds = config.response_timeout
            if await self._own.ask(Command.ENQUIRE_LINK, b"", seconds) is None:
                self._end("enquire_link was not answered")

    async def submit(self, part: OutgoingPart) -> Outcome:
        """Writes one submit_sm, when there is room in the window, and says what came of it."""
        loop = asyncio.get_running_loop()
        window, connection = self._window, self._connection
        while self.usable and (window.full or connection.congested):
            if loop.time() >= part.write_by:
                return NotSent("the window was full for too long")
            await window.room(part.write_by)
        if not self.usable:
            return NotSent("the session ended")
        wait = self.pause.left(loop.time())
        if wait > 0:
            return Throttled(wait, self.pause.carrier_code)
        sequence = self._own.next_sequence()
        waiting = window.add(sequence, part.submitted, part.recipient)
        connection.write(
            encode_pdu(Command.SUBMIT_SM, sequence, part.body),
            part.start_by,
            partial(self._not_written, sequence),
        )
        return await waiting.outcome

    async def close(self) -> None:
        """Submits nothing more, waits for the answers, unbinds and ends."""
        self._leaving = True
        if self._bound:
            seconds = self._config.response_timeout
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while self._window:
                        self._emptied.clear()
                        await self._emptied.wait()
            await self._own.ask(Command.UNBIND, b"", seconds)
        self._end("closed")

    def abandon(self) -> None:
        """Ends at once, if it has not ended yet."""
        self._end("given up")

    def received(self, pdu: Pdu) -> None:
        """What a PDU of the SMSC leads to."""
        if self.ended.is_set():
            return
        command = pdu.command
        if command == Command.SUBMIT_SM_RESP:
            self._submission_answered(pdu)
        elif command == Command.DELIVER_SM:
            self._delivered(pdu)
        elif command & RESPONSE:
            self._answered(pdu)
        else:
            reply = reply_to(command)
            if reply is not None:
                self._reply(pdu.sequence, reply)
            if command == Command.UNBIND:
                self._end("the SMSC unbound")

    def unreadable(self) -> None:
        """Nothing that follows can be told apart, so the session is over."""
        self._reply(0, Reply(Command.GENERIC_NACK, Status.ESME_RINVCMDLEN))
        self._end("what came is no SMPP")

    def writable(self) -> None:
        self._window.let_in()

    def lost(self) -> None:
        self._end("the connection was lost")

    def _delivered(self, pdu: Pdu) -> None:
        sequence = pdu.sequence

        def answer(status: Status) -> None:
            self._reply(sequence, Reply(Command.DELIVER_SM_RESP, status, b"\0"))

        if self._bound:
            self._deliver(pdu, answer)
        else:
            answer(Status.ESME_RINVBNDSTS)

    def _answered(self, pdu: Pdu) -> None:
        if self._own.answered(pdu):
            if pdu.command == Command.BIND_TRANSCEIVER_RESP and pdu.status == Status.ESME_ROK:
                # What is next in the same octets belongs to a bound session.
                self._bound = True
        elif pdu.command == Command.GENERIC_NACK:
            self._submission_answered(pdu)

    def _submission_answered(self, pdu: Pdu) -> None:
        waiting = self._window.take(pdu.sequence)
        if not self._window:
            self._emptied.set()
        message_id = self._message_id(pdu)
        if waiting is not None:
            if message_id:
                # Before anything else that came is looked at: the receipt may be right behind.
                self._ids.remember(message_id, waiting.submitted)
            waiting.settle(self._outcome(pdu, message_id))
            return
        late = self._window.take_late(pdu.sequence)
        if late is not None and message_id:
            self._ids.remember(message_id, late)
        _log.warning(
            "answer that nobody waits for",
            action="receive",
            carrier=self._config.name,
            carrier_code=carrier_code(pdu.status),
            late=late is not None,
        )

    def _not_written(self, sequence: int) -> None:
        waiting = self._window.take(sequence)
        if waiting is not None:
            waiting.settle(NotSent("the lease or the session ended first"))

    def _message_id(self, pdu: Pdu) -> str:
        """The id that the SMSC gave; empty when there is none to be had from this PDU."""
        if pdu.command != Command.SUBMIT_SM_RESP or pdu.status != Status.ESME_ROK:
            return ""
        try:
            return response_id(decode_submit_response(pdu.body), self._id_form)
        except MalformedPdu:
            return ""

    def _outcome(self, pdu: Pdu, message_id: str) -> Outcome:
        now = asyncio.get_running_loop().time()
        if pdu.status == Status.ESME_ROK:
            self.pause.accepted(now)
            return Accepted(message_id) if message_id else InDoubt("accepted without a message id")
        if pdu.status in THROTTLING:
            code = carrier_code(pdu.status)
            return Throttled(self.pause.refused(now, code), code)
        return refusal(pdu.status, self._config.name)

    def _reply(self, sequence: int, reply: Reply) -> None:
        if not self.ended.is_set():
            self._connection.write(encode_pdu(reply.command, sequence, reply.body, reply.status))

    def _no_answer(self) -> None:
        if not self._window:
            self._emptied.set()
        _log.warning("submission not answered", action="submit", carrier=self._config.name)

    def _end(self, why: str) -> None:
        if self.ended.is_set():
            return
        was_bound, self._bound = self._bound, False
        self._why = why
        self.ended.set()
        self._connection.close()
        self._own.end()
        in_doubt = self._window.end()
        self._emptied.set()
        if was_bound:
            carrier = self._config.name
            _log.info(
                "smpp session ended", action="session", carrier=carrier, why=why, in_doubt=in_doubt
            )
