"""The null carrier: everything accepted, everything delivered, nothing lost at the end."""

import asyncio
from collections.abc import Sequence

from outbound_sms.carriers.carrier import Accepted, Receipt, ReceiptState
from outbound_sms.carriers.null import NullCarrier
from tests.carriers.harness import MakeSubmission


async def test_each_message_is_accepted_and_delivered_once(submission: MakeSubmission) -> None:
    delivered: list[Receipt] = []

    async def take(receipts: Sequence[Receipt]) -> None:
        await asyncio.sleep(0)
        delivered.extend(receipts)

    carrier = NullCarrier(take)
    outcomes = await asyncio.gather(*(carrier.submit(submission()) for _ in range(100)))
    await carrier.close()
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len({outcome.carrier_message_id for outcome in accepted}) == 100
    assert [receipt.carrier_message_id for receipt in delivered] == [
        outcome.carrier_message_id for outcome in accepted
    ]
    assert {receipt.state for receipt in delivered} == {ReceiptState.DELIVERED}


async def test_submitting_the_same_message_again_gives_the_same_id(
    submission: MakeSubmission,
) -> None:
    async def ignore(receipts: Sequence[Receipt]) -> None:
        pass

    carrier = NullCarrier(ignore)
    message = submission()
    assert await carrier.submit(message) == await carrier.submit(message)
    await carrier.close()
