"""Texts to our numbers over HTTP: only what a carrier signed, and acted on before the answer."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from outbound_sms.carriers.signature import sign
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import Pool, SessionRole, open_pool
from outbound_sms.webhooks.inbound import InboundHandler
from outbound_sms.webhooks.server import LARGEST_BODY, ReceiptHandler, build_app
from tests.factories import make_isp

TOKEN = "a token"
PUBLIC = "https://sms.example.net/hooks"
ADDRESS = f"{PUBLIC}/inbound/sandbox"
CALLBACKS = CallbackAddress(PUBLIC, b"k" * 32)
OURS, SUBSCRIBER = "+12125550100", "+14165550123"
STOP = {"From": SUBSCRIBER, "To": OURS, "Body": "STOP", "MessageSid": "SM1", "NumMedia": "0"}
FORM_TYPE = "application/x-www-form-urlencoded"

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the webhook said."""

    status: int
    text: str
    content_type: str
    retry_after: str | None


@dataclass(slots=True)
class Caller:
    """Calls the webhook as a carrier would that was given its public address."""

    server: TestServer
    session: ClientSession
    answered: list[None] = field(default_factory=list)

    async def post(
        self, data: str | bytes, signature: str | None, *, address: str = ADDRESS, kind: str
    ) -> Answer:
        headers = {"Content-Type": kind}
        if signature is not None:
            headers["X-Twilio-Signature"] = signature
        path = address.removeprefix(PUBLIC)
        url = self.server.make_url("/").human_repr().rstrip("/") + path
        async with self.session.post(url, data=data, headers=headers) as response:
            return Answer(
                response.status,
                await response.text(),
                response.content_type,
                response.headers.get("Retry-After"),
            )

    async def call(
        self,
        form: dict[str, str] | Fields = STOP,
        *,
        signed: dict[str, str] | Fields | None = None,
        address: str = ADDRESS,
        signed_address: str | None = None,
        token: str = TOKEN,
    ) -> Answer:
        """Sends a form; `signed` and `signed_address` are what the signature covers instead."""
        covered = form if signed is None else signed
        pairs = list(covered.items()) if isinstance(covered, dict) else covered
        signature = sign(token, signed_address or address, pairs)
        return await self.post(urlencode(form), signature, address=address, kind=FORM_TYPE)


@pytest.fixture
async def caller(pool: Pool, database_url: str) -> AsyncIterator[Caller]:
    await make_isp(pool, sender=OURS)
    carrier = TwilioCarrier(
        TwilioConfig(name="sandbox", account_sid="AC" + "1" * 32, auth_token=TOKEN)
    )
    system = await open_pool(
        database_url,
        min_size=1,
        max_size=4,
        application_name="system",
        role=SessionRole.DISPATCHER,
    )
    answered: list[None] = []
    carriers = {"sandbox": carrier}
    app = build_app(
        ReceiptHandler(carriers, CALLBACKS, ReceiptInbox(system)),
        InboundHandler(carriers, CALLBACKS, TextInbox(system, lambda: answered.append(None))),
    )
    server = TestServer(app)
    async with server, ClientSession() as session:
        yield Caller(server, session, answered)
    await carrier.close()
    system.terminate()


async def effects(pool: Pool) -> tuple[int, int, int]:
    """Texts that are stored, numbers that are suppressed, and answers in the queue."""
    row = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM inbound_message), (SELECT count(*) FROM suppression), "
        "(SELECT count(*) FROM dispatch)"
    )
    assert row is not None
    return row[0], row[1], row[2]


def counted(meaning: str) -> float:
    return REGISTRY.get_sample_value("outbound_sms_inbound_total", {"meaning": meaning}) or 0


async def test_a_signed_text_is_acted_on_before_the_answer(pool: Pool, caller: Caller) -> None:
    before = counted("stop")
    answer = await caller.call()
    assert answer == Answer(200, "<Response/>", "text/xml", None)
    assert await effects(pool) == (1, 1, 1)
    assert caller.answered == [None], "the dispatcher is woken"
    assert counted("stop") == before + 1
    row = await pool.fetchrow("SELECT carrier, carrier_message_id, e164, body FROM inbound_message")
    assert row is not None and tuple(row) == ("sandbox", "SM1", SUBSCRIBER, "STOP")


async def test_what_needs_no_answer_wakes_nobody(pool: Pool, caller: Caller) -> None:
    before = counted("unclear")
    assert (await caller.call({**STOP, "Body": "Thanks!"})).status == 200
    assert await effects(pool) == (1, 0, 0)
    assert caller.answered == []
    assert counted("unclear") == before + 1


async def test_a_hundred_replays_have_one_effect(pool: Pool, caller: Caller) -> None:
    before = counted("repeated")
    for _ in range(10):
        answers = await asyncio.gather(*(caller.call() for _ in range(10)))
        assert {answer.status for answer in answers} == {200}
    assert await effects(pool) == (1, 1, 1)
    assert caller.answered == [None]
    assert counted("repeated") == before + 99


async def test_the_order_of_the_fields_means_nothing(pool: Pool, caller: Caller) -> None:
    assert (await caller.call(list(reversed(STOP.items())), signed=STOP)).status == 200
    assert await effects(pool) == (1, 1, 1)


