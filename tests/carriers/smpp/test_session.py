"""Submissions over a session with npm's SMSC, and everything that can become of them."""

import asyncio
import time

import pytest

from outbound_sms.carriers.carrier import Accepted, InDoubt, NotSent, Refused, Throttled
from outbound_sms.carriers.smpp.carrier import SmppCarrier
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.clock import lease_clock
from outbound_sms.domain.message_reference import message_reference
from tests.carriers.harness import MakeSubmission
from tests.carriers.smpp.collected import Collected
from tests.carriers.smpp.conftest import Bound
from tests.carriers.smpp.npm_smsc import NpmSmsc
from tests.waiting import wait_until

THROTTLED, QUEUE_FULL, BAD_NUMBER = 0x58, 0x14, 0x0B


async def test_a_text_arrives_as_it_was_submitted(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    text = submission(body="Crew on its way: 15 € @ night", valid_for_seconds=3600)
    async with bound(system_type="SMPP") as carrier:
        outcome = await carrier.submit(text)
    [login] = smsc.of("bind")
    assert (login["system_id"], login["password"]) == ("northwind", "secret12")
    assert login["system_type"] == "SMPP"
    [came] = smsc.of("submit")
    assert outcome == Accepted(came["id"], parts=(came["id"],))
    assert came["text"] == text.body
    assert (came["source"], came["destination"]) == ("12125550100", "14165550123")
    assert came["registered_delivery"] == 1
    assert came["reference"] == message_reference(text.message_id, 1)
    assert came["validity"]


async def test_every_part_of_a_long_text_is_submitted_in_order_and_named(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    text = submission(body="".join(f"{n:03}" for n in range(120)))
    async with bound() as carrier:
        outcome = await carrier.submit(text)
    came = smsc.of("submit")
    assert "".join(part["text"] for part in came) == text.body
    assert [part["udh"][-1][-2:] for part in came] == ["01", "02", "03"]
    assert {part["registered_delivery"] for part in came} == {1}
    assert {part["reference"] for part in came} == {message_reference(text.message_id, 1)}
    ids = tuple(part["id"] for part in came)
    assert outcome == Accepted(ids[0], parts=ids)


async def test_senders_may_be_short_codes_or_names(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    async with bound() as carrier:
        await carrier.submit(submission(sender="72345"))
        await carrier.submit(submission(sender="Northwind"))
        too_long = await carrier.submit(submission(sender="N" * 21))
    assert [(c["source"], c["source_ton"]) for c in smsc.of("submit")] == [
        ("72345", 3),
        ("Northwind", 5),
    ]
    assert isinstance(too_long, Refused)
    assert too_long.reason == "SENDER.INVALID"


async def test_nothing_is_sent_without_a_bind(submission: MakeSubmission) -> None:
    carrier = SmppCarrier(SmppConfig("smsc", "127.0.0.1", "northwind", "secret", port=1))
    assert isinstance(await carrier.submit(submission()), NotSent)
    carrier.connect(Collected())
    assert isinstance(await carrier.submit(submission()), NotSent)
    await carrier.close()
    assert isinstance(await carrier.submit(submission()), NotSent)


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (BAD_NUMBER, "NUMBER.INVALID", "ESME_RINVDSTADR"),
        (0x0A, "SENDER.INVALID", "ESME_RINVSRCADR"),
        (0x01, "CONTENT.TOO_LONG", "ESME_RINVMSGLEN"),
        (0x45, "CARRIER.SYSTEM_ERROR", "ESME_RSUBMITFAIL"),
        (0x432, "UNKNOWN.OTHER", "0x00000432"),
    ],
)
async def test_a_refusal_has_the_reason_that_its_status_means(
    smsc: NpmSmsc,
    bound: Bound,
    submission: MakeSubmission,
    status: int,
    reason: str,
    code: str,
) -> None:
    await smsc.set(otherwise=status)
    async with bound() as carrier:
        assert await carrier.submit(submission()) == Refused(reason, code)


@pytest.mark.parametrize("status", [0x08, 0x04, 0x64])
async def test_a_fault_of_the_smsc_leaves_the_message_to_be_sent_again(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission, status: int
) -> None:
    await smsc.set(otherwise=status)
    async with bound() as carrier:
        assert isinstance(await carrier.submit(submission()), NotSent)


async def test_a_generic_nack_refuses_the_submission_that_it_names(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(answers=["nack"])
    async with bound() as carrier:
        assert isinstance(await carrier.submit(submission()), Refused)
        assert isinstance(await carrier.submit(submission()), Accepted)


async def test_an_acceptance_without_an_id_is_in_doubt(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(answers=["no_id"])
    async with bound() as carrier:
        assert isinstance(await carrier.submit(submission()), InDoubt)


@pytest.mark.parametrize("status", [THROTTLED, QUEUE_FULL])
async def test_throttling_stops_the_bind_for_twice_as_long_each_time(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission, status: int
) -> None:
    await smsc.set(otherwise=status)
    pauses = []
    async with bound() as carrier:
        for _ in range(4):
            together = await asyncio.gather(*(carrier.submit(submission()) for _ in range(3)))
            assert all(isinstance(outcome, Throttled) for outcome in together)
            pauses.append(max(o.retry_after for o in together if isinstance(o, Throttled)))
            written = smsc.count("submit")
            assert isinstance(await carrier.submit(submission()), Throttled)
            assert smsc.count("submit") == written
            await asyncio.sleep(pauses[-1] + 0.01)
        assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.4], abs=0.02)
        await smsc.set(otherwise=0)
        assert isinstance(await carrier.submit(submission()), Accepted)
        await smsc.set(otherwise=status)
        again = await carrier.submit(submission())
        assert isinstance(again, Throttled)
        assert again.retry_after == pytest.approx(0.1, abs=0.02)


async def test_a_dropped_socket_puts_no_more_than_the_window_in_doubt(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(otherwise="silent")
    async with bound(window=10) as carrier:
        calls = [asyncio.create_task(carrier.submit(submission())) for _ in range(30)]
        await smsc.until("submit", 10)
        await smsc.command(drop=True)
        outcomes = await asyncio.gather(*calls)
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds.count(InDoubt) == 10
        assert kinds.count(NotSent) == 20
        assert smsc.count("submit") == 10
        await smsc.set(otherwise=0)
        await wait_until(lambda: carrier.bound == 1, describe="bound again")
        assert isinstance(await carrier.submit(submission()), Accepted)


async def test_an_unbind_of_the_smsc_puts_what_is_unanswered_in_doubt(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(answers=["silent", "unbind"])
    async with bound() as carrier:
        outcomes = await asyncio.gather(*(carrier.submit(submission()) for _ in range(2)))
        assert [type(outcome) for outcome in outcomes] == [InDoubt, InDoubt]
        await smsc.until("unbind_resp")
        await wait_until(lambda: carrier.bound == 1, describe="bound again")
        assert isinstance(await carrier.submit(submission()), Accepted)


async def test_the_window_is_never_exceeded(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(delay=30)
    async with bound(window=3) as carrier:
        calls = [asyncio.create_task(carrier.submit(submission())) for _ in range(12)]
        await smsc.until("submit", 3)
        assert smsc.count("submit") == 3
        assert all(isinstance(o, Accepted) for o in await asyncio.gather(*calls))


async def test_no_answer_in_time_is_in_doubt_and_a_late_one_changes_nothing(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission, arrivals: Collected
) -> None:
    await smsc.set(answers=[{"late": 2000}], receipts="after")
    text = submission()
    async with bound(response_timeout=0.3, total_timeout=0.8, connect_timeout=0.4) as carrier:
        began = time.monotonic()
        assert isinstance(await carrier.submit(text), InDoubt)
        assert time.monotonic() - began < 1.5
        assert isinstance(await carrier.submit(submission()), Accepted)
        # The late answer brings the id, so that the receipt settles the doubt.
        await wait_until(lambda: len(arrivals.receipts) == 2, describe="both receipts")
        late = arrivals.receipts[1][1]
        assert late is not None
        assert late.message_id == text.message_id
        assert carrier.bound == 1


async def test_nothing_is_written_once_the_lease_has_run_out(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(delay=200)
    async with bound(window=1) as carrier:
        assert isinstance(await carrier.submit(submission(start_by=lease_clock() - 1)), NotSent)
        first = asyncio.create_task(carrier.submit(submission()))
        await smsc.until("submit")
        # There is room only after its lease.
        waited = await carrier.submit(submission(start_by=lease_clock() + 0.05))
        assert isinstance(waited, NotSent)
        assert isinstance(await first, Accepted)
    assert smsc.count("submit") == 1


async def test_a_call_never_takes_longer_than_it_says(
    smsc: NpmSmsc, bound: Bound, submission: MakeSubmission
) -> None:
    await smsc.set(otherwise="silent")
    async with bound(
        window=1, response_timeout=0.8, total_timeout=1.2, connect_timeout=0.4
    ) as carrier:
        began = time.monotonic()
        outcomes = await asyncio.gather(*(carrier.submit(submission()) for _ in range(4)))
        # One after the other they would take more than three seconds.
        assert time.monotonic() - began < carrier.capabilities.longest_call + 1
    assert InDoubt in {type(outcome) for outcome in outcomes}
    assert NotSent in {type(outcome) for outcome in outcomes}
