"""Jasmin's simulators of SMSCs that misbehave: whatever they do, no text is lost or sent twice."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from outbound_sms.carriers.carrier import (
    Accepted,
    InDoubt,
    NotSent,
    Outcome,
    ReceiptState,
    Refused,
    Throttled,
)
from outbound_sms.carriers.smpp.carrier import SmppCarrier
from outbound_sms.carriers.smpp.configuration import SmppConfig
from tests.carriers.harness import MakeSubmission
from tests.carriers.smpp.collected import Collected
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
PEERS = ROOT / ".venv" / "smpp-peers"
SCRIPT = Path(__file__).parent / "jasmin_process.py"

QUICK = SmppConfig(
    "jasmin",
    "127.0.0.1",
    "northwind",
    "secret12",
    alphabet="ascii",
    total_timeout=0.8,
    connect_timeout=0.5,
    bind_timeout=0.3,
    response_timeout=0.3,
    enquire_link=0.2,
    throttle_first=0.1,
    reconnect_first=0.05,
    reconnect_most=0.1,
)

To = Callable[[str], AbstractAsyncContextManager[SmppCarrier]]


@pytest.fixture(scope="session")
async def jasmin_ports() -> AsyncIterator[dict[str, int]]:
    """Where each simulator listens, by its name."""
    python = PEERS / "bin" / "python"
    if not (PEERS / "smsc_simulator.py").exists():
        pytest.skip("Jasmin's simulators are not installed: run `make .venv/.smpp-peers`")
    process = await asyncio.create_subprocess_exec(
        str(python),
        str(SCRIPT),
        str(PEERS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
def arrivals() -> Collected:
    return Collected()


@pytest.fixture
def to(jasmin_ports: dict[str, int], arrivals: Collected) -> To:
    """A carrier that tries to be bound to one of them: `async with to("HappySMSC") as carrier`."""

    @asynccontextmanager
    async def connected(name: str) -> AsyncIterator[SmppCarrier]:
        carrier = SmppCarrier(replace(QUICK, port=jasmin_ports[name]))
        carrier.connect(arrivals)
        try:
            yield carrier
        finally:
            await carrier.close()

    return connected


async def bound(carrier: SmppCarrier) -> None:
    await wait_until(lambda: carrier.bound == 1, describe="bound")


def sample(name: str) -> float:
    return REGISTRY.get_sample_value(f"outbound_sms_smpp_{name}", {"carrier": "jasmin"}) or 0.0


@pytest.mark.parametrize(
    ("name", "body", "outcome"),
    [
        ("HappySMSCRecorder", "Outage", Accepted),
        ("HappySMSCRecorder", "test_error: ESME_RTHROTTLED", Throttled),
        ("HappySMSCRecorder", "test_error: ESME_RSYSERR", NotSent),
        ("HappySMSCRecorder", "test_error: ESME_RREPLACEFAIL", Refused),
        ("HappySMSC", "accepted without an id", InDoubt),
        ("NoResponseOnSubmitSMSC", "Outage", InDoubt),
        ("GenericNackNoSeqNumOnSubmitSMSC", "Outage", InDoubt),
        ("GenericNackWithSeqNumOnSubmitSMSC", "Outage", Refused),
        ("ErrorOnSubmitSMSC", "Outage", Refused),
        ("NoSubmitSmWhenReceiverIsBoundSMSC", "Outage", NotSent),
        ("UnbindOnSubmitSMSC", "Outage", InDoubt),
        ("InvalidCommandIdSMSC", "Outage", InDoubt),
        ("NonFatalParseErrorSMSC", "Outage", InDoubt),
        ("CommandLengthTooLongSMSC", "Outage", InDoubt),
        ("OutbindSMSC", "accepted without an id", InDoubt),
        ("EnquireLinkEchoSMSC", "accepted without an id", InDoubt),
        ("UnbindNoResponseSMSC", "accepted without an id", InDoubt),
    ],
)
async def test_a_submission_to_it_ends_as_it_must(
    to: To, submission: MakeSubmission, name: str, body: str, outcome: type[Outcome]
) -> None:
    async with to(name) as carrier:
        await bound(carrier)
        came = await carrier.submit(submission(body=body))
        assert isinstance(came, outcome)
        if isinstance(came, Refused):
            assert came.reason == "UNKNOWN.OTHER"


@pytest.mark.parametrize(
    "name",
    ["BindErrorSMSC", "BindErrorGenericNackSMSC", "BlackHoleSMSC", "DeliverSMBeforeBoundSMSC"],
)
async def test_one_that_does_not_bind_is_asked_again_and_nothing_is_sent(
    to: To, submission: MakeSubmission, arrivals: Collected, name: str
) -> None:
    before = sample("reconnects_total")
    async with to(name) as carrier:
        await wait_until(lambda: sample("reconnects_total") >= before + 2, describe="tried again")
        assert carrier.bound == 0
        assert isinstance(await carrier.submit(submission()), NotSent)
    assert not arrivals.texts


@pytest.mark.parametrize(
    "name",
    ["CommandLengthTooShortSMSC", "CommandLengthTooLongSMSC", "DeliverSMAndUnbindSMSC"],
)
async def test_a_session_that_it_breaks_is_made_anew(to: To, name: str) -> None:
    before = sample("reconnects_total")
    async with to(name):
        await wait_until(lambda: sample("reconnects_total") >= before + 2, describe="made anew")


@pytest.mark.parametrize("name", ["EnquireLinkEchoSMSC", "OutbindSMSC", "AlertNotificationSMSC"])
async def test_a_session_outlives_what_it_may_do(to: To, name: str) -> None:
    async with to(name) as carrier:
        await bound(carrier)
        before = sample("reconnects_total")
        await asyncio.sleep(3 * QUICK.enquire_link)
        assert carrier.bound == 1
        assert sample("reconnects_total") == before


async def test_its_receipt_is_known_by_its_parameters_alone(to: To, arrivals: Collected) -> None:
    async with to("DeliveryReceiptSMSC"):
        await wait_until(lambda: len(arrivals.receipts) == 1, describe="the receipt")
    [(receipt, submitted)] = arrivals.receipts
    assert (receipt.carrier_message_id, receipt.state) == ("1891273321", ReceiptState.DELIVERED)
    assert submitted is None


async def test_its_text_from_a_short_code_is_counted_and_not_taken(
    to: To, arrivals: Collected
) -> None:
    before = sample("malformed_total")
    async with to("DeliverSMSMSC") as carrier:
        await wait_until(lambda: sample("malformed_total") == before + 1, describe="counted")
        assert carrier.bound == 1
    assert not arrivals.texts


async def test_its_limit_of_two_a_second_is_kept(to: To, submission: MakeSubmission) -> None:
    async with to("QoSSMSC_2MPS") as carrier:
        await bound(carrier)
        outcomes = await asyncio.gather(*(carrier.submit(submission()) for _ in range(5)))
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds.count(InDoubt) == 1
        assert kinds.count(Throttled) == 4


async def test_one_that_never_answers_an_unbind_holds_nobody_up(to: To) -> None:
    loop = asyncio.get_running_loop()
    async with to("UnbindNoResponseSMSC") as carrier:
        await bound(carrier)
        began = loop.time()
        await carrier.close()
        assert loop.time() - began < QUICK.response_timeout + 0.5
