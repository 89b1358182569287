"""Money as a person uses it: real processes, a payment gateway of its own, and no terminal."""

import asyncio
import csv
import json
from decimal import Decimal
from pathlib import Path

from outbound_sms.cli.demo.example import Example, set_up
from outboundsms import connect
from tests.e2e.local_server import SITE, LocalServer, interrupt, start, write_example
from tests.e2e.processes import PROGRAM, Ran, clean_environment
from tests.waiting import wait_until

SPEC = ("UNPLANNED_OUTAGE", "--start", "now", "--end", "+4h", "--network-site", SITE)


async def test_too_little_money_is_told_added_and_accounted_for(tmp_path: Path) -> None:
    """Preview says that it will not do; the rest is sent after a top-up; the ledger agrees."""
    server = await _isp(tmp_path)
    try:
        await _ok(server, "settings", "set", "--low-funds-threshold", "1")
        await _ok(server, "billing", "add-funds", "0.50", "--yes")
        preview = (await _ok(server, "send", *SPEC, "--preview")).output
        assert "The money will not do" in preview
        planned = json.loads((await _ok(server, "send", *SPEC, "--preview", "--json")).output)
        cost, recipients = int(planned["cost_micros"]), int(planned["recipients"])
        assert int(planned["shortfall_micros"]) == cost - 500_000 > 0

        sent = (await _ok(server, "send", *SPEC, "--yes", "--watch")).output
        mass_message = sent.partition("Accepted: mass message ")[2].split()[0]
        assert "not sent for lack of funds" in sent
        again = f"outbound-sms messages requeue --mass-message {mass_message}"
        assert again in sent
        listing = ("messages", "list", "--limit", "0", "--json", "--status")
        unpaid = (await _ok(server, *listing, "insufficient-funds")).json_lines()
        assert 0 < len(unpaid) < recipients

        watching = await _watch(server)
        wrong = ("billing", "auto-buy", "--payment-method", "pm_card_chargeDeclinedExpiredCard")
        await _ok(server, *wrong)
        declined = await server.program("billing", "add-funds", "100", "--yes")
        assert declined.code == 1
        assert "declined (expired_card); nothing was charged" in declined.errors
        await _ok(server, "billing", "auto-buy", "--payment-method", "pm_card_visa")
        added = await _ok(server, "billing", "add-funds", "100", "--yes")
        assert "Paid: 100.00 USD." in added.output
        await _requeue(server, mass_message, len(unpaid))
        assert (await _ok(server, *listing, "insufficient-funds")).output == ""
        await _heard(watching)
        await _accounted(server, cost)
    finally:
        await interrupt(server.process)


async def _isp(folder: Path) -> LocalServer:
    """A running server whose instance is the example ISP, its subscribers imported."""
    example = folder / "example"
    example.mkdir()
    write_example(example)
    server = await start(folder)
    found = json.loads((folder / ".data" / "server.json").read_text())
    async with connect(found["target"], found["api_key"]) as client:
        await set_up(client, Example(example))
    await _ok(server, "import", str(example / "subscribers.csv"), "--json")
    return server


async def _watch(server: LocalServer) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(*PROGRAM, "billing", "watch", "--json"),
        cwd=server.folder,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        first = json.loads(await process.stdout.readline())
    assert first["events"] == [
        "BALANCE_EVENT_LOW_FUNDS",
        "BALANCE_EVENT_INSUFFICIENT_FUNDS",
    ]
    return process


async def _heard(process: asyncio.subprocess.Process) -> None:
    """The stream has told of the top-up that was declined and of the one that was paid."""
    assert process.stdout is not None
    wanted = {
        "BALANCE_EVENT_TOP_UP_FAILED",
        "BALANCE_EVENT_TOP_UP_SUCCEEDED",
        "BALANCE_EVENT_FUNDS_RESTORED",
    }
    async with asyncio.timeout(30):
        while wanted:
            wanted -= set(json.loads(await process.stdout.readline())["events"])
    process.kill()
    await process.wait()


async def _requeue(server: LocalServer, mass_message: str, count: int) -> None:
    """Sends what was left, each once, and waits until the carrier has it all."""
    requeue = ("messages", "requeue", "--mass-message", mass_message)
    unasked = await server.program(*requeue)
    assert (unasked.code, "--yes" in unasked.errors) == (2, True)
    done = await _ok(server, *requeue, "--yes")
    assert f"Not sent for lack of funds: {count} texts" in done.output
    assert f"Pending again: {count} texts" in done.output

    async def delivered() -> bool:
        watched = await _ok(server, "watch", mass_message, "--json")
        progress = watched.json_lines()[-1]["progress"]
        assert progress["insufficient_funds"] == "0"
        left = {progress[name] for name in ("pending", "in_progress", "sent")}
        return left == {"0"}

    await wait_until(delivered, 60, "every text has come to an end")


async def _accounted(server: LocalServer, cost: int) -> None:
    """Balance, ledger and statement say the same, and the ledger checks."""
    balance = json.loads((await _ok(server, "billing", "balance", "--json")).output)["balance"]
    available, spent = int(balance["available_micros"]), int(balance["spent_micros"])
    assert int(balance["held_micros"]) == int(balance["requeueable_messages"]) == 0
    assert available + spent == 100_500_000
    assert 0 < spent <= cost

    entries = (await _ok(server, "billing", "ledger", "--all", "--json")).json_lines()
    assert sum(int(each["available_micros"]) for each in entries) == available
    assert sum(int(each["spent_micros"]) for each in entries) == spent
    captured = [each for each in entries if each["kind"] == "LEDGER_ENTRY_KIND_CAPTURE"]
    one = await _ok(server, "billing", "ledger", "--message", captured[0]["message_id"], "--json")
    assert [each["kind"] for each in one.json_lines()][-2:] == [
        "LEDGER_ENTRY_KIND_CAPTURE",
        "LEDGER_ENTRY_KIND_HOLD",
    ]

    statement = await _ok(server, "billing", "statement", "--csv")
    *rows, closing = list(csv.DictReader(statement.output.splitlines()))
    assert closing["kind"] == "closing"
    for name, micros in (("available", available), ("held", 0), ("spent", spent)):
        assert sum(Decimal(row[name]) for row in rows) == Decimal(closing[name])
        assert Decimal(closing[name]) * 1_000_000 == micros
    assert "Closing" in (await _ok(server, "billing", "statement")).output
    await _ok(server, "admin", "check-ledger")


async def _ok(server: LocalServer, *arguments: str) -> Ran:
    """Runs a command, which must succeed."""
    ran = await server.program(*arguments)
    assert ran.code == 0, ran
    return ran