async def test_an_address_with_a_query_is_covered_as_a_whole(pool: Pool, caller: Caller) -> None:
    assert (await caller.call(address=f"{ADDRESS}?x=1", signed_address=ADDRESS)).status == 403
    assert (await caller.call(address=f"{ADDRESS}?x=1&y=%20")).status == 200
    assert await effects(pool) == (1, 1, 1)


async def test_what_the_carrier_did_not_sign_is_refused_and_changes_nothing(
    pool: Pool, caller: Caller
) -> None:
    before = counted("forged")
    changed = {**STOP, "From": "+14165550124"}
    fewer = {name: value for name, value in STOP.items() if name != "NumMedia"}
    refused = [
        await caller.call(token="another token"),
        await caller.call(changed, signed=STOP),
        await caller.call({**STOP, "Extra": "1"}, signed=STOP),
        await caller.call(fewer, signed=STOP),
        await caller.call([*STOP.items(), ("Body", "START")], signed=STOP),
        await caller.call(signed_address=ADDRESS.replace("https", "http")),
        await caller.post(urlencode(STOP), None, kind=FORM_TYPE),
        await caller.post(urlencode(STOP), "é", kind=FORM_TYPE),
    ]
    assert [(answer.status, answer.text) for answer in refused] == [(403, "")] * len(refused)
    assert await effects(pool) == (0, 0, 0)
    assert counted("forged") == before + len(refused)


async def test_a_json_body_is_no_text_however_it_is_signed(pool: Pool, caller: Caller) -> None:
    body = json.dumps(STOP)
    digest = hashlib.sha256(body.encode()).hexdigest()
    address = f"{ADDRESS}?bodySHA256={digest}"
    for signature, status in (
        (sign(TOKEN, address), 400),
        (sign(TOKEN, address, list(STOP.items())), 403),
    ):
        answer = await caller.post(body, signature, address=address, kind="application/json")
        assert answer.status == status
    # The signature of the address alone, with no body at all: it holds, and says nothing.
    assert (await caller.post("", sign(TOKEN, address), address=address, kind="")).status == 400
    assert await effects(pool) == (0, 0, 0)


@pytest.mark.parametrize("name", ["From", "To", "Body", "MessageSid"])
async def test_a_signed_form_that_lacks_something_is_refused(
    pool: Pool, caller: Caller, name: str
) -> None:
    before = counted("malformed")
    form = {each: value for each, value in STOP.items() if each != name}
    assert (await caller.call(form)).status == 400
    assert await effects(pool) == (0, 0, 0)
    assert counted("malformed") == before + 1


async def test_an_unknown_carrier_and_an_endless_body_are_refused(
    pool: Pool, caller: Caller
) -> None:
    assert (await caller.call(address=f"{PUBLIC}/inbound/nobody")).status == 404
    assert (await caller.call({**STOP, "Body": "x" * LARGEST_BODY})).status == 413
    assert await effects(pool) == (0, 0, 0)


async def test_every_character_that_a_body_may_have_can_be_stored(
    pool: Pool, caller: Caller
) -> None:
    body = "Où ? \0 \ufffe \U0001f6d1\r\n % _ ' \\ " + "é" * 1600
    assert (await caller.call({**STOP, "Body": body})).status == 200
    assert await pool.fetchval("SELECT body FROM inbound_message") == body.replace("\0", "\ufffd")


async def test_a_text_to_a_number_that_is_not_ours_is_answered_and_logged_without_the_number(
    pool: Pool, caller: Caller
) -> None:
    before = counted("not_ours")
    with capture_logs() as lines:
        answer = await caller.call({**STOP, "To": "+12125550199", "Body": "My secret"})
    assert answer == Answer(200, "<Response/>", "text/xml", None)
    assert await effects(pool) == (0, 0, 0)
    assert counted("not_ours") == before + 1
    (line,) = lines
    assert line["to"] == "+1212***0199"
    written = str(line)
    assert not [word for word in ("5550199", SUBSCRIBER[2:], "secret") if word in written]


async def test_neither_numbers_nor_words_are_logged(pool: Pool, caller: Caller) -> None:
    with capture_logs() as lines:
        await caller.call()
        await caller.call({**STOP, "From": "14165550123", "Body": "My secret"})
        await pool.execute("ALTER TABLE inbound_message RENAME TO away")
        await caller.call({**STOP, "MessageSid": "SM2", "Body": "My secret"})
    assert len(lines) == 2
    assert not [word for word in ("555", "secret", "STOP") if word in str(lines)]


async def test_a_text_that_could_not_be_stored_is_asked_for_again(
    pool: Pool, caller: Caller
) -> None:
    await pool.execute("ALTER TABLE inbound_message RENAME TO away")
    answer = await caller.call()
    assert (answer.status, answer.retry_after) == (503, "1")
    await pool.execute("ALTER TABLE away RENAME TO inbound_message")
    assert await effects(pool) == (0, 0, 0)
    assert (await caller.call()).status == 200
    assert await effects(pool) == (1, 1, 1)


async def test_a_database_that_is_away_is_an_answer_too(pool: Pool, caller: Caller) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE inbound_message")
        asked = asyncio.create_task(caller.call())
        assert (await asked).status == 503
    assert await effects(pool) == (0, 0, 0)
