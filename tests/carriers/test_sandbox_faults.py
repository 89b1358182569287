"""The faults of the sandbox: seeded ones can be repeated, requested ones happen once."""

import asyncio
import json
import signal
import sys
import urllib.request
from base64 import b64encode
from collections import Counter
from pathlib import Path

import pytest

from outbound_sms.carriers.carrier import Accepted, InDoubt, Outcome, Refused, Throttled
from outbound_sms.carriers.sandbox.faults import ACCEPTING, Fault, FaultPlan, FaultScript
from tests.carriers.harness import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CallbackReceiver,
    Connect,
    MakeSubmission,
    RunSandbox,
    Sandbox,
)

SPEC = "drop=0.1,accept-drop=0.1,accept-late=0.05,429=0.1,400=0.1,500=0.05,accept-500=0.05"


def recipients(count: int) -> list[str]:
    """Numbers of 555-0100 to 555-0189, in many area codes."""
    return [f"+1{201 + nth // 90}5550{100 + nth % 90}" for nth in range(count)]


def test_the_same_seed_gives_the_same_faults_in_any_order() -> None:
    numbers = recipients(500)
    first, second = (FaultScript(FaultPlan.parse(SPEC, seed=7)) for _ in range(2))
    forwards = {(number, nth): first.next(number) for nth in range(2) for number in numbers}
    backwards = {}
    for number in reversed(numbers):
        for nth in range(2):
            backwards[number, nth] = second.next(number)
    assert forwards == backwards


def test_a_message_that_is_submitted_again_meets_another_fault() -> None:
    plan = FaultPlan.parse(SPEC, seed=7)
    script = FaultScript(plan)
    met = [script.next("+14165550123") for _ in range(50)]
    assert met == [plan.fault_of("+14165550123", nth) for nth in range(50)]
    assert len(set(met)) > 3


def test_another_seed_gives_other_faults() -> None:
    plans = [FaultPlan.parse(SPEC, seed=seed) for seed in (1, 2)]
    first, second = ([plan.fault_of(number, 0) for number in recipients(200)] for plan in plans)
    assert first != second


def test_each_fault_is_as_frequent_as_asked() -> None:
    plan = FaultPlan.parse(SPEC, seed=1)
    drawn = Counter(plan.fault_of("+14165550123", nth) for nth in range(20_000))
    for fault, probability in plan.probabilities.items():
        assert drawn[fault] / 20_000 == pytest.approx(probability, abs=0.01)
    assert set(plan.probabilities) == set(Fault)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("flood=0.1", ["flood"]),
        ("drop", ["drop"]),
        ("drop=much", ["drop"]),
        ("drop=-0.1,400=2", ["drop", "400"]),
        ("drop=nan", ["drop"]),
        ("drop=0.6,400=0.6", ["more than 1"]),
    ],
)
def test_a_fault_script_that_makes_no_sense_is_refused(spec: str, told: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        FaultPlan.parse(spec)
    assert all(word in str(caught.value) for word in told)


def test_no_faults_are_asked_for_by_an_empty_script() -> None:
    assert FaultScript(FaultPlan.parse("")).next("+14165550123") is None


async def test_a_requested_fault_happens_to_its_recipient_as_often_as_asked(
    sandbox: Sandbox,
) -> None:
    form = {"From": "+12125550100", "Body": "x"}
    assert await sandbox.request_fault(fault="400", recipient="+14165550101", count=2) == 204
    assert (await sandbox.post(**form, To="+14165550102"))[0] == 201
    statuses = [(await sandbox.post(**form, To="+14165550101"))[0] for _ in range(3)]
    assert statuses == [400, 400, 201]
    assert await sandbox.request_fault(fault="429", count=5) == 204
    assert (await sandbox.post(**form, To="+14165550102"))[0] == 429
    async with sandbox.session.delete(f"{sandbox.url}/control/faults") as response:
        assert response.status == 204
    assert (await sandbox.post(**form, To="+14165550102"))[0] == 201


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"fault": "flood"},
        {"fault": 7},
        {"fault": "drop", "count": 0},
        {"fault": "drop", "count": "many"},
        {"fault": "drop", "recipient": 7},
    ],
)
async def test_a_request_for_a_fault_that_makes_no_sense_is_refused(
    sandbox: Sandbox, wanted: dict[str, object]
) -> None:
    assert await sandbox.request_fault(**wanted) == 400


