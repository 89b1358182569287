"""What a look-up finds, and when it must not conclude anything."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from outbound_sms.carriers.carrier import (
    Accepted,
    CannotTell,
    Found,
    NotFound,
    ReceiptState,
)
from outbound_sms.carriers.twilio import TwilioCarrier
from outbound_sms.sandbox_server import serving
from tests.carriers.harness import (
    Connect,
    MakeSubmission,
    RunSandbox,
    Sandbox,
    look_up,
)


async def test_a_look_up_tells_the_message_from_all_others(
    sandbox: Sandbox, carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    wanted = submission(body="Service is back.")
    others = [
        submission(body="Service is back"),
        submission(body=wanted.body, recipient="+14165550124"),
        submission(body=wanted.body, sender="+12125550102"),
    ]
    for other in others:
        await carrier.submit(other)
    assert await look_up(carrier, wanted) == NotFound()
    accepted = await carrier.submit(wanted)
    assert isinstance(accepted, Accepted)
    await sandbox.settled()
    found = await look_up(carrier, wanted)
    assert found == Found(accepted.carrier_message_id, ReceiptState.DELIVERED, segments=1)


async def test_a_message_that_is_known_or_too_old_is_not_found(
    carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    accepted = await carrier.submit(submission())
    assert isinstance(accepted, Accepted)
    known = frozenset({accepted.carrier_message_id})
    assert await look_up(carrier, submission(), known_ids=known) == NotFound()
    later = datetime.now(UTC) + timedelta(minutes=5)
    assert await look_up(carrier, submission(), not_before=later) == NotFound()


async def test_a_carrier_clock_that_is_a_little_behind_does_not_hide_the_message(
    carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    await carrier.submit(submission())
    ahead = datetime.now(UTC) + timedelta(seconds=10)
    assert isinstance(await look_up(carrier, submission(), not_before=ahead), Found)


async def test_two_messages_that_fit_are_no_answer(
    carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    first = await carrier.submit(submission())
    second = await carrier.submit(submission())
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert isinstance(await look_up(carrier, submission()), CannotTell)
    found = await look_up(carrier, submission(), known_ids=frozenset({first.carrier_message_id}))
    assert isinstance(found, Found)
    assert found.carrier_message_id == second.carrier_message_id


async def test_a_message_that_still_waits_in_the_carriers_queue_is_found(
    run_sandbox: RunSandbox, connect: Connect, submission: MakeSubmission
) -> None:
    async with run_sandbox(receipt_delay=30.0) as sandbox, connect(sandbox.url) as carrier:
        await carrier.submit(submission())
        found = await look_up(carrier, submission())
    assert isinstance(found, Found)
    assert found.state is ReceiptState.QUEUED


async def test_a_message_that_has_failed_is_found_with_its_reason(
    sandbox: Sandbox, carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    message = submission(recipient="+14165550193")
    await carrier.submit(message)
    await sandbox.settled()
    found = await look_up(carrier, message)
    assert isinstance(found, Found)
    assert (found.state, found.reason, found.carrier_code) == (
        ReceiptState.UNDELIVERED,
        "CONTENT.FILTERED_SPAM",
        "30007",
    )


async def test_a_message_from_a_sender_pool_is_found_whatever_number_it_left_from(
    carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    await carrier.submit(submission())
    await carrier.submit(submission(sender="MG2"))
    accepted = await carrier.submit(submission(sender="MG1"))
    assert isinstance(accepted, Accepted)
    found = await look_up(carrier, submission(sender="MG1"))
    assert isinstance(found, Found)
    assert found.carrier_message_id == accepted.carrier_message_id


async def test_a_look_up_reads_every_page(
    sandbox: Sandbox,
    carrier: TwilioCarrier,
    submission: MakeSubmission,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("outbound_sms.carriers.twilio_lookup._PAGE_SIZE", 2)
    monkeypatch.setattr("outbound_sms.carriers.twilio_lookup._MAX_PAGES", 3)
    wanted = submission()
    await carrier.submit(wanted)
    for nth in range(5):
        await carrier.submit(submission(body=f"Another text, {nth}."))
    assert isinstance(await look_up(carrier, wanted), Found)
    await carrier.submit(submission(body="One more."))
    assert isinstance(await look_up(carrier, wanted), CannotTell)


ROW = (
    '{"sid": "SM1", "to": "+14165550123", "from": "+12125550100", "body": "x", "status": "queued",'
    ' "date_created": "Mon, 23 Nov 2026 05:29:00 +0000", "messaging_service_sid": null}'
)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, ""),
        (429, '{"code": 20429}'),
        (302, ""),
        (200, ""),
        (200, "[]"),
        (200, "{}"),
        (200, '{"messages": 7}'),
        (200, '{"messages": [7]}'),
        (200, '{"messages": [{}]}'),
        (200, f'{{"messages": [{ROW.replace("Mon, 23 Nov", "soon")}]}}'),
        (200, f'{{"messages": [{ROW.replace("queued", "lost")}]}}'),
        (200, f'{{"messages": [{ROW.replace(" +0000", "")}]}}'),
        (200, '{"messages": [], "next_page_uri": "http://127.0.0.1:1/elsewhere"}'),
        (200, '{"messages": [], "next_page_uri": 7}'),
    ],
)
async def test_a_look_up_that_is_not_answered_properly_cannot_tell(
    connect: Connect, submission: MakeSubmission, status: int, body: str
) -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{any:.*}", respond)
    since = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
    async with serving(app, "127.0.0.1", 0) as url, connect(url) as carrier:
        with capture_logs():
            found = await look_up(carrier, submission(body="x"), not_before=since)
    assert isinstance(found, CannotTell), found


async def test_a_look_up_without_a_carrier_cannot_tell(
    connect: Connect, submission: MakeSubmission
) -> None:
    async with connect("http://carrier.invalid") as carrier:
        assert isinstance(await look_up(carrier, submission()), CannotTell)
        await carrier.close()
        assert isinstance(await look_up(carrier, submission()), CannotTell)
