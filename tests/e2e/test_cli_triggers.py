"""Triggered messages, quiet hours and settings, as a person uses them at a terminal."""

import asyncio
import json
import re
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.json_format import ParseDict

from outbound_sms.cli.demo.example import Example, set_up
from outbound_sms.cli.demo.quiet_window import quiet_around
from outbound_sms.cli.demo.step import DemoFailed
from outbound_sms.cli.demo.triggered import tell_triggered
from outboundsms import connect
from outboundsms.v1 import directory_pb2, triggers_pb2
from tests.e2e.local_server import LocalServer, add_funds, interrupt, start, write_example
from tests.e2e.processes import PROGRAM, clean_environment
from tests.waiting import wait_until

INVOICE = ("--count", "3", "--set", "AMOUNT_DUE=45.10", "--set", "DUE_DATE=2026-12-01")
FIRED, ALREADY_FIRED = "FIRE_OUTCOME_FIRED", "FIRE_OUTCOME_ALREADY_FIRED"
CLIENT_README = Path(__file__).parents[2] / "clients" / "python" / "README.md"
# Accounts of the example with one opted-in number, and with none.
TEXTED, UNTEXTED = "NW-10022", "NW-10005"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalServer]:
    """A running server with the example ISP and its first subscribers."""
    example = Example(write_example(tmp_path_factory.mktemp("example")))
    folder = tmp_path_factory.mktemp("run")
    local = await start(folder)
    found = json.loads((folder / ".data" / "server.json").read_text())
    async with connect(found["target"], found["api_key"]) as client:
        await set_up(client, example)
    imported = await local.program("import", str(example.subscribers), "--json")
    assert imported.code == 0, imported
    await add_funds(local)
    yield local
    await interrupt(local.process)


def event(key: str, account: str = TEXTED, **more: object) -> dict[str, Any]:
    return {
        "trigger_type": "INVOICE_DUE_IN_X_DAYS",
        "account_number": account,
        "event_key": key,
        "count": 3,
        "variables": {"AMOUNT_DUE": "45.10", "DUE_DATE": "2026-12-01"},
        **more,
    }


def write_events(file: Path, *events: object) -> None:
    file.write_text("".join(json.dumps(each) + "\n" for each in events))


def fire(key: str, account: str = TEXTED) -> tuple[str, ...]:
    return ("trigger", "fire", "invoice-due-in-x-days", "--account", account, "--event-key", key)


async def test_the_catalogue_says_what_an_event_carries(server: LocalServer) -> None:
    table = await server.program("trigger", "types")
    assert table.code == 0, table
    assert "INVOICE_DUE_IN_X_DAYS" in table.output
    assert "AMOUNT_DUE*" in table.output
    assert "no text" in table.output
    found = (await server.program("trigger", "types", "--json")).json_lines()
    assert len(found) == 25
    assert sum(each["supports_sms"] for each in found) == 19
    one = await server.program("trigger", "types", "job-scheduled")
    assert "job type" in one.output
    assert "English: " in one.output
    unknown = await server.program("trigger", "types", "INVOICE_DUE")
    assert unknown.code == 2
    assert "INVOICE_DUE_IN_X_DAYS" in unknown.errors


async def test_a_triggered_message_is_created_changed_and_deleted_by_name(
    server: LocalServer,
) -> None:
    made = await server.program(
        *("trigger", "create", "Payment failed", "--type", "payment-failure"),
        *("--signature", "Account notices", "--sending-number", "+12125550100"),
        *("--message-category", "Financial"),
    )
    assert made.code == 0, made
    assert "trigger update 'Payment failed' --enable" in made.output
    changed = await server.program(
        *("trigger", "update", "Payment failed", "--enable", "--allow-child-accounts"),
        *("--signature", "", "--name", "Payment declined", "--json"),
    )
    assert changed.code == 0, changed
    found = changed.json()
    assert (found["enabled"], found["allow_child_accounts"]) == (True, True)
    assert (found["name"], found["signature_id"]) == ("Payment declined", "")
    assert found["sending_number_id"]
    assert len(found["message_category_ids"]) == 1

    listed = await server.program("trigger", "list", "--type", "PAYMENT_FAILURE")
    assert "Payment declined" in listed.output
    shown = await server.program("trigger", "show", found["triggered_message_id"])
    assert "+12125550100" in shown.output
    assert "Financial" in shown.output

    unasked = await server.program("trigger", "delete", "Payment declined")
    assert (unasked.code, "--yes" in unasked.errors) == (2, True)
    deleted = await server.program("trigger", "delete", "Payment declined", "--yes", "--json")
    assert deleted.json() == {"triggered_message_id": found["triggered_message_id"]}
    gone = await server.program("trigger", "show", "Payment declined")
    assert gone.code == 2
    assert "Invoice due in 3 days" in gone.errors


