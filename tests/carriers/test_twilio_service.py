"""A Messaging Service as the sender: what is submitted, and that the look-up tells it from numbers.

And the time for which the carrier may keep a text in its queue.
"""

from urllib.parse import parse_qs

import pytest
from aiohttp import web

from outbound_sms.carriers.carrier import Accepted, Found, NotFound
from outbound_sms.carriers.twilio import TwilioCarrier
from outbound_sms.sandbox_server import serving
from tests.carriers.harness import (
    CallbackReceiver,
    Connect,
    MakeSubmission,
    Sandbox,
    look_up,
)

SERVICE = "MG00000000000000000000000000000001"
OTHER_SERVICE = "MG00000000000000000000000000000002"
# From which the sandbox sends what comes through a service.
POOL_NUMBER = "+12125550100"


async def test_a_text_of_a_service_leaves_from_a_number_that_the_carrier_picks(
    sandbox: Sandbox, carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    outcome = await carrier.submit(submission(sender=SERVICE, valid_for_seconds=600))
    (accepted,) = await sandbox.accepted()
    assert outcome == Accepted(accepted["sid"], 1)
    assert (accepted["from"], accepted["messaging_service_sid"]) == (POOL_NUMBER, SERVICE)


async def test_the_receipts_of_a_service_come_like_those_of_a_number(
    callback_receiver: CallbackReceiver, carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    outcome = await carrier.submit(
        submission(sender=SERVICE, status_callback_url=callback_receiver.url)
    )
    assert isinstance(outcome, Accepted)
    await callback_receiver.until(3)
    assert callback_receiver.statuses(outcome.carrier_message_id) == ["queued", "sent", "delivered"]


async def test_a_service_and_a_number_are_looked_up_each_by_its_own_messages(
    carrier: TwilioCarrier, submission: MakeSubmission
) -> None:
    number, service = submission(sender="+12125550102"), submission(sender=SERVICE)
    of_number, of_service = await carrier.submit(number), await carrier.submit(service)
    assert isinstance(of_number, Accepted)
    assert isinstance(of_service, Accepted)
    for wanted, accepted in ((number, of_number), (service, of_service)):
        found = await look_up(carrier, wanted)
        assert isinstance(found, Found)
        assert found.carrier_message_id == accepted.carrier_message_id
    assert await look_up(carrier, submission(sender=OTHER_SERVICE)) == NotFound()


@pytest.mark.parametrize("sender", [SERVICE, POOL_NUMBER])
async def test_what_is_known_is_not_found_again_whoever_sent_it(
    carrier: TwilioCarrier, submission: MakeSubmission, sender: str
) -> None:
    first, second = [await carrier.submit(submission(sender=sender)) for _ in range(2)]
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    known = frozenset({first.carrier_message_id})
    found = await look_up(carrier, submission(sender=sender), known_ids=known)
    assert isinstance(found, Found)
    assert found.carrier_message_id == second.carrier_message_id
    both = known | {second.carrier_message_id}
    assert await look_up(carrier, submission(sender=sender), known_ids=both) == NotFound()


@pytest.mark.parametrize(
    ("asked", "sent"), [(-5, "1"), (0, "1"), (1, "1"), (36_000, "36000"), (86_400, "36000")]
)
@pytest.mark.parametrize("sender", [SERVICE, POOL_NUMBER])
async def test_the_validity_is_kept_within_what_the_carrier_takes(
    connect: Connect,
    sandbox: Sandbox,
    carrier: TwilioCarrier,
    submission: MakeSubmission,
    sender: str,
    asked: int,
    sent: str,
) -> None:
    message = submission(sender=sender, valid_for_seconds=asked)
    assert isinstance(await carrier.submit(message), Accepted)
    forms = []

    async def take(request: web.Request) -> web.Response:
        forms.append(parse_qs((await request.read()).decode()))
        return web.json_response({"sid": "SM1"}, status=201)

    app = web.Application()
    app.router.add_post("/{any:.*}", take)
    async with serving(app, "127.0.0.1", 0) as url, connect(url) as other:
        await other.submit(message)
    (form,) = forms
    assert form["ValidityPeriod"] == [sent]
    # Nothing may change the body: the look-up compares it.
    assert "ShortenUrls" not in form
    assert form.get("SmartEncoded", ["false"]) == ["false"]
