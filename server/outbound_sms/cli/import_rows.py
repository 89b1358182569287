"""Sends rows to Directory.Import in parts; after an interruption goes on behind the last answer."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import islice

import grpc.aio

from outbound_sms.cli.csv_rows import CsvRefused, CsvRow
from outboundsms import Client, OutboundSmsError
from outboundsms.interruption import Backoff, OnInterruption
from outboundsms.v1 import directory_pb2

ROWS_IN_A_PART = 500
# Enough that the server never waits for the next part while an answer travels.
PARTS_UNDER_WAY = 4


@dataclass(slots=True)
class ImportResult:
    """What an import has done so far."""

    accepted: int = 0
    accounts_created: int = 0
    accounts_changed: int = 0
    contacts_created: int = 0
    contacts_changed: int = 0
    phone_numbers_created: int = 0
    phone_numbers_changed: int = 0
    refused: list[directory_pb2.RefusedRow] = field(default_factory=list)

    @property
    def refused_rows(self) -> int:
        """How many rows were refused; one may have been for several reasons."""
        return len({row.line for row in self.refused})

    def add(self, answer: directory_pb2.ImportResponse) -> None:
        """Adds what one part did."""
        self.accepted += answer.accepted
        self.accounts_created += answer.accounts_created
        self.accounts_changed += answer.accounts_changed
        self.contacts_created += answer.contacts_created
        self.contacts_changed += answer.contacts_changed
        self.phone_numbers_created += answer.phone_numbers_created
        self.phone_numbers_changed += answer.phone_numbers_changed
        self.refused.extend(answer.refused)


@dataclass(frozen=True, slots=True)
class AnsweredPart:
    """One part that the server has stored: its last line in the file, and what came of it."""

    last_line: int
    answer: directory_pb2.ImportResponse


async def import_rows(
    client: Client, rows: Iterator[CsvRow], on_interruption: OnInterruption | None = None
) -> AsyncIterator[AnsweredPart]:
    """Sends all rows; yields each part as it is answered, in order.

    When the connection breaks, parts without an answer are sent again: importing a row twice
    changes nothing. Raises OutboundSmsError for what does not pass, and CsvRefused for a file that
    is no CSV halfway; what came before is stored then.
    """
    unanswered: deque[directory_pb2.ImportRequest] = deque()
    parts = _parts(rows)
    backoff = Backoff(on_interruption)
    while True:
        sender = _Sender(parts, deque(unanswered), unanswered)
        call = client.directory.Import(sender.requests())
        try:
            async for answer in call:
                part = unanswered.popleft()
                sender.answered()
                backoff.reset()
                yield AnsweredPart(part.rows[-1].line, answer)
            if sender.failure is not None:
                raise sender.failure
            if sender.finished and not unanswered:
                return
            error = OutboundSmsError(grpc.StatusCode.UNAVAILABLE, details="the stream ended early")
        except grpc.aio.AioRpcError as failure:
            error = OutboundSmsError.of(failure)
        finally:
            call.cancel()
        await backoff.wait_after(error)


class _Sender:
    """The requests of one stream: first what had no answer, then new parts of the file."""

    def __init__(
        self,
        parts: Iterator[directory_pb2.ImportRequest],
        again: deque[directory_pb2.ImportRequest],
        unanswered: deque[directory_pb2.ImportRequest],
    ) -> None:
        self._parts = parts
        self._again = again
        self._unanswered = unanswered
        self._room = asyncio.Semaphore(PARTS_UNDER_WAY)
        self.finished = False
        self.failure: CsvRefused | None = None

    def answered(self) -> None:
        """One more may be sent."""
        self._room.release()

    async def requests(self) -> AsyncIterator[directory_pb2.ImportRequest]:
        """Never has more than a few parts under way, so that little is sent again."""
        for part in self._again:
            await self._room.acquire()
            yield part
        while True:
            await self._room.acquire()
            try:
                new = next(self._parts, None)
            except CsvRefused as error:
                # Not CSV from here on. gRPC would hide the error, and what was sent has yet to be
                # answered, so the stream ends as usual.
                self.failure = error
                return
            if new is None:
                self.finished = True
                return
            self._unanswered.append(new)
            yield new


def _parts(rows: Iterator[CsvRow]) -> Iterator[directory_pb2.ImportRequest]:
    while chunk := list(islice(rows, ROWS_IN_A_PART)):
        yield directory_pb2.ImportRequest(
            rows=[directory_pb2.ImportRow(line=row.line, values=row.values) for row in chunk]
        )