async def test_an_event_is_fired_once_and_its_text_is_there(server: LocalServer) -> None:
    key = f"invoice-{uuid.uuid4()}"
    first = await server.program(*fire(key), *INVOICE, "--expires", "+2h")
    assert first.code == 0, first
    assert first.output.startswith("Fired: 1 text\n")
    assert "Invoice due in 3 days" in first.output
    again = await server.program(*fire(key), *INVOICE, "--json")
    assert again.code == 0
    assert again.json()["outcome"] == ALREADY_FIRED
    [message_id] = again.json()["triggered_messages"][0]["message_ids"]
    assert message_id in first.output
    shown = await server.program("messages", "show", message_id, "--json")
    assert shown.json()["message"]["kind"] == "MESSAGE_KIND_TRIGGERED"
    assert "$45.10" in shown.json()["body"]["text"]


async def test_an_event_that_texts_nobody_says_why_and_ends_with_another_code(
    server: LocalServer,
) -> None:
    nobody = await server.program(*fire("k-nobody", UNTEXTED), *INVOICE)
    assert nobody.code == 3, nobody
    assert "Nothing was made: nobody opted in" in nobody.output
    assert "fire again with the same key" in nobody.output
    other = ("--count", "5", *INVOICE[2:])
    differs = await server.program(*fire("k-differs"), *other)
    assert differs.code == 3
    assert "trigger show 'Invoice due in 3 days'" in differs.output
    none = await server.program(
        *("trigger", "fire", "PAYMENT_SUCCESS", "--account", TEXTED, "--event-key", "k-none"),
        *("--set", "AMOUNT_PAID=1", "--json"),
    )
    assert none.code == 3, none
    assert none.json()["outcome"] == "FIRE_OUTCOME_NO_TRIGGERED_MESSAGE"


async def test_a_key_that_may_only_fire_is_told_what_came_of_it(server: LocalServer) -> None:
    permissions = ("--permission", "CREATE_SMS_MESSAGE", "--permission", "READ_SMS_MESSAGE")
    role = await server.program("admin", "roles", "create", "Billing", *permissions)
    assert role.code == 0, role
    made = await server.program("admin", "keys", "create", "billing", "--role", "Billing", "--json")
    assert made.code == 0, made
    key = ("--api-key", made.json()["secret"])
    listed = await server.program("trigger", "list", *key)
    assert "READ_TRIGGERED_SMS_MESSAGE" in listed.errors
    fired = await server.program(*fire("k-billing"), *INVOICE, "--expires", "+2h", *key)
    assert fired.code == 0, fired
    assert fired.output.startswith("Fired: 1 text\n")
    file = server.folder / "billing.jsonl"
    write_events(file, event("k-nobody-yet", UNTEXTED))
    nobody = await server.program("trigger", "fire", "--file", str(file), *key)
    assert nobody.code == 3, nobody
    assert "opted-in number" in nobody.output


async def test_a_file_of_events_is_fired_and_the_refused_ones_are_corrected(
    server: LocalServer,
) -> None:
    run = str(uuid.uuid4())
    good = [event(f"{run}-{number}") for number in range(120)]
    unnamed = event(f"{run}-wrong", variables={"AMOUNT_DUE": "much"})
    file, refused = server.folder / "events.jsonl", server.folder / "refused.jsonl"
    write_events(file, *good, unnamed, event(f"{run}-gone", "NW-0"), event("nobody", UNTEXTED))
    first = await server.program("trigger", "fire", "--file", str(file), "--refused", str(refused))
    assert first.code == 1, first
    output = " ".join(first.output.split())
    for said in ("Events 123", "Fired 120", "Nobody opted in 1", "Refused 2", "New texts 120"):
        assert said in output, first
    assert "opted-in number" in output

    lines = [json.loads(line) for line in refused.read_text().splitlines()]
    assert [line["refused"]["line"] for line in lines] == [121, 122]
    assert lines[1]["refused"]["reason"] == "ACCOUNT_NOT_FOUND"
    assert set(lines[0]["refused"]["violations"]) == {
        "variables.AMOUNT_DUE",
        "variables.DUE_DATE",
    }
    lines[0]["variables"] = good[0]["variables"]
    lines[1]["account_number"] = TEXTED
    write_events(file, *good, *lines)
    second = await server.program("trigger", "fire", "--file", str(file), "--json")
    assert second.code == 0, second
    *answers, last = second.json_lines()
    assert [answer["line"] for answer in answers] == list(range(1, 123))
    outcomes = [answer["answer"]["result"]["outcome"] for answer in answers]
    assert outcomes == [ALREADY_FIRED] * 120 + [FIRED] * 2
    assert last["summary"] == {
        "events": 122,
        "outcomes": {FIRED: 2, ALREADY_FIRED: 120},
        "texts": 2,
        "refused": 0,
    }


