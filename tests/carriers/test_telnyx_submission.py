"""The adapter against a server that speaks what Telnyx documents: what goes out and comes back."""

import asyncio
import re

import pytest

from outbound_sms.carriers.carrier import (
    Accepted,
    CallbackCarrier,
    CannotTell,
    InDoubt,
    NotSent,
    Outcome,
    Refused,
    Throttled,
)
from outbound_sms.carriers.configuration import CarrierConfigurationError, parse
from outbound_sms.carriers.telnyx import TelnyxCarrier, TelnyxConfig
from outbound_sms.clock import lease_clock
from tests.broken_calls import answer, answer_then_reset_the_next, breaking_calls
from tests.carriers.harness import MakeSubmission
from tests.carriers.telnyx_server import (
    API_KEY,
    PROFILE,
    PUBLIC_KEY,
    callback,
    carrier_to,
    error,
    event,
    inbound_payload,
    telnyx,
)
from tests.raw_server import StartServer, never_connecting

STATUS_URL = "https://sms.example.net/receipts/t?m=1&a=1&s=2"


async def test_every_field_is_as_the_carrier_documents_it(submission: MakeSubmission) -> None:
    message = submission(status_callback_url=STATUS_URL, valid_for_seconds=300, attempt=2)
    async with telnyx() as server, carrier_to(f"{server.url}/") as carrier:
        outcome = await carrier.submit(message)
        await carrier.submit(submission(body="Panne à Québec ☎", sender=PROFILE))
    (first_headers, first), (_, second) = server.requests
    assert outcome == Accepted(server.accepted[0]["id"], 1)
    assert first == {
        "to": "+14165550123",
        "from": "+12125550100",
        "text": "Planned work on your line tonight.",
        "type": "SMS",
        "encoding": "gsm7",
        "use_profile_webhooks": False,
        "webhook_url": STATUS_URL,
    }
    assert second == {
        "to": "+14165550123",
        "messaging_profile_id": PROFILE,
        "text": "Panne à Québec ☎",
        "type": "SMS",
        "encoding": "ucs2",
        "use_profile_webhooks": False,
    }
    key = first_headers["Idempotency-Key"]
    assert key == f"{message.message_id}:2" and re.fullmatch("[A-Za-z0-9_:-]{1,255}", key)


@pytest.mark.parametrize(
    "body", ['Panne à Québec & région: 100% rétablie? [€] 😀 +1=2\r\n;"\\', "é{[]}€^~|\\", "\f"]
)
async def test_a_text_is_accepted_as_it_was_written(submission: MakeSubmission, body: str) -> None:
    async with telnyx() as server, carrier_to(server.url) as carrier:
        assert isinstance(await carrier.submit(submission(body=body)), Accepted)
    assert [message["text"] for message in server.accepted] == [body]


async def test_the_carriers_own_segments_are_told(submission: MakeSubmission) -> None:
    async with telnyx() as server, carrier_to(server.url) as carrier:
        outcome = await carrier.submit(submission(body="a" * 152 + "[" + "a" * 152))
    assert isinstance(outcome, Accepted)
    assert outcome.segments == 3


async def test_a_wrong_key_is_refused_as_ours(submission: MakeSubmission) -> None:
    async with telnyx() as server, carrier_to(server.url, api_key="wrong") as carrier:
        assert await carrier.submit(submission()) == Refused("ACCOUNT.AUTH", "10009")
    assert server.accepted == []


@pytest.mark.parametrize(
    ("status", "code", "headers", "outcome"),
    [
        (403, "40300", {}, Refused("POLICY.OPTED_OUT", "40300", suppress=True)),
        (400, "40310", {}, Refused("NUMBER.INVALID", "40310")),
        (429, "10011", {"Retry-After": "3"}, Throttled(3.0, "10011")),
        (429, "10011", {"x-ratelimit-reset": "4"}, Throttled(4.0, "10011")),
        (500, "10007", {}, InDoubt("HTTP 500")),
    ],
)
async def test_what_the_server_refuses_has_its_outcome(
    submission: MakeSubmission,
    status: int,
    code: str,
    headers: dict[str, str],
    outcome: Outcome,
) -> None:
    async with telnyx() as server, carrier_to(server.url) as carrier:
        server.answers.append((status, {"errors": [error(code)]}, headers))
        assert await carrier.submit(submission()) == outcome
        assert isinstance(await carrier.submit(submission()), Accepted)


async def test_many_messages_at_once_use_no_more_connections_than_configured(
    submission: MakeSubmission,
) -> None:
    async with telnyx() as server, carrier_to(server.url, connections=4) as carrier:
        outcomes = await asyncio.gather(*(carrier.submit(submission()) for _ in range(100)))
    accepted = {outcome.carrier_message_id for outcome in outcomes if isinstance(outcome, Accepted)}
    assert accepted == {message["id"] for message in server.accepted} and len(accepted) == 100


