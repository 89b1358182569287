"""Whatever comes to the webhooks is taken or refused: never is it an error of ours.

The signatures are checked and then believed, so that every parser is reached. FUZZ_SECONDS: see
`tests.fuzzing`.
"""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import structlog
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from outbound_sms.carriers.carrier import Callback, Carrier
from outbound_sms.carriers.telnyx import TelnyxCarrier, TelnyxConfig
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import Pool
from outbound_sms.webhooks.inbound import InboundHandler
from outbound_sms.webhooks.server import LARGEST_BODY, ReceiptHandler, build_app
from tests.dispatch.claims import claim
from tests.dispatch.money import intend, settle
from tests.dispatch.queue_factory import fill_queue
from tests.fuzzing import mutated, rounds_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PUBLIC = "https://sms.example.net"
CALLBACKS = CallbackAddress(PUBLIC, b"k" * 32)
OURS, SUBSCRIBER = "+12025550199", "+14165550123"
CARRIERS = ("twilio", "telnyx")
AT_ONCE = 8

RECEIPT_FORM = {
    "MessageSid": "SM0123456789abcdef0123456789abcdef",
    "MessageStatus": "undelivered",
    "ErrorCode": "30003",
    "To": SUBSCRIBER,
    "From": OURS,
}
TEXT_FORM = {"MessageSid": "SM1", "From": SUBSCRIBER, "To": OURS, "Body": "Stop, please é 😀"}
RECEIPT_EVENT: dict[str, Any] = {
    "data": {
        "event_type": "message.finalized",
        "id": "0190",
        "occurred_at": "2026-01-01T00:00:00Z",
        "payload": {
            "id": "40319f1f-0000-4000-8000-000000000001",
            "direction": "outbound",
            "to": [{"phone_number": SUBSCRIBER, "status": "delivery_failed"}],
            "from": {"phone_number": OURS},
            "errors": [{"code": "40001", "title": "Landline"}],
        },
    }
}
TEXT_EVENT: dict[str, Any] = {
    "data": {
        "event_type": "message.received",
        "payload": {
            "id": "40319f1f-0000-4000-8000-000000000002",
            "type": "SMS",
            "from": {"phone_number": SUBSCRIBER},
            "to": [{"phone_number": OURS}],
            "text": "STOP 😀",
        },
    }
}


class TrustingTwilio(TwilioCarrier):
    """Checks a signature, and believes it whatever it is."""

    def verify(self, callback: Callback) -> bool:
        super().verify(callback)
        return True


class TrustingTelnyx(TelnyxCarrier):
    """Checks a signature, and believes it whatever it is."""

    def verify(self, callback: Callback) -> bool:
        super().verify(callback)
        return True


@dataclass(frozen=True, slots=True)
class Request:
    """One callback as it is written to the connection."""

    target: bytes
    headers: bytes
    body: bytes

    def octets(self) -> bytes:
        """The whole request; the connection ends with its answer."""
        return (
            b"POST " + self.target + b" HTTP/1.1\r\nHost: sms.example.net\r\nConnection: close\r\n"
            b"Content-Length: " + str(len(self.body)).encode() + b"\r\n" + self.headers + b"\r\n"
        ) + self.body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def events(draw: st.DrawFn) -> bytes:
    """An event with some of its values replaced by others, of any type."""
    event = json.loads(json.dumps(draw(st.sampled_from([RECEIPT_EVENT, TEXT_EVENT]))))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = event
        while True:
            keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
                break
            place = place[key]
        place[key] = draw(JSON | st.sampled_from([SUBSCRIBER, OURS, "\0", "\ud800", 10**400]))
        if not isinstance(event, dict | list) or not event:
            break
    return json.dumps(event).encode()


VALUES = st.text() | st.sampled_from(
    [SUBSCRIBER, OURS, "SM1", "delivered", "sent", "failed", "0", "-1", "1" * 5_000, "\0", "STOP"]
)
FORMS = st.dictionaries(st.sampled_from([*RECEIPT_FORM, *TEXT_FORM, "SmsSid"]), VALUES).map(
    lambda form: urlencode(form, errors="replace").encode()
)
EXAMPLES = [
    *(urlencode(form).encode() for form in (RECEIPT_FORM, TEXT_FORM)),
    *(json.dumps(event).encode() for event in (RECEIPT_EVENT, TEXT_EVENT)),
]
HOSTILE = [b"[" * 60_000, b'{"data":' * 8_000, b"9" * 60_000, b"a=b&" * 15_000, b"=" * LARGEST_BODY]
BODIES = mutated(EXAMPLES) | FORMS | events() | st.binary() | st.sampled_from(HOSTILE)