async def test_events_of_a_pipe_are_fired_as_they_come(server: LocalServer) -> None:
    run = str(uuid.uuid4())
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("trigger", "fire", "--file", "-", "--json"),
        cwd=server.folder,
        env=clean_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(30):
        for number in (1, 2):
            process.stdin.write(json.dumps(event(f"{run}-{number}")).encode() + b"\n")
            answer = json.loads(await process.stdout.readline())
            assert answer["line"] == number
            assert answer["answer"]["result"]["outcome"] == FIRED
        process.stdin.close()
        assert json.loads(await process.stdout.readline())["summary"]["events"] == 2
        assert await process.wait() == 0


async def test_the_example_of_the_client_fires_events(server: LocalServer) -> None:
    found = json.loads((server.folder / ".data" / "server.json").read_text())
    examples = re.findall(r"```python\n(.*?)```", CLIENT_README.read_text(), re.DOTALL)
    [example] = [each for each in examples if "fire_all" in each]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", example, found["target"], found["api_key"]),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    assert output.decode().splitlines() == [
        f"INV-981 due in 3 days {FIRED}",
        "INV-982 due in 3 days FIRE_OUTCOME_NOBODY_OPTED_IN",
    ]


async def test_quiet_hours_hold_a_text_and_their_end_releases_it(server: LocalServer) -> None:
    none = await server.program("quiet-hours", "show", "--json")
    assert none.json()["start_time"] == ""
    long = await server.program("quiet-hours", "set", "8:00", "21:00")
    assert long.code == 1
    assert "12 hours" in long.errors
    window = quiet_around(datetime.now(UTC), ZoneInfo("America/New_York"))
    stored = await server.program("quiet-hours", "set", window.start_time, window.end_time)
    assert "yes, until" in stored.output, stored
    fired = await server.program(*fire(f"held-{uuid.uuid4()}"), *INVOICE)
    assert fired.code == 0, fired
    shown = await server.program("quiet-hours", "show")
    assert "yes, until" in shown.output
    held = (
        *("messages", "list", "--triggered-message", "Invoice due in 3 days"),
        *("--status", "pending"),
    )
    waiting = await server.program(*held)
    assert "in force: yes" in waiting.output, waiting
    [message] = (await server.program(*held, "--json")).json_lines()
    assert message["hold"]["reason"] == "HOLD_REASON_QUIET_HOURS"
    cleared = await server.program("quiet-hours", "clear")
    assert "none" in cleared.output

    async def released() -> bool:
        return not (await server.program(*held, "--json")).output

    await wait_until(released, 30, "the text goes out")


@pytest.mark.parametrize("enabled", [True, False])
async def test_the_demonstration_puts_the_quiet_hours_back(
    server: LocalServer, enabled: bool
) -> None:
    """Also when it fails, as it does where its triggered message was disabled."""
    before = ("quiet-hours", "set", "00:30", "00:31", "--mode", "recipient", "--json")
    stored = (await server.program(*before)).json()
    found = json.loads((server.folder / ".data" / "server.json").read_text())
    switch = "--enable" if enabled else "--disable"
    made = await server.program("trigger", "update", "Invoice due in 3 days", switch, "--json")
    triggered = ParseDict(made.json(), triggers_pb2.TriggeredMessage())
    async with connect(found["target"], found["api_key"]) as client:
        answer = await client.directory.GetAccount(
            directory_pb2.GetAccountRequest(account_number=TEXTED)
        )
        with nullcontext() if enabled else pytest.raises(DemoFailed):
            await tell_triggered(client, triggered, answer.account)
    shown = (await server.program("quiet-hours", "show", "--json")).json()
    assert (shown["start_time"], shown["end_time"]) == ("00:30", "00:31")
    assert shown["mode"] == stored["mode"] == "QUIET_HOURS_MODE_RECIPIENT"
    await server.program("trigger", "update", "Invoice due in 3 days", "--enable")
    await server.program("quiet-hours", "clear")


async def test_settings_are_shown_and_changed(server: LocalServer) -> None:
    off = await server.program("settings", "disable", "--json")
    assert off.json()["enabled"] is False
    refused = await server.program(*fire("k-off"), *INVOICE)
    assert refused.code == 1
    assert "settings" in refused.errors.lower()
    on = await server.program("settings", "enable")
    assert "on" in on.output.split()
    to_french = ("--language", "fr", "--billing-rule", "carrier")
    changed = await server.program("settings", "set", *to_french)
    assert changed.code == 0, changed
    shown = (await server.program("settings", "show", "--json")).json()
    assert (shown["default_language"], shown["billing_rule"]) == (
        "LANGUAGE_FR",
        "BILLING_RULE_CARRIER",
    )
    back = ("--language", "en", "--billing-rule", "product", "--time-zone", "America/New_York")
    assert (await server.program("settings", "set", *back)).code == 0


