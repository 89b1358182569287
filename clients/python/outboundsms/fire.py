"""Firing triggers: one event, or a stream of them that survives its connection."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from outboundsms.errors import OutboundSmsError
from outboundsms.interruption import Backoff, OnInterruption
from outboundsms.read_ahead import ReadAhead
from outboundsms.v1 import triggers_pb2

if TYPE_CHECKING:
    from outboundsms.v1.triggers_pb2_grpc import TriggersAsyncStub

EVENTS_IN_A_REQUEST = 100
# The server takes 4 MiB in a request.
BYTES_IN_A_REQUEST = 1 << 20
# Enough that the server always has one to commit while answers travel.
REQUESTS_UNDER_WAY = 8
UNAVAILABLE = int(grpc.StatusCode.UNAVAILABLE.value[0])

Events = AsyncIterable[triggers_pb2.TriggerEvent] | Iterable[triggers_pb2.TriggerEvent]


@dataclass(frozen=True, slots=True)
class AnsweredEvent:
    """An event, and what it came to: `answer.result`, or `answer.error` when it was refused."""

    event: triggers_pb2.TriggerEvent
    answer: triggers_pb2.FireAnswer

    @property
    def refused(self) -> bool:
        """Whether the event could not be fired."""
        return self.answer.HasField("error")


def trigger_event(
    trigger_type: str,
    event_key: str,
    *,
    account_number: str = "",
    account_id: str = "",
    count: int | None = None,
    job_type: str = "",
    variables: Mapping[str, str] | None = None,
    expire_time: datetime | None = None,
) -> triggers_pb2.TriggerEvent:
    """An event of the contract. One of `account_number` and `account_id` says whose it is.

    `event_key` is what makes it one of a kind, for example an invoice id: a triggered message makes
    texts for it once in 90 days. `expire_time` is aware; raises ValueError when it is not.
    """
    event = triggers_pb2.TriggerEvent(
        trigger_type=trigger_type,
        event_key=event_key,
        count=count,
        job_type=job_type,
        variables=variables,
    )
    if account_number:
        event.account_number = account_number
    if account_id:
        event.account_id = account_id
    if expire_time is not None:
        if expire_time.tzinfo is None:
            raise ValueError("expire_time has no time zone; use an aware datetime")
        event.expire_time.FromDatetime(expire_time)
    return event


async def fire_all(
    triggers: "TriggersAsyncStub",
    events: Events,
    *,
    on_interruption: OnInterruption | None = None,
) -> AsyncGenerator[AnsweredEvent, None]:
    """Fires every event; yields each with its answer, in order.

    Events go out as they come, up to 100 in a request, and a bounded number of them is under way:
    `events` is read no faster than the server answers. When the server restarts or the connection
    breaks, the stream is opened again and what was not answered is fired again, which is safe: an
    event whose answer was lost is ALREADY_FIRED then, with the same texts. Raises OutboundSmsError
    for what does not pass, for example a revoked key, and what `events` raises, once every event
    before it is answered. Read ahead as it is, `events` is of no use afterwards; it is not closed.
    """
    reader = ReadAhead(events, 2 * EVENTS_IN_A_REQUEST)
    unanswered: deque[triggers_pb2.FireTriggersRequest] = deque()
    backoff = Backoff(on_interruption)
    try:
        while await _is_something_left(reader, unanswered):
            stream = _Stream(reader, unanswered)
            call = triggers.FireTriggers(stream.requests())
            try:
                async for response in call:
                    for answered in stream.answer(response):
                        backoff.reset()
                        yield answered
                    stream.go_on()
                if not unanswered and reader.is_over:
                    break
                error = OutboundSmsError(
                    grpc.StatusCode.UNAVAILABLE, details="the stream ended early"
                )
            except grpc.aio.AioRpcError as failure:
                error = OutboundSmsError.of(failure)
            finally:
                stream.stop()
                call.cancel()
            await backoff.wait_after(error)
        if reader.failure is not None:
            raise reader.failure
    finally:
        await reader.close()


async def _is_something_left(
    reader: ReadAhead[triggers_pb2.TriggerEvent],
    unanswered: deque[triggers_pb2.FireTriggersRequest],
) -> bool:
    """Waits for an event where all are answered: an idle stream would break for nothing."""
    if not unanswered:
        await reader.wait()
    return bool(unanswered) or not reader.is_over


class _Stream:
    """One stream: first what had no answer on the last one, then new events."""

    def __init__(
        self,
        reader: ReadAhead[triggers_pb2.TriggerEvent],
        unanswered: deque[triggers_pb2.FireTriggersRequest],
    ) -> None:
        self._reader = reader
        self._again = list(unanswered)
        self._unanswered = unanswered
        self._room = asyncio.Semaphore(REQUESTS_UNDER_WAY)
        self._stopped = False
        self._failure: OutboundSmsError | None = None

    async def requests(self) -> AsyncIterator[triggers_pb2.FireTriggersRequest]:
        """Never has more than a few requests under way, so that little is fired again."""
        for request in self._again:
            await self._room.acquire()
            yield request
        while True:
            await self._room.acquire()
            await self._reader.wait()
            # gRPC leaves this generator waiting when the stream has ended: what comes now belongs
            # to the next stream.
            if self._stopped:
                return
            events = self._reader.take(EVENTS_IN_A_REQUEST, BYTES_IN_A_REQUEST)
            if not events:
                return
            new = triggers_pb2.FireTriggersRequest(events=events)
            self._unanswered.append(new)
            yield new

    def answer(self, response: triggers_pb2.FireTriggersResponse) -> list[AnsweredEvent]:
        """The events of the oldest request, up to one for which the server was unavailable.

        Those that are left are to be fired again, on another stream.
        """
        if not self._unanswered or len(response.answers) != len(self._unanswered[0].events):
            raise OutboundSmsError(
                grpc.StatusCode.DATA_LOSS, details="The answer does not fit the events."
            )
        events, answers = self._unanswered.popleft().events, response.answers
        unavailable = (place for place, each in enumerate(answers) if _is_unavailable(each))
        end = next(unavailable, len(events))
        if end < len(events):
            left = triggers_pb2.FireTriggersRequest(events=events[end:])
            self._unanswered.appendleft(left)
            self._failure = OutboundSmsError(
                grpc.StatusCode.UNAVAILABLE, details=answers[end].error.text
            )
        return [
            AnsweredEvent(event, answer)
            for event, answer in zip(events[:end], answers[:end], strict=True)
        ]

    def go_on(self) -> None:
        """One more request may be sent. Raises the error when the server was unavailable."""
        if self._failure is not None:
            raise self._failure
        self._room.release()

    def stop(self) -> None:
        """The stream has ended."""
        self._stopped = True
        self._room.release()


def _is_unavailable(answer: triggers_pb2.FireAnswer) -> bool:
    return answer.HasField("error") and answer.error.code == UNAVAILABLE
