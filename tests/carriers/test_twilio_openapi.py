"""What the adapter sends is right, and what Twilio answers is readable, by Twilio's own OpenAPI."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from outbound_sms.carriers.carrier import Accepted, Found, InDoubt, NotFound, ReceiptState
from outbound_sms.carriers.twilio import TwilioCarrier
from tests.carriers.conftest import carrier_to
from tests.carriers.harness import ACCOUNT_SID, AUTH_TOKEN, NEVER_KNOWN, MakeSubmission
from tests.carriers.twilio_mock import TwilioMock, twilio_mock

SERVICE = "MG00000000000000000000000000000001"
LONG_AGO = datetime(2019, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
async def mock(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwilioMock]:
    async with twilio_mock(tmp_path_factory.mktemp("twilio")) as running:
        yield running


@pytest.fixture
async def carrier(mock: TwilioMock) -> AsyncIterator[TwilioCarrier]:
    async with carrier_to(mock.url, total_timeout=20.0) as connected:
        yield connected


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sender": SERVICE},
        {"valid_for_seconds": 300},
        {"valid_for_seconds": 86_400, "sender": SERVICE},
        {"status_callback_url": f"https://sms.example.net/receipts/primary?m={uuid4()}&a=1&s=x_-"},
        {"body": "Panne à Québec: « rétabli » à 14 h 😀", "segments": 1},
        {"body": "Planned work. " * 100, "segments": 10},
    ],
    ids=["number", "service", "validity", "long-validity", "callback", "ucs2", "long"],
)
async def test_what_is_submitted_is_a_valid_request(
    mock: TwilioMock,
    carrier: TwilioCarrier,
    submission: MakeSubmission,
    changes: dict[str, Any],
) -> None:
    outcome = await carrier.submit(submission(**changes))
    assert outcome == Accepted(mock.created["sid"], int(mock.created["num_segments"]))


@pytest.mark.parametrize("sender", ["MG1", "MG" + "x" * 32])
async def test_a_submission_that_is_none_is_seen(
    carrier: TwilioCarrier, submission: MakeSubmission, sender: str
) -> None:
    # The mock's refusals have no code of Twilio's.
    outcome = await carrier.submit(submission(sender=sender))
    assert outcome == InDoubt("HTTP 422 without an error code")


@pytest.mark.parametrize(
    ("method", "form", "credentials", "status"),
    [
        ("POST", {"From": "+12125550100", "Body": "x"}, True, 422),
        ("POST", {"To": "+14165550123", "Body": "x", "ValidityPeriod": "soon"}, True, 422),
        ("POST", {"To": "+14165550123", "Body": "x"}, False, 401),
        ("GET", {"PageSize": "0"}, True, 422),
        ("GET", {"PageSize": "1001"}, True, 422),
        ("GET", {}, False, 401),
    ],
)
async def test_the_mock_refuses_what_twilio_would(
    mock: TwilioMock, method: str, form: dict[str, str], credentials: bool, status: int
) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    url = f"{mock.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    data, params = (form, None) if method == "POST" else (None, form)
    async with (
        aiohttp.ClientSession(headers=headers if credentials else {}) as session,
        session.request(method, url, data=data, params=params) as response,
    ):
        assert response.status == status, await response.text()


@pytest.mark.parametrize("sender", ["from", "messaging_service_sid"])
async def test_the_look_up_asks_validly_and_reads_the_answer(
    mock: TwilioMock, carrier: TwilioCarrier, sender: str
) -> None:
    example = mock.listed[0]

    async def look_up(known_ids: frozenset[str]) -> object:
        return await carrier.look_up(
            sender=example[sender],
            recipient=example["to"],
            body=example["body"],
            not_before=LONG_AGO,
            known_ids=known_ids,
        )

    assert await look_up(NEVER_KNOWN) == Found(
        example["sid"], ReceiptState.SENT, segments=int(example["num_segments"])
    )
    assert await look_up(frozenset({example["sid"]})) == NotFound()