async def test_sending_numbers_are_added_and_changed(server: LocalServer) -> None:
    number = "+12125550111"
    added = await server.program(
        *("settings", "numbers", "add", number, "--carrier", "sandbox", "--rate", "5"),
        *("--keyword-replies", "provider", "--json"),
    )
    assert added.code == 0, added
    assert added.json()["is_default"] is False
    changed = await server.program(
        *("settings", "numbers", "update", number, "--rate", "7.5", "--disable", "--json")
    )
    assert (changed.json()["segments_per_second"], changed.json()["disabled"]) == (7.5, True)
    listed = await server.program("settings", "numbers", "list")
    assert number in listed.output
    assert "disabled" in listed.output
    routes = ("--route", "sandbox:70:MG1", "--route", "sandbox")
    twice = await server.program("settings", "numbers", "update", number, *routes)
    assert twice.code == 1 and "sending_number.routes[1].carrier" in twice.errors
    routed = await server.program(
        *("settings", "numbers", "update", number, "--route", "sandbox:70:MG1", "--json")
    )
    assert routed.json()["routes"] == [{"carrier": "sandbox", "weight": 70, "sender": "MG1"}]
    listed = await server.program("settings", "numbers", "list")
    assert "sandbox 100 %" in listed.output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("trigger", "fire"), 2, "Give TRIGGER_TYPE"),
        (("trigger", "fire", "X", "--file", "server.log"), 2, "does not exist"),
        (("trigger", "fire", "X", "--file", "-"), 2, "come from the file"),
        ((*fire("k"), "--set", "AMOUNT_DUE"), 2, "NAME=VALUE"),
        ((*fire("k"), "--set", "A=1", "--set", "A=2"), 2, "given twice"),
        ((*fire("k"), *INVOICE, "--expires", "soon"), 2, "is not a time"),
        ((*fire("k"), "--set", "AMOUNT_DUE=x"), 1, "event.variables.AMOUNT_DUE"),
        ((*fire("k"), "--set", "AMOUNT_DUE=x"), 1, "event.variables.DUE_DATE"),
        ((*fire("k", "NW-0"), *INVOICE), 1, "account"),
        ((*fire("k"), *INVOICE, "--target", "127.0.0.1:1"), 2, "Which API key"),
        (
            (*fire("k"), *INVOICE, "--target", "127.0.0.1:1", "--api-key", "k"),
            1,
            "same --event-key",
        ),
        (("trigger", "create", "X", "--type", "NEW_USER_CREATED"), 1, "trigger_type"),
        (("trigger", "create", "X", "--type", "JOB_SCHEDULED", "--signature", "No"), 2, "no 'No'"),
        (("trigger", "update", "Invoice due in 3 days"), 2, "Nothing to change"),
        (("trigger", "update", "No such"), 2, "Nothing to change"),
        (("quiet-hours", "set", "25:00", "8:00"), 1, "HH:MM"),
        (("settings", "set"), 2, "Nothing to change"),
        (("settings", "set", "--time-zone", "Mars"), 1, "time_zone"),
        (("settings", "numbers", "update", "+12125550199", "--disable"), 2, "there is no"),
        (("settings", "numbers", "add", "1", "--carrier", "sandbox", "--rate", "1"), 1, "number"),
        (("settings", "numbers", "add", "1", "--rate", "1"), 2, "Give --carrier or --route"),
        (("settings", "numbers", "add", "1", "--route", "a:b", "--rate", "1"), 2, "NAME[:WEIGHT"),
    ],
)
async def test_failures_say_what_to_do_and_show_no_stack_trace(
    server: LocalServer, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = await server.program(*arguments)
    assert ran.code == code, ran
    assert said in " ".join(ran.errors.split()), ran
    assert "Traceback" not in ran.errors


async def test_a_refused_key_stops_a_file_and_says_that_it_may_be_fired_again(
    server: LocalServer,
) -> None:
    file = server.folder / "few.jsonl"
    write_events(file, event("few-1"))
    ran = await server.program("trigger", "fire", "--file", str(file), "--api-key", "wrong")
    assert ran.code == 1
    assert "Nothing was fired" in " ".join(ran.errors.split())
    same = await server.program("trigger", "fire", "--file", str(file), "--refused", "few.jsonl")
    assert (same.code, "overwrite" in same.errors) == (2, True)
    assert file.read_text()