ACCEPTED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n"
    b'{"data": {"id": "m-1"}}'
)
IN_DOUBT = breaking_calls(ACCEPTED)


@pytest.mark.parametrize("name", IN_DOUBT)
async def test_a_call_that_breaks_after_it_began_is_in_doubt_and_not_repeated(
    name: str, raw_server: StartServer, submission: MakeSubmission
) -> None:
    server = raw_server(IN_DOUBT[name])
    timeout = {"total_timeout": 0.4, "connect_timeout": 0.3} if "hangs" in name else {}
    async with carrier_to(server.url, **timeout) as carrier:
        outcome = await carrier.submit(submission())
    assert isinstance(outcome, InDoubt), outcome
    assert server.connections == 1
    assert server.requests <= 1


async def test_a_kept_connection_that_dies_under_a_second_message_is_not_tried_again(
    raw_server: StartServer, submission: MakeSubmission
) -> None:
    server = raw_server(answer_then_reset_the_next(ACCEPTED))
    async with carrier_to(server.url) as carrier:
        assert await carrier.submit(submission()) == Accepted("m-1")
        assert isinstance(await carrier.submit(submission()), InDoubt)
    assert (server.connections, server.requests) == (1, 2)


async def test_what_cannot_begin_is_not_sent(
    raw_server: StartServer, submission: MakeSubmission
) -> None:
    server = raw_server(answer(ACCEPTED))
    with never_connecting() as url:
        async with carrier_to(url, connect_timeout=0.2) as carrier:
            assert isinstance(await carrier.submit(submission()), NotSent)
    async with carrier_to("http://carrier.invalid") as carrier:
        assert isinstance(await carrier.submit(submission()), NotSent)
    async with carrier_to(server.url) as carrier:
        late = submission(start_by=lease_clock() - 0.001)
        assert await carrier.submit(late) == NotSent("the lease ran out")
        await carrier.close()
        assert await carrier.submit(submission()) == NotSent("the carrier is closed")
    assert server.requests == 0


async def test_it_makes_callbacks_and_has_no_look_up(submission: MakeSubmission) -> None:
    async with carrier_to("http://carrier.invalid", connections=3) as carrier:
        assert isinstance(carrier, CallbackCarrier)
        able = carrier.capabilities
        assert (able.lookup, able.receipts, able.calls, able.longest_call) == (False, True, 3, 5.0)
        found = await carrier.look_up(
            sender="+12125550100",
            recipient="+14165550123",
            body="",
            not_before=None,  # type: ignore[arg-type]  # it looks at nothing
            known_ids=frozenset(),
        )
    assert isinstance(found, CannotTell)


async def test_a_callback_is_as_old_as_the_carriers_clock_says() -> None:
    now = 1_774_000_000.0
    carrier = TelnyxCarrier(TelnyxConfig("t", API_KEY, PUBLIC_KEY), lambda: now)
    body = event("message.received", inbound_payload())
    assert carrier.verify(callback(body, at=now - 300))
    assert not carrier.verify(callback(body, at=now - 301))
    assert carrier.parse_inbound(callback(body)).body == "STOP"


async def test_the_configuration_names_every_mistake_and_no_secret() -> None:
    with pytest.raises(CarrierConfigurationError) as caught:
        parse(
            {
                "carrier": {
                    "a": {
                        "kind": "telnyx",
                        "api_key": "secret value\n",
                        "public_key": PUBLIC_KEY[:-4],
                        "second_public_key": 7,
                        "lookup": True,
                        "connections": 0,
                    },
                    "b": {"kind": "telnyx"},
                    "c": {"kind": "telnyx", "api_key": "", "public_key": "é"},
                }
            }
        )
    assert {problem.partition(":")[0] for problem in caught.value.problems} == {
        "carrier.a.api_key",
        "carrier.a.public_key",
        "carrier.a.second_public_key",
        "carrier.a.lookup",
        "carrier.a.connections",
        "carrier.b.api_key",
        "carrier.b.public_key",
        "carrier.c.api_key",
        "carrier.c.public_key",
    }
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(TelnyxConfig("a", "secret", PUBLIC_KEY))


async def test_a_file_gives_a_telnyx_carrier() -> None:
    table = {"kind": "telnyx", "api_key": API_KEY, "public_key": PUBLIC_KEY}
    carriers = parse({"carrier": {"north": table}})
    assert isinstance(carriers["north"], TelnyxCarrier)
    assert carriers["north"].name == "north"
