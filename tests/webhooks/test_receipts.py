"""Receipts over HTTP: only what a carrier signed, for an attempt of ours, and stored first."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from outbound_sms.carriers.signature import sign
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import Pool
from outbound_sms.store.receipts import apply_receipts
from outbound_sms.webhooks.inbound import InboundHandler
from outbound_sms.webhooks.server import LARGEST_BODY, ReceiptHandler, build_app
from tests.dispatch.claims import claim
from tests.dispatch.money import intend, settle
from tests.dispatch.queue_factory import Queued, fill_queue

TOKEN = "a token"
PUBLIC = "https://sms.example.net/hooks"
CALLBACKS = CallbackAddress(PUBLIC, b"k" * 32)
FORM = {"MessageSid": "SM1", "MessageStatus": "delivered"}


class Caller:
    """Calls the webhook as a carrier would that was given its public address."""

    def __init__(self, server: TestServer, session: ClientSession) -> None:
        self._server = server
        self._session = session

    async def call(
        self,
        address: str,
        form: dict[str, str] = FORM,
        *,
        signed_address: str | None = None,
        signed_form: dict[str, str] | None = None,
        token: str = TOKEN,
    ) -> int:
        """The status of the answer."""
        signature = sign(token, signed_address or address, list((signed_form or form).items()))
        path = address.removeprefix(PUBLIC)
        async with self._session.post(
            self._server.make_url("/").human_repr().rstrip("/") + path,
            data=urlencode(form),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Twilio-Signature": signature,
            },
        ) as response:
            return response.status


@pytest.fixture
async def caller(pool: Pool) -> AsyncIterator[Caller]:
    carrier = TwilioCarrier(
        TwilioConfig(name="sandbox", account_sid="AC" + "1" * 32, auth_token=TOKEN)
    )
    carriers = {"sandbox": carrier}
    app = build_app(
        ReceiptHandler(carriers, CALLBACKS, ReceiptInbox(pool)),
        InboundHandler(carriers, CALLBACKS, TextInbox(pool)),
    )
    server = TestServer(app)
    async with server, ClientSession() as session:
        yield Caller(server, session)
    await carrier.close()


@pytest.fixture
async def sent(pool: Pool) -> Queued:
    """One message that its carrier has accepted."""
    queued = await fill_queue(pool, 1, carrier="sandbox")
    claimed = await claim(pool, queued.sending_number_id)
    await intend(pool, claimed)
    await settle(pool, claimed)
    return queued


def address(message_id: UUID, attempt: int = 1) -> str:
    return CALLBACKS.url("sandbox", message_id, attempt)


async def stored(pool: Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM receipt")
    return count


async def test_a_signed_receipt_is_stored_and_then_applied(
    pool: Pool, caller: Caller, sent: Queued
) -> None:
    assert await caller.call(address(sent.message_ids[0])) == 204
    assert await stored(pool) == 1
    await apply_receipts(pool, 500)
    assert await pool.fetchval("SELECT status FROM message") == 4


async def test_a_hundred_replays_have_one_effect(pool: Pool, caller: Caller, sent: Queued) -> None:
    for _ in range(100):
        assert await caller.call(address(sent.message_ids[0])) == 204
    await apply_receipts(pool, 500)
    assert await caller.call(address(sent.message_ids[0])) == 204
    await apply_receipts(pool, 500)
    assert await pool.fetchval("SELECT version FROM message") == 4
    assert await pool.fetchval("SELECT count(*) FROM status_event WHERE status = 4") == 1


async def test_what_the_carrier_did_not_sign_is_refused_and_changes_nothing(
    pool: Pool, caller: Caller, sent: Queued
) -> None:
    right = address(sent.message_ids[0])
    other = {**FORM, "MessageStatus": "undelivered"}
    assert await caller.call(right, token="another token") == 403
    assert await caller.call(right, other, signed_form=FORM) == 403
    assert await caller.call(right, {**FORM, "Extra": "1"}, signed_form=FORM) == 403
    assert await caller.call(right + "&x=1", signed_address=right) == 403
    assert await stored(pool) == 0


@pytest.mark.parametrize("spoil", ["message", "attempt", "mac", "query"])
async def test_an_address_that_is_not_ours_is_refused_however_it_is_signed(
    pool: Pool, caller: Caller, sent: Queued, spoil: str
) -> None:
    right = address(sent.message_ids[0])
    spoilt = {
        "message": right.replace(str(sent.message_ids[0]), str(uuid4())),
        "attempt": right.replace("a=1", "a=2"),
        "mac": right[:-1] + ("0" if right[-1] != "0" else "1"),
        "query": right.split("?")[0],
    }[spoil]
    assert await caller.call(spoilt) == 403
    assert await stored(pool) == 0


async def test_states_that_say_less_than_accepted_are_not_stored(
    pool: Pool, caller: Caller, sent: Queued
) -> None:
    form = {**FORM, "MessageStatus": "queued"}
    assert await caller.call(address(sent.message_ids[0]), form) == 204
    assert await stored(pool) == 0


async def test_an_undelivered_receipt_fails_the_message_with_its_reason(
    pool: Pool, caller: Caller, sent: Queued
) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003"}
    assert await caller.call(address(sent.message_ids[0]), form) == 204
    await apply_receipts(pool, 500)
    row = await pool.fetchrow("SELECT status, reject_reason FROM message")
    assert row is not None and tuple(row) == (5, "NUMBER.UNREACHABLE")


async def test_a_signed_form_that_says_nothing_is_refused(caller: Caller, sent: Queued) -> None:
    assert await caller.call(address(sent.message_ids[0]), {"MessageSid": "SM1"}) == 400


async def test_an_unknown_carrier_and_an_endless_body_are_refused(
    caller: Caller, sent: Queued
) -> None:
    right = address(sent.message_ids[0])
    assert await caller.call(right.replace("/sandbox?", "/nobody?")) == 404
    assert await caller.call(right, {**FORM, "Long": "x" * (LARGEST_BODY + 1)}) == 413


async def test_a_receipt_that_could_not_be_stored_is_asked_for_again(
    pool: Pool, caller: Caller, sent: Queued
) -> None:
    await pool.execute("ALTER TABLE receipt RENAME TO receipt_away")
    assert await caller.call(address(sent.message_ids[0])) == 503
    await pool.execute("ALTER TABLE receipt_away RENAME TO receipt")
    assert await caller.call(address(sent.message_ids[0])) == 204