NAMES = st.sampled_from(
    [
        b"X-Twilio-Signature",
        b"telnyx-signature-ed25519",
        b"telnyx-timestamp",
        b"Content-Type",
        b"Content-Encoding",
        b"X-Other",
    ]
)
# What ends a header would only make another request of it.
CONTENTS = st.binary(max_size=60).map(
    lambda raw: raw.translate(None, delete=b"\r\n\0")
) | st.sampled_from(
    [b"application/json", b"application/json;charset=x", b"gzip", b"1770000000", b"9" * 5_000]
)
HEADERS = st.lists(st.tuples(NAMES, CONTENTS), max_size=4).map(
    lambda pairs: b"".join(name + b": " + content + b"\r\n" for name, content in pairs)
)
QUERIES = st.binary(max_size=40).map(lambda raw: quote(raw, safe="&=%+?/:;#\\").encode())


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Nothing is logged: pytest would keep every line of a long run in memory."""
    logging.disable(logging.CRITICAL)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()
    logging.disable(logging.NOTSET)


@pytest.fixture
async def address(pool: Pool) -> AsyncIterator[tuple[str, int, list[bytes]]]:
    """Host and port of the webhooks, and the addresses that carriers were given."""
    queued = await fill_queue(pool, 1, sender=OURS)
    claimed = await claim(pool, queued.sending_number_id)
    await intend(pool, claimed)
    await settle(pool, claimed)
    key = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    carriers: dict[str, Carrier] = {
        "twilio": TrustingTwilio(TwilioConfig("twilio", "AC" + "1" * 32, "token")),
        "telnyx": TrustingTelnyx(TelnyxConfig("telnyx", "key", key)),
    }
    app = build_app(
        ReceiptHandler(carriers, CALLBACKS, ReceiptInbox(pool)),
        InboundHandler(carriers, CALLBACKS, TextInbox(pool)),
    )
    targets = [
        CALLBACKS.url(name, queued.message_ids[0], 1).removeprefix(PUBLIC).encode()
        for name in CARRIERS
    ] + [f"/inbound/{name}".encode() for name in CARRIERS]
    async with TestServer(app) as server:
        yield server.host, server.port or 0, targets
    for carrier in carriers.values():
        await carrier.close()


async def answer_to(host: str, port: int, request: Request) -> int:
    """The status."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request.octets())
        line = await reader.readline()
        await reader.read()
    finally:
        writer.close()
    return int(line.split()[1])


async def test_no_callback_is_an_error_of_ours(
    pool: Pool, address: tuple[str, int, list[bytes]]
) -> None:
    host, port, targets = address
    known = st.sampled_from(targets)
    addresses = known | st.builds(
        lambda target, query: target + (b"&" if b"?" in target else b"?") + query, known, QUERIES
    )
    requests = st.builds(Request, addresses | mutated_targets(targets), HEADERS, BODIES)
    turns = asyncio.Semaphore(AT_ONCE)
    seen: dict[int, int] = {}

    async def examine(request: Request) -> None:
        async with turns:
            status = await answer_to(host, port, request)
        assert 200 <= status < 500, (status, request)
        seen[status] = seen.get(status, 0) + 1

    # Every way out is taken before anything is changed, or the parsers would not be reached.
    strange = [b"/receipts/nobody", targets[0] + b"0"]
    for target in [*targets, *strange]:
        for body in EXAMPLES:
            await examine(Request(target, b"", body))
    assert {200, 204, 400, 403, 404} <= seen.keys(), seen
    for found in rounds_of(requests):
        await asyncio.gather(*(examine(request) for request in found))
    # What was taken is what can be stored: nothing is left out on the way.
    assert await pool.fetchval("SELECT count(*) FROM inbound_message") > 0
    assert await pool.fetchval("SELECT count(*) FROM receipt") > 0


def mutated_targets(targets: list[bytes]) -> st.SearchStrategy[bytes]:
    """Addresses with something wrong in them, still written as addresses."""
    return mutated(targets).map(lambda raw: b"/" + quote(raw, safe="/?&=%-").encode().lstrip(b"/"))
