"""Events as files and pipes have them: a JSON object a line, in the form of the contract."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from google.protobuf import json_format

from outboundsms.v1 import error_reason_pb2, triggers_pb2

LONGEST_LINE = 1 << 20
REFUSED = "refused"
"""Key under which a refused event keeps why; left out when the event is read again."""

STANDARD_INPUT = Path("-")


class EventsUnreadable(Exception):
    """The events cannot be read on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """A line: its number from 1, what it has, and the event, or why it is none.

    `given` is None where the line is no JSON object; `text` is the line then.
    """

    number: int
    given: dict[str, Any] | None
    event: triggers_pb2.TriggerEvent | None
    problem: str = ""
    text: str = ""


async def read_events(file: Path) -> AsyncGenerator[EventLine, None]:
    """The lines of a file, or of standard input for `-`, as they come; empty ones are left out.

    Raises EventsUnreadable, and OSError. The file is open until the generator is closed.
    """
    number = 0
    async with aclosing(_lines(file)) as lines:
        async for raw in lines:
            number += 1
            if len(raw) > LONGEST_LINE:
                raise EventsUnreadable(f"Line {number} is longer than 1 MiB; an event is not.")
            if raw.strip():
                yield read_event(number, raw)


def read_event(number: int, raw: bytes) -> EventLine:
    """The event of a line. Numbers may stand for the text of variables: 45.10 means `45.10`."""
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError:
        shown = raw.decode("latin-1").strip()
        return EventLine(number, None, None, "is not UTF-8", shown)
    try:
        given = json.loads(text, parse_float=str)
    except (ValueError, RecursionError) as error:
        return EventLine(number, None, None, f"is not JSON: {error}", text)
    if not isinstance(given, dict):
        return EventLine(number, None, None, "is not a JSON object; write an event a line", text)
    given.pop(REFUSED, None)
    variables = given.get("variables")
    if isinstance(variables, dict):
        given["variables"] = {name: _value(value) for name, value in variables.items()}
    try:
        event = json_format.ParseDict(given, triggers_pb2.TriggerEvent())
    except json_format.ParseError as error:
        return EventLine(number, given, None, f"is not an event: {error}", text)
    return EventLine(number, given, event)


def as_refused(line: EventLine, error: triggers_pb2.FireError) -> dict[str, Any]:
    """The event with why it was refused: corrected, it can be fired as it is."""
    why = {
        "line": line.number,
        "reason": reason_name(error.reason),
        "text": error.text,
        "violations": {each.field: each.description for each in error.violations},
    }
    given = line.given if line.given is not None else {"unreadable": line.text}
    return {**given, REFUSED: why}


def reason_name(reason: int) -> str:
    """The reason as the client's errors have it, for example `ACCOUNT_NOT_FOUND`."""
    value = error_reason_pb2.ErrorReason.ValueType(reason)
    return error_reason_pb2.ErrorReason.Name(value).removeprefix("ERROR_REASON_")


def count_lines(file: Path) -> int | None:
    """How many lines a file has; None for a pipe, which tells at its end."""
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        return sum(1 for _ in opened)


def _value(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


async def _lines(file: Path) -> AsyncGenerator[bytes, None]:
    opened: BinaryIO = sys.stdin.buffer if file == STANDARD_INPUT else file.open("rb")
    with opened:
        kind = os.fstat(opened.fileno()).st_mode
        if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
            async with aclosing(_piped(opened)) as lines:
                async for line in lines:
                    yield line
        else:
            for line in opened:
                yield line


async def _piped(opened: BinaryIO) -> AsyncGenerator[bytes, None]:
    """Lines as they come, read without a thread, since nothing could interrupt that."""
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), opened
    )
    try:
        while line := await reader.readline():
            yield line
    except ValueError:
        raise EventsUnreadable("A line is longer than 1 MiB; write an event a line.") from None
    finally:
        transport.close()
