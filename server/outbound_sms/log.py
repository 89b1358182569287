"""One JSON object a line on stderr, for our own code and for the libraries.

Phone numbers are masked wherever they turn up, and neither bodies nor SQL values are ever written:
the texts of database errors hold both, so they are told by their code, constraint and table, and
other errors that are not ours by their kind and place.
"""

import json
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

import asyncpg
import structlog

from outbound_sms.domain.phone import mask_numbers

_LONGEST_TEXT = 2_000
_OURS = __name__.partition(".")[0]
_call_id: ContextVar[str] = ContextVar("call_id", default="")
_access: TextIO | None = None

Event = MutableMapping[str, Any]


def set_call_id(call_id: str) -> None:
    """Gives every line that this task logs from now on the id of its RPC."""
    _call_id.set(call_id)


def write_access(call_id: str, method: str, code: str, seconds: float, rest: str = "") -> None:
    """Writes the line of an RPC that has ended; `rest` is more of it in JSON, with a comma before.

    Composed by hand: the line of every call would otherwise cost as much as the rest of the edge.
    None of its values comes from the caller, so there is nothing to mask or to escape.
    """
    if _access is not None:
        moment = datetime.now(UTC).isoformat()
        _access.write(
            f'{{"event":"rpc","method":"{method}","code":"{code}","ms":{seconds * 1000:.2f},'
            f'"call_id":"{call_id}"{rest},"level":"info","timestamp":"{moment}"}}\n'
        )


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sets up structlog and the standard library's logging. Levels are logging's names."""
    global _access
    target = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    _access = target if number <= logging.INFO else None
    shared: list[structlog.typing.Processor] = [
        _add_call_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        describe_exception,
        mask_values,
    ]
    render = structlog.processors.JSONRenderer(serializer=_to_json)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _first_line_of_asyncio, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            keep_exc_info=False,
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def turn_off() -> None:
    """Takes back what `configure` did to the access log and to the standard library's logging."""
    global _access
    _access = None
    logging.basicConfig(force=True)


def describe_exception(_logger: object, _method: str, event: Event) -> Event:
    """Replaces exc_info by the kind of the exception, what may be told of it, and its place."""
    error = _exception_in(event.pop("exc_info", None))
    if error is not None:
        event["exception"] = type(error).__qualname__
        event.update(_safe_details(error))
        event["at"] = _frames(error.__traceback__)
    return event


def mask_values(_logger: object, _method: str, event: Event) -> Event:
    """Masks phone numbers in every text of the event, nested ones included."""
    for key, value in event.items():
        event[key] = _masked(value)
    return event


def _first_line_of_asyncio(_logger: object, _method: str, event: Event) -> Event:
    """The event loop writes below its complaint what failed, with the text of the exception.

    What may be told of that, `describe_exception` tells.
    """
    if event["logger"] == "asyncio":
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _add_call_id(_logger: object, _method: str, event: Event) -> Event:
    call_id = _call_id.get()
    if call_id:
        event.setdefault("call_id", call_id)
    return event


def _exception_in(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        error = exc_info[1]
        return error if isinstance(error, BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def _safe_details(error: BaseException) -> dict[str, str]:
    if isinstance(error, asyncpg.PostgresError):
        parts = {
            "sqlstate": error.sqlstate,
            "constraint": error.constraint_name,
            "table": error.table_name,
            "column": error.column_name,
        }
        return {key: str(value) for key, value in parts.items() if value}
    # Others quote the value that they complain about, or what was received: a key, a header.
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] == _OURS:
        return {"message": str(error)[:_LONGEST_TEXT]}
    return {}


def _frames(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-20:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _masked(value: object) -> object:
    if isinstance(value, str):
        return mask_numbers(value)
    if isinstance(value, Mapping):
        return {key: _masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_numbers(str(value))


def _to_json(event: Event, **_: object) -> str:
    return json.dumps(event, ensure_ascii=False, default=str)