async def test_under_faults_the_accept_log_is_exactly_what_was_accepted(
    run_sandbox: RunSandbox,
    connect: Connect,
    submission: MakeSubmission,
    callback_receiver: CallbackReceiver,
    tmp_path: Path,
) -> None:
    plan = FaultPlan.parse(SPEC, seed=3, late_seconds=0.2)
    log = tmp_path / "accepted.jsonl"
    numbers = recipients(300)
    callback = callback_receiver.url
    async with (
        run_sandbox(faults=plan, accept_log=log) as sandbox,
        connect(sandbox.url, total_timeout=15.0, connect_timeout=14.0) as carrier,
    ):
        submissions = [
            submission(recipient=number, status_callback_url=callback) for number in numbers
        ]
        outcomes = await asyncio.gather(*(carrier.submit(each) for each in submissions))
        await sandbox.settled()
    entries = {entry["to"]: entry for entry in map(json.loads, log.read_text().splitlines())}
    told = {dict(received.pairs)["To"] for received in callback_receiver.received}
    for number, outcome in zip(numbers, outcomes, strict=True):
        fault = plan.fault_of(number, 0)
        assert isinstance(outcome, _expected(fault)), (number, fault, outcome)
        assert (number in entries) == (fault is None or fault in ACCEPTING)
        assert (number in told) == (number in entries)
        if isinstance(outcome, Accepted):
            assert entries[number]["sid"] == outcome.carrier_message_id
    assert len(log.read_text().splitlines()) == len(entries)


def _expected(fault: Fault | None) -> type[Outcome]:
    if fault is None or fault is Fault.ACCEPT_LATE:
        return Accepted
    return {Fault.THROTTLE: Throttled, Fault.REFUSE: Refused}.get(fault, InDoubt)


async def _started(*options: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "outbound_sms.carriers.sandbox", "--account-sid", ACCOUNT_SID),
        *("--auth-token", AUTH_TOKEN, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, (await asyncio.wait_for(process.stdout.readline(), 20)).decode()


async def test_the_process_says_where_it_listens_and_stops_cleanly_when_told(
    tmp_path: Path, callback_receiver: CallbackReceiver
) -> None:
    log = tmp_path / "accepted.jsonl"
    process, line = await _started("--accept-log", str(log), "--faults", "accept-late=1")
    name, _, url = line.strip().partition(": ")
    assert name == "sandbox"

    def submit() -> None:
        form = (
            f"To=%2B14165550123&From=%2B12125550100&Body=x&StatusCallback={callback_receiver.url}"
        )
        request = urllib.request.Request(
            f"{url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json", form.encode()
        )
        credentials = b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
        request.add_header("Authorization", f"Basic {credentials}")
        with pytest.raises(OSError):
            urllib.request.urlopen(request, timeout=20)

    late_answer = asyncio.create_task(asyncio.to_thread(submit))
    await callback_receiver.until(1)
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 5)
    await late_answer
    assert (process.returncode, errors) == (0, b"")
    assert len(log.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--faults", "flood=1"], b"--faults"),
        (["--account-sid", "a/b"], b"--account-sid"),
        (["--segments-per-second", "0"], b"--segments-per-second"),
        (["--accept-log", "no/such/folder/log"], b"cannot start"),
    ],
)
async def test_a_wrong_option_is_named(options: list[str], told: bytes) -> None:
    process, _ = await _started(*options)
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode != 0
    assert told in errors
    assert b"Traceback" not in errors
