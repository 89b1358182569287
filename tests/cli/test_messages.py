"""Sent messages in a terminal, of a real server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from outbound_sms.cli.message_show import HOLDS, hold_of
from outbound_sms.store.pool import Pool
from outboundsms.v1 import delivery_pb2
from tests.e2e.processes import Ran, run_program
from tests.factories import make_triggered_message
from tests.services.quiet import set_quiet
from tests.services.running import make_tenant, run_server
from tests.services.sent import Outbox, make_outbox


@dataclass(frozen=True, slots=True)
class Terminal:
    """A wide terminal whose clock shows UTC, beside a server, and what that server has sent."""

    address: str
    key: str
    folder: Path
    outbox: Outbox

    async def messages(self, *arguments: str) -> Ran:
        """Runs `outbound-sms messages ARGUMENTS`, which must succeed."""
        ran = await run_program(
            *("messages", *arguments, "--target", self.address, "--api-key", self.key),
            folder=self.folder,
            environment={"COLUMNS": "240", "TZ": "UTC"},
        )
        assert ran.code == 0, ran
        return ran


@pytest.fixture
async def terminal(pool: Pool, tmp_path: Path) -> AsyncIterator[Terminal]:
    tenant = await make_tenant(pool)
    async with run_server(pool) as running:
        outbox = await make_outbox(pool, tenant.instance.id)
        yield Terminal(running.address, tenant.key, tmp_path, outbox)


def seconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


async def test_the_quiet_hours_stand_above_what_they_hold(terminal: Terminal, pool: Pool) -> None:
    ends = await set_quiet(pool, terminal.outbox.isp.instance_id)
    await terminal.outbox.add()
    held = await terminal.outbox.add_triggered()
    head, titles, triggered, mass = (await terminal.messages("list")).output.splitlines()
    assert head.startswith("Quiet hours ")
    assert f"to {ends:%H:%M}" in head
    assert f"in force: yes, until {ends:%Y-%m-%d %H:%M}" in head
    assert titles.split()[:2] == ["Created", "Recipient"]
    assert f"Pending, quiet hours until {seconds(ends)}" in triggered
    assert "Pending" in mass
    assert "quiet" not in mass
    first, second = (await terminal.messages("list", "--json")).json_lines()
    assert first["hold"]["reason"] == "HOLD_REASON_QUIET_HOURS"
    assert datetime.fromisoformat(first["hold"]["release_time"]) == ends
    assert "hold" not in second
    shown = (await terminal.messages("show", str(held))).output
    assert f"Pending, quiet hours until {seconds(ends)}" in shown
    assert "Quiet hours until " in shown
    assert "recipient in UTC, told by the instance's time zone" in shown
    as_json = (await terminal.messages("show", str(held), "--json")).json()
    assert as_json["message"]["hold"] == first["hold"]


async def test_messages_of_one_triggered_message_are_found_by_its_name(
    terminal: Terminal, pool: Pool
) -> None:
    outbox = terminal.outbox
    due = await make_triggered_message(
        pool, outbox.isp, "INVOICE_DUE_IN_X_DAYS", name="Due", count=3
    )
    await outbox.add()
    of_due = await outbox.add_triggered(triggered_message_id=due)
    await outbox.add_triggered()
    for wanted in ("Due", str(due)):
        found = await terminal.messages("list", "--triggered-message", wanted, "--json")
        assert [each["message_id"] for each in found.json_lines()] == [str(of_due)]
        assert found.json_lines()[0]["triggered_message_id"] == str(due)


async def test_without_quiet_hours_nothing_stands_above_the_list(terminal: Terminal) -> None:
    await terminal.outbox.add()
    output = (await terminal.messages("list")).output
    assert output.startswith("Created")


async def test_the_answer_to_a_keyword_goes_to_a_number_where_nobody_is_on_record(
    terminal: Terminal,
) -> None:
    reply = await terminal.outbox.add_reply(phone="+12125550199")
    _, row = (await terminal.messages("list")).output.splitlines()
    assert row.split()[2:4] == ["+12125550199", "Pending"]
    shown = (await terminal.messages("show", str(reply))).output
    facts = [line.rstrip().split(maxsplit=1) for line in shown.splitlines()]
    assert ["To", "+12125550199"] in facts
    assert ["Of", "nobody on record"] in facts


def test_every_reason_has_its_words_and_a_new_one_says_its_own() -> None:
    reasons = set(delivery_pb2.HoldReason.values()) - {delivery_pb2.HOLD_REASON_UNSPECIFIED}
    assert set(HOLDS) == reasons
    hold = delivery_pb2.Hold(text="The carrier is asleep.")
    hold.release_time.FromDatetime(datetime(2026, 3, 8, 12, tzinfo=UTC))
    hold.reason = 99  # type: ignore[assignment]
    assert hold_of(delivery_pb2.Message(hold=hold)) == "The carrier is asleep."
    assert hold_of(delivery_pb2.Message()) == ""
