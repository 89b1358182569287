"""Firing a file of events: lines and answers stay together, also over a break."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from outbound_sms.cli.event_lines import EventLine, EventsUnreadable
from outbound_sms.cli.fire_events import fire_events
from outbound_sms.cli.fire_summary import FireSummary
from outboundsms import OutboundSmsError, connect
from outboundsms import interruption as interruptions
from outboundsms.v1 import triggers_pb2
from tests.clients.scripted import Fire, ScriptedTriggers, fail, scripted_server

Answers = list[tuple[int, str, str]]


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruptions, "FIRST_DELAY", 0.01)


def answering(most: int | None = None, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> Fire:
    """A script: answers so many requests with the event's key, all by default, then breaks."""

    async def script(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        left = most
        async for request in requests:
            if left == 0:
                await fail(context, code, "DRAINING")
            left = left - 1 if left is not None else None
            response = triggers_pb2.FireTriggersResponse()
            for event in request.events:
                answer = response.answers.add()
                if event.event_key.endswith("13"):
                    answer.error.text = f"refused {event.event_key}"
                    continue
                answer.result.outcome = triggers_pb2.FIRE_OUTCOME_FIRED
                answer.result.triggered_messages.add(message_ids=[event.event_key])
            yield response

    return script


async def fire(file: Path, *scripts: Fire) -> tuple[Answers, FireSummary]:
    """Line, event key and text or error of each answer, in the order in which they came."""
    found: Answers = []
    summary = FireSummary()

    def answered(line: EventLine, answer: triggers_pb2.FireAnswer) -> None:
        summary.add(line, answer)
        key = line.event.event_key if line.event is not None else ""
        texts = [each for one in answer.result.triggered_messages for each in one.message_ids]
        found.append((line.number, key, answer.error.text or "".join(texts)))

    async with (
        scripted_server(triggers=ScriptedTriggers(*scripts)) as address,
        connect(address, "key") as client,
    ):
        await fire_events(client, file, answered)
    return found, summary


def write(file: Path, count: int) -> None:
    """Events, every 50th line nonsense."""
    with file.open("w") as out:
        for number in range(1, count + 1):
            event = {"trigger_type": "X", "account_number": "A", "event_key": f"k{number}"}
            out.write("nonsense\n" if number % 50 == 0 else json.dumps(event) + "\n")


def expected(number: int) -> tuple[int, str, str]:
    key = f"k{number}"
    return number, key, f"refused {key}" if key.endswith("13") else key


async def test_each_line_has_its_own_answer_in_order_over_breaks(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    write(file, 1_000)
    found, summary = await fire(file, answering(2), answering(1), answering())
    assert [line for line, _, _ in found] == list(range(1, 1_001))
    for line, key, told in found:
        if line % 50 == 0:
            assert (key, told.startswith("is not JSON")) == ("", True)
        else:
            assert (line, key, told) == expected(line)
    refused = 20 + sum(1 for line in range(1, 1_001) if f"k{line}".endswith("13"))
    assert (summary.refused, summary.texted) == (refused, 1_000 - refused)
    assert summary.texts == 1_000 - refused
    assert summary.line == 1_000


async def test_a_file_of_nonsense_asks_the_server_nothing(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("nonsense\n" * 300)
    found, summary = await fire(file, answering(0))
    assert len(found) == summary.refused == 300
    assert len(summary.refusals) < 300


async def test_what_came_before_a_failure_was_told(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    write(file, 49)
    with file.open("ab") as out:
        out.write(b" " * (2 << 20))
    told: list[int] = []
    async with (
        scripted_server(triggers=ScriptedTriggers(answering())) as address,
        connect(address, "key") as client,
    ):
        with pytest.raises(EventsUnreadable):
            await fire_events(client, file, lambda line, _: told.append(line.number))
    assert told == list(range(1, 50))


async def test_what_does_not_pass_ends_it(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    write(file, 1_000)
    with pytest.raises(OutboundSmsError) as failure:
        await fire(file, answering(1, grpc.StatusCode.UNAUTHENTICATED))
    assert failure.value.code() == grpc.StatusCode.UNAUTHENTICATED
