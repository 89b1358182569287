"""Our requests other than submissions: bind, enquire_link, unbind. One of each at a time."""

import asyncio
from collections.abc import Callable

from outbound_sms.carriers.smpp.commands import Command
from outbound_sms.carriers.smpp.pdu import Pdu, encode_pdu

_LAST_SEQUENCE = 0x7FFFFFFF


class OwnRequests:
    """Asks and waits for the answer; gives out the sequence numbers of a session."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._sequence = 0
        self._open: dict[int, asyncio.Future[Pdu]] = {}
        self._ended = False

    def next_sequence(self) -> int:
        """A sequence number that is not in use: 1 to 2,147,483,647 (SMPP 3.4, 5.1.4)."""
        self._sequence = self._sequence % _LAST_SEQUENCE + 1
        return self._sequence

    async def ask(self, command: Command, body: bytes, seconds: float) -> Pdu | None:
        """The answer to a request; None when none comes within `seconds` or before the end."""
        if self._ended:
            return None
        sequence = self.next_sequence()
        answer: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._open[sequence] = answer
        self._write(encode_pdu(command, sequence, body))
        await asyncio.wait({answer}, timeout=seconds)
        self._open.pop(sequence, None)
        return answer.result() if answer.done() and not answer.cancelled() else None

    def answered(self, pdu: Pdu) -> bool:
        """Passes an answer on. False when nobody has asked."""
        answer = self._open.pop(pdu.sequence, None)
        if answer is not None and not answer.done():
            answer.set_result(pdu)
        return answer is not None

    def end(self) -> None:
        """No answer comes any more."""
        self._ended = True
        for answer in self._open.values():
            answer.cancel()
