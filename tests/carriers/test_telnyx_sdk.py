"""Telnyx's own library, pointed at the server of these tests: it believes that it is Telnyx.

So what the adapter is tested against is what that library sends, reads and verifies.
"""

from collections.abc import AsyncIterator

import pytest
from telnyx import APIStatusError, AsyncTelnyx
from telnyx import Telnyx as Client
from telnyx.lib.webhook_verification import WebhookVerificationError
from telnyx.types import DeliveryUpdateWebhookEvent, InboundMessageWebhookEvent

from outbound_sms.carriers.carrier import Accepted, ReceiptState
from outbound_sms.carriers.telnyx_events import read_receipt, read_text
from tests.carriers.harness import MakeSubmission
from tests.carriers.telnyx_server import (
    API_KEY,
    PROFILE,
    PUBLIC_KEY,
    Telnyx,
    carrier_to,
    error,
    event,
    inbound_payload,
    signed,
    telnyx,
)

TO, FROM = "+14165550123", "+12125550100"
BODY = "Le service est rétabli ☎ & 100%+"
STATUS_URL = "https://sms.example.net/receipts/t?m=1"


@pytest.fixture
async def server() -> AsyncIterator[Telnyx]:
    async with telnyx() as started:
        yield started


@pytest.fixture
async def library(server: Telnyx) -> AsyncIterator[AsyncTelnyx]:
    """Checks every answer against its models, and repeats nothing."""
    async with AsyncTelnyx(
        api_key=API_KEY,
        public_key=PUBLIC_KEY,
        base_url=f"{server.url}/v2",
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


async def test_the_library_asks_for_the_same_as_the_adapter_and_reads_the_answer(
    server: Telnyx, library: AsyncTelnyx, submission: MakeSubmission
) -> None:
    message = submission(body=BODY, status_callback_url=STATUS_URL)
    async with carrier_to(server.url) as carrier:
        outcome = await carrier.submit(message)
    sent = await library.messages.send(
        to=TO,
        from_=FROM,
        text=BODY,
        type="SMS",
        encoding="ucs2",
        use_profile_webhooks=False,
        webhook_url=STATUS_URL,
        idempotency_key=f"{message.message_id}:1",
    )
    (our_headers, ours), (their_headers, theirs) = server.requests
    assert ours == theirs
    for name in ("Authorization", "Content-Type", "Idempotency-Key", "Accept"):
        assert our_headers[name] == their_headers[name]
    first, second = server.accepted
    assert outcome == Accepted(first["id"], 1)
    assert sent.data is not None and sent.data.to is not None
    assert (sent.data.id, sent.data.parts, sent.data.text) == (second["id"], 1, BODY)
    assert [each.status for each in sent.data.to] == ["queued"]


async def test_a_pool_is_asked_for_as_the_library_does_it(
    server: Telnyx, library: AsyncTelnyx, submission: MakeSubmission
) -> None:
    async with carrier_to(server.url) as carrier:
        await carrier.submit(submission(body=BODY, sender=PROFILE))
    await library.messages.send(
        to=TO,
        messaging_profile_id=PROFILE,
        text=BODY,
        type="SMS",
        encoding="ucs2",
        use_profile_webhooks=False,
    )
    assert server.requests[0][1] == server.requests[1][1]


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 500])
async def test_the_library_finds_the_code_of_a_refusal_where_the_adapter_does(
    server: Telnyx, library: AsyncTelnyx, status: int
) -> None:
    server.answers.append((status, {"errors": [error("40300", "Blocked due to STOP")]}, {}))
    with pytest.raises(APIStatusError) as caught:
        await library.messages.send(to=TO, from_=FROM, text=BODY)
    assert caught.value.status_code == status
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["errors"][0]["code"] == "40300"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("sent", ReceiptState.SENT),
        ("delivered", ReceiptState.DELIVERED),
        ("delivery_unconfirmed", ReceiptState.SENT),
        ("delivery_failed", ReceiptState.UNDELIVERED),
        ("sending_failed", ReceiptState.FAILED),
        ("expired", ReceiptState.UNDELIVERED),
    ],
)
async def test_an_event_about_a_message_fits_the_librarys_model(
    server: Telnyx, library: AsyncTelnyx, status: str, state: ReceiptState
) -> None:
    await library.messages.send(to=TO, from_=FROM, text=BODY, webhook_url=STATUS_URL)
    (message,) = server.accepted
    payload = message | {"to": [message["to"][0] | {"status": status}], "errors": [error("40001")]}
    kind = "message.sent" if status == "sent" else "message.finalized"
    body = event(kind, payload)
    theirs = DeliveryUpdateWebhookEvent.model_validate_json(body).data
    assert theirs is not None and theirs.payload is not None and theirs.payload.to is not None
    ours = read_receipt(body)
    assert theirs.event_type == kind
    assert theirs.payload.id == ours.carrier_message_id == message["id"]
    assert [each.status for each in theirs.payload.to] == [status]
    assert ours.state is state and ours.carrier_code == "40001"


def test_a_text_to_us_fits_the_librarys_model() -> None:
    body = event("message.received", inbound_payload(text=BODY))
    theirs = InboundMessageWebhookEvent.model_validate_json(body).data
    assert theirs is not None and theirs.payload is not None and theirs.payload.from_ is not None
    ours = read_text(body)
    assert theirs.event_type == "message.received"
    assert (theirs.payload.id, theirs.payload.from_.phone_number, theirs.payload.text) == (
        ours.carrier_message_id,
        ours.sender,
        ours.body,
    )
    assert isinstance(theirs.payload.to, list)
    assert [each.phone_number for each in theirs.payload.to] == [ours.recipient]


def test_the_library_unwraps_what_the_server_signs_and_nothing_else() -> None:
    body = event("message.received", inbound_payload(text=BODY)).decode()
    headers = signed(body.encode())
    # Its asynchronous client hides this behind a coroutine that its types do not tell of.
    with Client(api_key=API_KEY, public_key=PUBLIC_KEY) as library:
        unwrapped = library.webhooks.unwrap(body, headers=headers)
        for spoilt in (body + " ", body.replace("SMS", "MMS"), ""):
            with pytest.raises(WebhookVerificationError):
                library.webhooks.unwrap(spoilt, headers=headers)
    assert isinstance(unwrapped, InboundMessageWebhookEvent)
    assert unwrapped.data is not None and unwrapped.data.payload is not None
    assert unwrapped.data.payload.text == BODY
