"""Fires the events of a file or pipe through one stream, and keeps answers and lines together."""

from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from outbound_sms.cli.event_lines import EventLine, read_events
from outbound_sms.cli.progress import say_interrupted
from outboundsms import Client
from outboundsms.v1 import error_reason_pb2, triggers_pb2

Answered = Callable[[EventLine, triggers_pb2.FireAnswer], None]
"""Hears of a line and what it came to."""

INVALID_ARGUMENT = 3


async def fire_events(client: Client, file: Path, answered: Answered) -> None:
    """Fires the events of a file; `answered` hears of each line, in order.

    Lines that are no events are refused without asking the server. Raises EventsUnreadable and
    OSError when the file cannot be read on, and OutboundSmsError for what does not pass; what came
    before is fired and was told then.
    """
    lines = _Lines(file, answered)
    async with (
        aclosing(lines.events()) as events,
        aclosing(client.fire_all(events, on_interruption=say_interrupted)) as fired,
    ):
        async for each in fired:
            lines.answer(each.answer)


class _Lines:
    """The lines that were read and not yet answered."""

    def __init__(self, file: Path, answered: Answered) -> None:
        self._file = file
        self._answered = answered
        self._waiting: deque[EventLine] = deque()

    async def events(self) -> AsyncGenerator[triggers_pb2.TriggerEvent, None]:
        """What can be fired."""
        async with aclosing(read_events(self._file)) as lines:
            async for line in lines:
                self._waiting.append(line)
                if line.event is not None:
                    yield line.event
                else:
                    self._refuse_first()

    def answer(self, answer: triggers_pb2.FireAnswer) -> None:
        """The answer to the first event that waits."""
        self._answered(self._waiting.popleft(), answer)
        self._refuse_first()

    def _refuse_first(self) -> None:
        """Lines without an event have their turn between the events around them."""
        while self._waiting and self._waiting[0].event is None:
            line = self._waiting.popleft()
            error = triggers_pb2.FireError(
                code=INVALID_ARGUMENT,
                reason=error_reason_pb2.ERROR_REASON_INVALID_REQUEST,
                text=line.problem,
            )
            self._answered(line, triggers_pb2.FireAnswer(error=error))
