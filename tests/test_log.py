"""What the log says, and what it never says."""

import asyncio
import contextvars
import gc
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import structlog

from outbound_sms import log
from outbound_sms.domain.errors import NotFound, Reason
from outbound_sms.store.pool import Pool

NUMBER = "+12125550101"
BODY = "Dear subscriber, your service is out"


@pytest.fixture
def target() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure("INFO", stream)
    yield stream
    structlog.reset_defaults()
    log.turn_off()


def lines(target: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in target.getvalue().splitlines()]


def test_a_line_is_one_object_with_a_time_and_a_level(target: io.StringIO) -> None:
    structlog.get_logger("part").info("started", port=50051, quiet=True)
    structlog.get_logger("part").debug("detail")
    (line,) = lines(target)
    assert (line["event"], line["port"], line["quiet"], line["level"]) == (
        "started",
        50051,
        True,
        "info",
    )
    assert line["timestamp"].endswith("Z")


def test_numbers_are_masked_wherever_they_are(target: io.StringIO) -> None:
    nested = {"to": [NUMBER, {"from": NUMBER}], "count": 12125550101}
    structlog.get_logger().warning(f"sent to {NUMBER}", detail=nested, error=ValueError(NUMBER))
    logging.getLogger("library").warning("could not call %s", NUMBER)
    assert "5550101" not in target.getvalue().replace("12125550101", "", 1)
    first, second = lines(target)
    assert first["detail"]["to"] == ["+1212***0101", {"from": "+1212***0101"}]
    assert second["event"] == "could not call +1212***0101"
    assert second["logger"] == "library"


def test_of_errors_only_ours_and_the_systems_are_told_with_their_texts(target: io.StringIO) -> None:
    log_error = structlog.get_logger().error
    others = (
        KeyError(BODY),
        ValueError(BODY),
        RuntimeError(BODY),
        ExceptionGroup(BODY, [OSError()]),
    )
    for error in others:
        log_error("failed", exc_info=error)
    assert BODY not in target.getvalue()
    log_error("failed", exc_info=NotFound(Reason.CONTACT_NOT_FOUND, "There is no such contact."))
    log_error("failed", exc_info=ConnectionRefusedError("no server there"))
    assert [(line["exception"], line.get("message")) for line in lines(target)] == [
        ("KeyError", None),
        ("ValueError", None),
        ("RuntimeError", None),
        ("ExceptionGroup", None),
        ("NotFound", "There is no such contact."),
        ("ConnectionRefusedError", "no server there"),
    ]


async def test_the_event_loop_tells_nothing_of_what_a_task_failed_with(target: io.StringIO) -> None:
    async def fail() -> None:
        raise ValueError(BODY)

    failing = asyncio.create_task(fail())
    await asyncio.wait({failing})
    del failing
    gc.collect()
    (line,) = lines(target)
    assert line["event"] == "Task exception was never retrieved"
    assert line["exception"] == "ValueError"
    assert BODY not in target.getvalue()


async def test_the_errors_of_the_database_keep_their_values_to_themselves(
    target: io.StringIO, pool: Pool
) -> None:
    statements = (
        ("SELECT $1::int", (BODY,)),
        ("SELECT ($1::text)::int", (BODY,)),
        (
            "INSERT INTO suppression (e164, source) VALUES ($1, 1), ($1, 1)",
            (NUMBER,),
        ),
    )
    for statement, values in statements:
        try:
            await pool.execute(statement, *values)
        except (asyncpg.PostgresError, asyncpg.InterfaceError):
            structlog.get_logger().exception("failed")
            logging.getLogger("library").exception("failed")
    assert BODY not in target.getvalue()
    assert NUMBER not in target.getvalue()
    assert len(lines(target)) == 6
    last = lines(target)[-2]
    assert (last["exception"], last["constraint"]) == ("UniqueViolationError", "suppression_once")
    assert any("test_log.py" in frame for frame in last["at"])


def test_lines_of_a_call_carry_its_id(target: io.StringIO) -> None:
    def call() -> None:
        log.set_call_id("abc-1")
        structlog.get_logger().info("inside")

    contextvars.copy_context().run(call)
    structlog.get_logger().info("outside")
    inside, outside = lines(target)
    assert inside["call_id"] == "abc-1"
    assert "call_id" not in outside


def test_the_line_of_a_call_is_left_out_above_info(target: io.StringIO) -> None:
    log.write_access("a-1", "/a.B/C", "OK", 0.00123, ',"reason":"X"')
    (line,) = lines(target)
    assert (line["ms"], line["code"], line["reason"]) == (1.23, "OK", "X")
    quiet = io.StringIO()
    log.configure("WARNING", quiet)
    log.write_access("a-1", "/a.B/C", "OK", 0.001)
    assert quiet.getvalue() == ""
