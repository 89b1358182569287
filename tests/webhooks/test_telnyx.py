"""A whole life over Telnyx: from the queue to its API, and back by the webhooks that it signs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from outbound_sms.carriers.telnyx import TelnyxCarrier
from outbound_sms.dispatch.dispatcher import Dispatcher
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.http_side import HttpSide
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import Pool, SessionRole, open_pool
from outbound_sms.webhooks.inbound import InboundHandler
from outbound_sms.webhooks.server import ReceiptHandler, build_app
from tests.carriers.telnyx_server import (
    Telnyx,
    carrier_to,
    error,
    event,
    inbound_payload,
    telnyx,
)
from tests.dispatch.checks import check_history, statuses, until_settled
from tests.dispatch.queue_factory import Queued, fill_queue
from tests.dispatch.running import QUICK
from tests.waiting import wait_until

# A receipt must find its message still in doubt, however slow the machine is.
PATIENT = replace(QUICK, doubt_limit=60.0)
OURS, SUBSCRIBER, NEIGHBOUR = "+12125550100", "+14165550123", "+14165550124"


@dataclass(frozen=True, slots=True)
class Service:
    """A server with one carrier, and Telnyx behind it."""

    telnyx: Telnyx
    carrier: TelnyxCarrier
    url: str


@pytest.fixture
async def system(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(
        database_url,
        min_size=1,
        max_size=10,
        application_name="system",
        role=SessionRole.DISPATCHER,
        index_plans=True,
    )
    yield pool
    pool.terminate()


@pytest.fixture
async def service(pool: Pool, system: Pool) -> AsyncIterator[Service]:
    """A dispatcher and the webhooks, joined as a process joins them."""
    async with (
        telnyx() as server,
        carrier_to(server.url) as carrier,
        HttpSide("127.0.0.1:0", reuse_port=False) as http,
    ):
        carriers = {"telnyx": carrier}
        callbacks = CallbackAddress(http.url, b"k" * 32)
        dispatcher = Dispatcher(system, carriers, callbacks, PATIENT)
        await http.start(
            build_app(
                ReceiptHandler(
                    carriers, callbacks, ReceiptInbox(system, dispatcher.receipts_arrived.set)
                ),
                InboundHandler(carriers, callbacks, TextInbox(system, dispatcher.work_arrived.set)),
            )
        )
        stop = asyncio.Event()
        running = asyncio.create_task(dispatcher.run(stop))
        yield Service(server, carrier, http.url)
        stop.set()
        await running


async def send(pool: Pool, *recipients: str) -> Queued:
    return await fill_queue(
        pool,
        len(recipients),
        sender=OURS,
        carrier="telnyx",
        text="Panne à Québec ☎",
        recipients=recipients,
    )


async def until_statuses(pool: Pool, queued: Queued, expected: dict[str, int]) -> None:
    async def reached() -> bool:
        return await statuses(pool, queued.mass_message_id) == expected

    await wait_until(reached, 10, str(expected))


async def test_a_text_is_sent_reported_and_delivered(pool: Pool, service: Service) -> None:
    queued = await send(pool, SUBSCRIBER)
    await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"sent": 1}
    (message,) = service.telnyx.accepted
    assert (message["text"], message["to"][0]["phone_number"]) == ("Panne à Québec ☎", SUBSCRIBER)
    assert message["webhook_url"].startswith(f"{service.url}/receipts/telnyx?m=")
    assert await service.telnyx.report(message, "sent") == 204
    assert await service.telnyx.report(message, "delivered") == 204
    await until_statuses(pool, queued, {"delivered": 1})
    # Telnyx calls up to three times, and in any order.
    assert await service.telnyx.report(message, "delivered") == 204
    assert await service.telnyx.report(message, "sent") == 204
    row = await pool.fetchrow("SELECT carrier, carrier_message_id, outcome FROM attempt")
    assert row is not None and tuple(row) == ("telnyx", message["id"], 1)
    await check_history(pool)
    assert len(service.telnyx.accepted) == 1


async def test_a_text_that_telnyx_could_not_send_fails_with_its_reason_and_costs_nothing(
    pool: Pool, service: Service
) -> None:
    queued = await send(pool, SUBSCRIBER)
    await until_settled(pool)
    (message,) = service.telnyx.accepted
    assert await service.telnyx.report(message, "sending_failed", error("40012")) == 204
    await until_statuses(pool, queued, {"failed": 1})
    assert await pool.fetchval("SELECT reject_reason FROM message") == "NUMBER.INVALID"

    async def refunded() -> bool:
        kinds = await pool.fetch("SELECT kind FROM ledger_entry WHERE message_id IS NOT NULL")
        return 5 in {row["kind"] for row in kinds}

    await wait_until(refunded, 10, "the price is refunded")


async def test_a_stop_suppresses_the_number_and_is_confirmed_once(
    pool: Pool, service: Service
) -> None:
    await send(pool, SUBSCRIBER)
    await until_settled(pool)
    address = f"{service.url}/inbound/telnyx"
    body = event("message.received", inbound_payload())
    for _ in range(3):
        assert await service.telnyx.call(address, body) == 200
    await until_settled(pool)
    assert [m["to"][0]["phone_number"] for m in service.telnyx.accepted] == [SUBSCRIBER] * 2
    assert await pool.fetchval("SELECT count(*) FROM suppression") == 1
    assert await pool.fetchval("SELECT count(*) FROM inbound_message") == 1
    queued = await fill_queue(
        pool, 2, sender="+12125550101", carrier="telnyx", recipients=[SUBSCRIBER, NEIGHBOUR]
    )
    await until_settled(pool)
    assert await statuses(pool, queued.mass_message_id) == {"failed": 1, "sent": 1}
    assert service.telnyx.accepted[-1]["to"][0]["phone_number"] == NEIGHBOUR


async def test_a_number_that_telnyx_says_opted_out_is_suppressed(
    pool: Pool, service: Service
) -> None:
    refusal = {"errors": [error("40300", "Blocked due to STOP message")]}
    service.telnyx.answers.append((403, refusal, {}))
    queued = await send(pool, SUBSCRIBER)
    await until_statuses(pool, queued, {"failed": 1})

    async def suppressed() -> bool:
        return bool(await pool.fetchval("SELECT count(*) FROM suppression"))

    await wait_until(suppressed, 10, "the number is suppressed")


async def test_an_answer_that_was_lost_is_found_out_by_the_receipt_and_nobody_is_texted_twice(
    pool: Pool, service: Service
) -> None:
    # The answer says nothing, though the message was taken.
    service.telnyx.answers.append((502, {}, {}))
    queued = await send(pool, SUBSCRIBER)

    async def in_doubt() -> bool:
        return bool(await pool.fetchval("SELECT in_doubt_since IS NOT NULL FROM dispatch"))

    await wait_until(in_doubt, 10, "the message is in doubt")
    (_, asked) = service.telnyx.requests[0]
    lost = {"id": "m-lost", "to": [{"phone_number": SUBSCRIBER}], "errors": []}
    taken = lost | {"webhook_url": asked["webhook_url"]}
    assert await service.telnyx.report(taken, "delivered") == 204
    await until_statuses(pool, queued, {"delivered": 1})
    await until_settled(pool)
    assert len(service.telnyx.requests) == 1
    assert await pool.fetchval("SELECT carrier_message_id FROM attempt") == "m-lost"


async def test_what_telnyx_did_not_sign_or_cannot_mean_changes_nothing(
    pool: Pool, service: Service
) -> None:
    queued = await send(pool, SUBSCRIBER)
    await until_settled(pool)
    (message,) = service.telnyx.accepted
    receipts, texts = message["webhook_url"], f"{service.url}/inbound/telnyx"
    body = event("message.received", inbound_payload())
    # A text is no receipt, nor the other way round; an address is good for one message only.
    assert await service.telnyx.call(receipts, body) == 400
    assert await service.telnyx.report(message | {"webhook_url": texts}, "delivered") == 400
    other = receipts.replace("a=1", "a=2")
    assert await service.telnyx.report(message | {"webhook_url": other}, "delivered") == 403
    assert await service.telnyx.call(texts, b"{") == 400
    assert await statuses(pool, queued.mass_message_id) == {"sent": 1}
    assert await pool.fetchval("SELECT count(*) FROM inbound_message") == 0
