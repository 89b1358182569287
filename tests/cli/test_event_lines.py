"""Events as files and pipes have them."""

import asyncio
import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from outbound_sms.cli.event_lines import (
    LONGEST_LINE,
    EventLine,
    EventsUnreadable,
    as_refused,
    count_lines,
    read_event,
    read_events,
)
from outbound_sms.cli.trigger_fire import fire
from outbound_sms.domain.trigger_type import TRIGGER_TYPES
from outbound_sms.domain.trigger_values import read_values
from outboundsms.v1 import error_reason_pb2, triggers_pb2

LINE = (
    b'{"trigger_type": "PAYMENT_FAILURE", "account_number": "A-1", "event_key": "k", '
    b'"count": 3, "variables": {"AMOUNT": 45.10, "CARD": 1234, "NOTE": "None"}, '
    b'"expire_time": "2026-12-01T22:00:00-05:00"}'
)


async def read(file: Path) -> list[EventLine]:
    return [line async for line in read_events(file)]


def test_a_line_is_an_event_and_numbers_keep_their_digits() -> None:
    event = read_event(1, LINE).event
    assert event is not None
    assert (event.trigger_type, event.account_number, event.count) == ("PAYMENT_FAILURE", "A-1", 3)
    assert dict(event.variables) == {"AMOUNT": "45.10", "CARD": "1234", "NOTE": "None"}
    assert event.expire_time.ToJsonString() == "2026-12-02T03:00:00Z"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"{", "is not JSON"),
        (b"trigger_type,account_number", "is not JSON"),
        (b"[1]", "is not a JSON object; write an event a line"),
        (b"3", "is not a JSON object"),
        (b"\xff\xfe{}", "is not UTF-8"),
        (b'{"trigger": "PAYMENT_FAILURE"}', "is not an event"),
        (b'{"count": "many"}', "is not an event"),
        (b'{"variables": {"AMOUNT": true}}', "is not an event"),
        (b'{"variables": {"AMOUNT": {"value": 1}}}', "is not an event"),
        (b'{"expire_time": "tomorrow"}', "is not an event"),
        (b'{"account_id": "a", "account_number": "b"}', "is not an event"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_event_says_why(raw: bytes, problem: str) -> None:
    line = read_event(7, raw)
    assert line.event is None
    assert line.problem.startswith(problem)


def test_the_example_of_the_help_is_an_event_of_the_catalogue() -> None:
    shown = CliRunner().invoke(fire, ["--help"]).output
    [example] = re.findall(r"{.*?}\s*}", shown, re.DOTALL)
    event = read_event(1, example.replace("\n", " ").encode()).event
    assert event is not None
    trigger = TRIGGER_TYPES[event.trigger_type]
    assert read_values(trigger, event.variables)[1] == []


def test_a_refused_event_can_be_corrected_and_read_again() -> None:
    line = read_event(4, LINE)
    error = triggers_pb2.FireError(
        code=3,
        reason=error_reason_pb2.ERROR_REASON_INVALID_REQUEST,
        text="It is wrong.",
        violations=[triggers_pb2.FireViolation(field="count", description="is missing")],
    )
    refused = as_refused(line, error)
    assert refused["refused"] == {
        "line": 4,
        "reason": "INVALID_REQUEST",
        "text": "It is wrong.",
        "violations": {"count": "is missing"},
    }
    assert read_event(1, json.dumps(refused).encode()).event == line.event


def test_a_refused_line_without_an_event_is_kept_as_it_was() -> None:
    refused = as_refused(read_event(1, b"{nonsense"), triggers_pb2.FireError(text="is not JSON"))
    assert refused["unreadable"] == "{nonsense"


async def test_a_file_may_have_a_mark_at_its_start_and_empty_lines(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + LINE + b"\r\n\n  \n" + LINE)
    found = await read(file)
    assert [(line.number, line.problem) for line in found] == [(1, ""), (4, "")]
    assert count_lines(file) == 4


async def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(LINE + b"\n" + b" " * (LONGEST_LINE + 1))
    with pytest.raises(EventsUnreadable, match="Line 2"):
        await read(file)


async def test_events_of_a_pipe_come_before_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert count_lines(pipe) is None
    writer = os.open(pipe, os.O_RDWR)
    lines = read_events(pipe)
    try:
        async with asyncio.timeout(5):
            for number in (1, 2):
                os.write(writer, LINE + b"\n")
                assert (await anext(lines)).number == number
            os.write(writer, LINE)
            last = asyncio.ensure_future(anext(lines))
            await asyncio.sleep(0)
            os.close(writer)
            assert (await last).number == 3
            with pytest.raises(StopAsyncIteration):
                await anext(lines)
    finally:
        await lines.aclose()
