"""Who may call: carriers of the configuration that make callbacks, with what they have signed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry, Counter

from outbound_sms.carriers.carrier import Carrier
from outbound_sms.carriers.null import NullCarrier
from outbound_sms.carriers.signature import sign
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.webhooks.request import SignedCallbacks

TOKEN = "a token"
PUBLIC = "https://sms.example.net/hooks"


async def nobody(_: object) -> None:
    raise AssertionError


@pytest.fixture
def counter() -> Counter:
    return Counter("calls_total", "Calls.", ["state"], registry=CollectorRegistry())


@pytest.fixture
async def server(counter: Counter) -> AsyncIterator[TestServer]:
    """Answers 200 with the URL that the carrier called, where it lets the callback in."""
    carriers: dict[str, Carrier] = {
        "calling": TwilioCarrier(TwilioConfig("calling", "AC1", TOKEN)),
        "silent": NullCarrier(nobody),
    }
    signed = SignedCallbacks(carriers, CallbackAddress(PUBLIC, b"k" * 32), counter)

    async def handle(request: web.Request) -> web.Response:
        carrier, callback = await signed.read(request)
        assert carrier.name == request.match_info["carrier"]
        assert all(name == name.lower() for name in callback.headers)
        return web.Response(text=callback.url)

    app = web.Application()
    app.router.add_post("/calls/{carrier}", handle)
    started = TestServer(app)
    async with started:
        yield started


async def call(server: TestServer, target: str, signed: str) -> tuple[int, str]:
    """The status and text of the answer to a request for exactly these characters."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        f"POST {target} HTTP/1.1\r\nHost: other.example.net\r\nConnection: close\r\n"
        f"X-Twilio-Signature: {signed}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    )
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    head, _, text = answer.partition("\r\n\r\n")
    return int(head.split()[1]), text


def forged(counter: Counter) -> float:
    return sum(
        sample.value
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name == "calls_total" and sample.labels == {"state": "forged"}
    )


@pytest.mark.parametrize(
    "path",
    [
        "/calls/calling",
        "/calls/calling?",
        "/calls/calling?a=1&",
        "/calls/calling?a=%7e~%41+%20",
        "/calls/calling?a=1?b=/../c",
    ],
)
async def test_the_signature_covers_the_address_as_it_was_called(
    server: TestServer, counter: Counter, path: str
) -> None:
    assert await call(server, path, sign(TOKEN, PUBLIC + path)) == (200, PUBLIC + path)
    for other in (path + "x", path + "?", path[:-1]):
        status, text = await call(server, path, sign(TOKEN, PUBLIC + other))
        assert (status, text) == (403, "")
    assert forged(counter) == 3


async def test_an_address_with_a_host_in_it_is_read_without_it(server: TestServer) -> None:
    path = "/calls/calling?a=1"
    right = sign(TOKEN, PUBLIC + path)
    assert await call(server, f"http://other.example.net{path}", right) == (200, PUBLIC + path)


@pytest.mark.parametrize("name", ["silent", "nobody", "", "calling/more"])
async def test_where_no_carrier_calls_there_is_nothing(
    server: TestServer, counter: Counter, name: str
) -> None:
    path = f"/calls/{name}"
    async with (
        ClientSession() as session,
        session.post(
            server.make_url(path), headers={"X-Twilio-Signature": sign(TOKEN, PUBLIC + path)}
        ) as response,
    ):
        assert response.status == 404
    assert forged(counter) == 0
