"""What an SMSC delivers: receipts in any order and form, texts, and what is neither."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from outbound_sms.carriers.carrier import Accepted, ReceiptState
from outbound_sms.carriers.smpp import deliveries
from tests.carriers.harness import MakeSubmission
from tests.carriers.smpp.collected import Collected
from tests.carriers.smpp.conftest import Bound
from tests.carriers.smpp.npm_smsc import NpmSmsc
from tests.waiting import wait_until

OK, TEMPORARY, PERMANENT = 0x00, 0x64, 0x65
STOP: dict[str, Any] = {
    "source_addr_ton": 1,
    "source_addr_npi": 1,
    "source_addr": "14165550123",
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": "12125550100",
    "text": "Stop",
}


def malformed() -> float:
    return (
        REGISTRY.get_sample_value("outbound_sms_smpp_malformed_total", {"carrier": "smsc"}) or 0.0
    )


@pytest.mark.parametrize("order", ["first", "after", "twice"])
@pytest.mark.parametrize("text", [True, False])
async def test_a_receipt_is_matched_within_a_second_however_it_comes(
    smsc: NpmSmsc,
    bound: Bound,
    submission: MakeSubmission,
    arrivals: Collected,
    order: str,
    text: bool,
) -> None:
    await smsc.set(receipts=order, receiptText=text)
    wanted = submission()
    copies = 2 if order == "twice" else 1
    async with bound() as carrier:
        outcome = await carrier.submit(wanted)
        assert isinstance(outcome, Accepted)
        await wait_until(lambda: len(arrivals.receipts) == copies, 1.0, "the receipts")
        answered = await smsc.until("delivered", copies)
    assert {one["status"] for one in answered} == {OK}
    for receipt, submitted in arrivals.receipts:
        assert receipt.carrier_message_id == outcome.carrier_message_id
        assert receipt.state is ReceiptState.DELIVERED
        assert receipt.recipient == wanted.recipient
        assert submitted is not None
        assert (submitted.message_id, submitted.attempt) == (wanted.message_id, 1)
        assert (submitted.part, submitted.parts) == (1, 1)


async def test_a_receipt_waits_for_the_answer_that_it_has_overtaken(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission, arrivals: Collected
) -> None:
    # The same id as the server will give, in a deliver_sm of its own, long before the answer.
    await smsc.set(delay=300)
    async with bound() as carrier:
        call = asyncio.create_task(carrier.submit(submission()))
        [came] = await smsc.until("submit")
        text = f"id:{came['id']} sub:001 dlvrd:001 submit date:1 done date:1 stat:DELIVRD err:000"
        await smsc.command(deliver={**STOP, "text": text, "esm_class": 4})
        assert isinstance(await call, Accepted)
        await wait_until(lambda: len(arrivals.receipts) == 1, 1.0, "the receipt")
    assert arrivals.receipts[0][1] is not None


async def test_a_receipt_of_an_id_that_nobody_knows_is_handed_on_without_waiting(
    smsc: NpmSmsc, bound: Bound, arrivals: Collected
) -> None:
    async with bound():
        text = "id:77 sub:001 dlvrd:001 submit date:1 done date:1 stat:UNDELIV err:021"
        await smsc.command(deliver={**STOP, "text": text, "user_message_reference": 513})
        [answered] = await smsc.until("delivered")
    assert answered["status"] == OK
    [(receipt, submitted)] = arrivals.receipts
    assert submitted is None
    assert (receipt.carrier_message_id, receipt.reference) == ("77", 513)
    assert receipt.state is ReceiptState.UNDELIVERED


async def test_a_text_comes_with_both_numbers_and_an_id_of_its_own(
    smsc: NpmSmsc, bound: Bound, arrivals: Collected
) -> None:
    async with bound():
        await smsc.command(deliver=STOP, copies=2)
        answered = await smsc.until("delivered", 2)
    assert {one["status"] for one in answered} == {OK}
    for inbound in arrivals.texts:
        assert (inbound.sender, inbound.recipient) == ("+14165550123", "+12125550100")
        assert inbound.body == "Stop"
        assert UUID(hex=inbound.carrier_message_id)
    assert len({inbound.carrier_message_id for inbound in arrivals.texts}) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {**STOP, "source_addr_ton": 5, "source_addr": "Northwind"},
        {**STOP, "destination_addr": "99"},
        {**STOP, "text": "no receipt at all", "esm_class": 4},
    ],
)
async def test_what_is_neither_a_receipt_nor_a_text_of_ours_is_refused_and_counted(
    smsc: NpmSmsc,
    bound: Bound,
    arrivals: Collected,
    fields: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = malformed()
    async with bound():
        await smsc.command(deliver=fields)
        [answered] = await smsc.until("delivered")
    assert answered["status"] == PERMANENT
    assert malformed() == before + 1
    assert not arrivals.receipts and not arrivals.texts
    assert "4165550123" not in capsys.readouterr().out


async def test_octets_that_end_within_a_deliver_sm_do_not_end_the_session(
    smsc: NpmSmsc, bound: Bound, arrivals: Collected
) -> None:
    before = malformed()
    async with bound() as carrier:
        await smsc.command(raw="0000001400000005000000000000002a00010131")
        await wait_until(lambda: malformed() == before + 1, describe="counted")
        await smsc.command(deliver=STOP)
        await smsc.until("delivered")
        assert carrier.bound == 1
    assert len(arrivals.texts) == 1
    assert smsc.count("bind") == 1


async def test_what_could_not_be_stored_is_to_be_brought_again(
    smsc: NpmSmsc, bound: Bound, arrivals: Collected
) -> None:
    async with bound():
        arrivals.broken = True
        await smsc.command(deliver=STOP)
        [refused] = await smsc.until("delivered")
        assert refused["status"] == TEMPORARY
        arrivals.broken = False
        await smsc.command(deliver=STOP)
        answered = await smsc.until("delivered", 2)
    assert answered[1]["status"] == OK
    assert len(arrivals.texts) == 1


async def test_nothing_is_answered_before_it_is_stored_and_no_more_is_held_than_is_allowed(
    smsc: NpmSmsc, bound: Bound, arrivals: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "AT_ONCE", 5)
    arrivals.open.clear()
    async with bound():
        await smsc.command(deliver=STOP, copies=12)
        answered = await smsc.until("delivered", 7)
        assert {one["status"] for one in answered} == {TEMPORARY}
        assert arrivals.waiting == 5
        arrivals.open.set()
        answered = await smsc.until("delivered", 12)
    assert [one["status"] for one in answered].count(OK) == 5
    assert len(arrivals.texts) == 5


async def test_close_answers_what_was_begun_and_takes_nothing_more(
    smsc: NpmSmsc, bound: Bound, arrivals: Collected
) -> None:
    arrivals.open.clear()
    async with bound() as carrier:
        await smsc.command(deliver=STOP)
        await wait_until(lambda: arrivals.waiting == 1, describe="being stored")
        closing = asyncio.create_task(carrier.close())
        await smsc.command(deliver=STOP)
        [refused] = await smsc.until("delivered")
        assert refused["status"] == TEMPORARY
        assert not smsc.count("unbind")
        arrivals.open.set()
        await closing
    answered = await smsc.until("delivered", 2)
    assert answered[1]["status"] == OK
    assert smsc.count("unbind") == 1
