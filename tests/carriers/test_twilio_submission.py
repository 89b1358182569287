"""The adapter against the sandbox: what is submitted, and what comes back."""

import asyncio
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from outbound_sms.carriers.carrier import (
    Accepted,
    CannotTell,
    Found,
    InDoubt,
    NotFound,
    ReceiptState,
    Refused,
    Throttled,
)
from outbound_sms.carriers.twilio import TwilioCarrier
from outbound_sms.sandbox_server import serving
from tests.carriers.harness import (
    CallbackReceiver,
    Connect,
    MakeSubmission,
    RunSandbox,
    Sandbox,
    form_callback,
    look_up,
)


async def test_a_message_is_accepted_as_it_was_written(
    sandbox: Sandbox, carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    body = "Panne à Québec & région: 100% rétablie? [€] 😀 +1=2\r\n;"
    outcome = await carrier.submit(submission(body=body, recipient="+15145550111"))
    (accepted,) = await sandbox.accepted()
    assert outcome == Accepted(accepted["sid"], 1)
    assert (accepted["to"], accepted["from"], accepted["body"]) == (
        "+15145550111",
        "+12125550100",
        body,
    )


async def test_the_carriers_own_segments_are_told(
    carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    outcome = await carrier.submit(submission(body="a" * 152 + "[" + "a" * 152))
    assert isinstance(outcome, Accepted)
    assert outcome.segments == 3


async def test_every_field_of_the_form_is_as_the_carrier_documents_it(
    connect: Connect, submission: MakeSubmission
) -> None:
    forms = []

    async def take(request: web.Request) -> web.Response:
        forms.append(parse_qs((await request.read()).decode()))
        assert request.content_type == "application/x-www-form-urlencoded"
        return web.json_response({"sid": "SM1"}, status=201)

    app = web.Application()
    app.router.add_post("/2010-04-01/Accounts/{sid}/Messages.json", take)
    async with serving(app, "127.0.0.1", 0) as url, connect(f"{url}/") as carrier:
        callback = "https://sms.example.net/receipts?a=1&s=2"
        await carrier.submit(
            submission(body="b", valid_for_seconds=300, status_callback_url=callback)
        )
        await carrier.submit(submission(body="b", sender="MG1"))
    assert forms == [
        {
            "To": ["+14165550123"],
            "Body": ["b"],
            "From": ["+12125550100"],
            "StatusCallback": [callback],
            "ValidityPeriod": ["300"],
        },
        {
            "To": ["+14165550123"],
            "Body": ["b"],
            "MessagingServiceSid": ["MG1"],
            "SmartEncoded": ["false"],
        },
    ]


@pytest.mark.parametrize(
    ("recipient", "outcome"),
    [
        ("+14165550195", Refused("NUMBER.INVALID", "21211")),
        ("+14165550196", Refused("POLICY.OPTED_OUT", "21610", suppress=True)),
        ("+14165550197", Refused("NUMBER.INVALID", "21614")),
        ("+14165550199", Throttled(1.0, "20429")),
        ("nobody", Refused("NUMBER.INVALID", "21211")),
    ],
)
async def test_a_refusal_of_the_number_is_told(
    carrier: TwilioCarrier,
    submission: MakeSubmission,
    recipient: str,
    outcome: Refused | Throttled,
) -> None:
    assert await carrier.submit(submission(recipient=recipient)) == outcome


async def test_a_wrong_secret_is_refused_as_ours(
    sandbox: Sandbox, connect: Connect, submission: MakeSubmission
) -> None:
    async with connect(sandbox.url, auth_token="wrong") as carrier:
        assert await carrier.submit(submission()) == Refused("ACCOUNT.AUTH", "20003")
        with capture_logs():
            assert isinstance(await look_up(carrier, submission()), CannotTell)
    assert await sandbox.accepted() == []


@pytest.mark.parametrize(
    ("fault", "outcome", "accepted"),
    [
        ("drop", InDoubt, 0),
        ("accept-drop", InDoubt, 1),
        ("accept-late", InDoubt, 1),
        ("500", InDoubt, 0),
        ("accept-500", InDoubt, 1),
        ("429", Throttled, 0),
        ("400", Refused, 0),
    ],
)
async def test_each_fault_of_the_sandbox_has_its_outcome_and_the_look_up_its_answer(
    run_sandbox: RunSandbox,
    connect: Connect,
    submission: MakeSubmission,
    fault: str,
    outcome: type,
    accepted: int,
) -> None:
    message = submission()
    async with (
        run_sandbox() as sandbox,
        connect(sandbox.url, total_timeout=0.4 if fault == "accept-late" else 5.0) as carrier,
    ):
        assert await sandbox.request_fault(fault=fault) == 204
        assert isinstance(await carrier.submit(message), outcome)
        log = await sandbox.accepted()
        assert len(log) == accepted
        found = await look_up(carrier, message)
    if accepted:
        assert isinstance(found, Found)
        assert found.carrier_message_id == log[0]["sid"]
    else:
        assert found == NotFound()


async def test_the_adapter_verifies_and_reads_the_callbacks_of_the_sandbox(
    callback_receiver: CallbackReceiver, carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    url = callback_receiver.url + "?a=1&s=%2F"
    await carrier.submit(submission(recipient="+14165550190", status_callback_url=url))
    received = await callback_receiver.until(3)
    callbacks = [form_callback(each.pairs, url, each.signature) for each in received]
    assert all(carrier.verify(callback) for callback in callbacks)
    receipts = [carrier.parse_receipt(callback) for callback in callbacks]
    assert [receipt.state for receipt in receipts] == [
        ReceiptState.QUEUED,
        ReceiptState.SENT,
        ReceiptState.UNDELIVERED,
    ]
    assert (receipts[-1].reason, receipts[-1].carrier_code) == ("NUMBER.UNREACHABLE", "30003")


async def test_many_messages_at_once_use_no_more_connections_than_configured(
    run_sandbox: RunSandbox, connect: Connect, submission: MakeSubmission
) -> None:
    async with (
        run_sandbox(latency=0.01) as sandbox,
        connect(sandbox.url, connections=4, connect_timeout=4.0) as carrier,
    ):
        outcomes = await asyncio.gather(*(carrier.submit(submission()) for _ in range(100)))
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        log = await sandbox.accepted()
    assert {entry["sid"] for entry in log} == set(ids(outcomes))


def ids(outcomes: Iterable[object]) -> Iterator[str]:
    for outcome in outcomes:
        if isinstance(outcome, Accepted):
            yield outcome.carrier_message_id
