"""From the queue over SMPP to Delivered: through the dispatcher, on PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from outbound_sms.carriers.smpp.carrier import SmppCarrier
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.dispatch.dispatcher import Dispatcher
from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.inbox.arrivals import ReceivedArrivals
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import Pool
from tests.carriers.smpp.npm_smsc import NpmSmsc
from tests.dispatch.queue_factory import fill_queue
from tests.dispatch.running import CALLBACKS, QUICK
from tests.waiting import wait_until

RECIPIENTS = ("+12125550101", "+12125550102", "+14165550123")
LONG = "".join(f"{n:03}" for n in range(120))


@asynccontextmanager
async def dispatching_over_smpp(
    pool: Pool, smsc: NpmSmsc, **settings: Any
) -> AsyncIterator[SmppCarrier]:
    """A dispatcher whose one carrier is connected, as a process has it."""
    config = SmppConfig(
        "smsc", "127.0.0.1", "northwind", "secret12", port=smsc.port, reconnect_first=0.05
    )
    carrier = SmppCarrier(config)
    dispatcher = Dispatcher(pool, {"smsc": carrier}, CALLBACKS, QUICK)
    receipts = ReceiptInbox(pool, dispatcher.receipts_arrived.set)
    carrier.connect(ReceivedArrivals(receipts, TextInbox(pool, dispatcher.work_arrived.set)))
    stop = asyncio.Event()
    running = asyncio.create_task(dispatcher.run(stop))
    try:
        yield carrier
    finally:
        stop.set()
        await running
        await carrier.close()


async def statuses(pool: Pool) -> Counter[int]:
    rows = await pool.fetch("SELECT status FROM message")
    return Counter(row["status"] for row in rows)


async def all_are(pool: Pool, status: MessageStatus, count: int) -> bool:
    return await statuses(pool) == {status: count}


async def test_texts_are_delivered_once_their_receipts_have_come(pool: Pool, smsc: NpmSmsc) -> None:
    await smsc.set(receipts="after")
    await fill_queue(pool, 0, carrier="smsc", recipients=RECIPIENTS)
    async with dispatching_over_smpp(pool, smsc):
        await wait_until(
            lambda: all_are(pool, MessageStatus.DELIVERED, 3), describe="all delivered"
        )
    assert sorted("+" + came["destination"] for came in smsc.of("submit")) == sorted(RECIPIENTS)
    assert {one["status"] for one in smsc.of("delivered")} == {0}
    assert not await pool.fetchval("SELECT count(*) FROM dispatch")


async def test_receipts_that_come_twice_change_nothing_twice(pool: Pool, smsc: NpmSmsc) -> None:
    await smsc.set(receipts="twice")
    await fill_queue(pool, 0, carrier="smsc", recipients=RECIPIENTS)
    async with dispatching_over_smpp(pool, smsc):
        await smsc.until("delivered", 6)
        await wait_until(
            lambda: all_are(pool, MessageStatus.DELIVERED, 3), describe="all delivered"
        )
    told = await pool.fetch(
        "SELECT count(*) AS times FROM status_event WHERE status = $1 GROUP BY message_id",
        MessageStatus.DELIVERED,
    )
    assert [row["times"] for row in told] == [1, 1, 1]


async def test_a_stop_that_an_smsc_brings_stops(pool: Pool, smsc: NpmSmsc) -> None:
    await fill_queue(pool, 0, carrier="smsc", recipients=RECIPIENTS[:1], sender="+12025550199")
    async with dispatching_over_smpp(pool, smsc):
        await smsc.until("submit")
        await smsc.command(
            deliver={
                "source_addr_ton": 1,
                "source_addr": RECIPIENTS[0][1:],
                "dest_addr_ton": 1,
                "destination_addr": "12025550199",
                "text": "Stop",
            }
        )
        [answered] = await smsc.until("delivered")
    assert answered["status"] == 0
    assert await pool.fetchval("SELECT e164 FROM suppression") == RECIPIENTS[0]


async def test_a_long_text_is_delivered_when_all_its_parts_are(pool: Pool, smsc: NpmSmsc) -> None:
    await smsc.set(receipts="first")
    await fill_queue(pool, 0, carrier="smsc", recipients=RECIPIENTS[:1], text=LONG, segments=3)
    async with dispatching_over_smpp(pool, smsc):
        await wait_until(lambda: all_are(pool, MessageStatus.DELIVERED, 1), describe="delivered")
    assert smsc.count("submit") == 3


async def test_a_text_whose_answer_was_lost_is_settled_by_its_receipt_and_sent_once(
    pool: Pool, smsc: NpmSmsc
) -> None:
    await smsc.set(answers=["drop"])
    await fill_queue(pool, 0, carrier="smsc", recipients=RECIPIENTS[:1])
    async with dispatching_over_smpp(pool, smsc):
        [came] = await smsc.until("submit")
        await smsc.until("bind", 2)
        text = f"id:{came['id']} sub:001 dlvrd:001 submit date:1 done date:1 stat:DELIVRD err:000"
        await smsc.command(
            deliver={
                "source_addr_ton": 1,
                "source_addr": came["destination"],
                "dest_addr_ton": 1,
                "destination_addr": came["source"],
                "esm_class": 4,
                "user_message_reference": came["reference"],
                "text": text,
            }
        )
        await wait_until(lambda: all_are(pool, MessageStatus.DELIVERED, 1), describe="delivered")
    assert smsc.count("submit") == 1
