"""`outbound-sms messages requeue`, against a server that answers as the test says."""

import json
from typing import Any

import grpc

from outbound_sms.cli.requeue import requeue
from outboundsms.v1 import billing_pb2
from outboundsms.v1 import delivery_pb2 as pb
from tests.cli.scripted import scripted, words
from tests.clients.scripted import fail

MESSAGE = "0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11"
OTHER = "0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a12"


def balance(available: int, messages: int, cost: int) -> billing_pb2.GetBalanceResponse:
    found = billing_pb2.Balance(
        available_micros=available,
        currency="USD",
        requeueable_messages=messages,
        requeueable_cost_micros=cost,
    )
    return billing_pb2.GetBalanceResponse(balance=found)


def answer(requeued: int, *, more: bool = False, left: int = 0) -> pb.RequeueMessagesResponse:
    return pb.RequeueMessagesResponse(
        requeued=requeued,
        cost_micros=requeued * 15_000,
        left=left,
        more=more,
        available_micros=500_000_000,
        currency="USD",
    )


async def test_it_says_how_many_and_their_cost_and_goes_on_while_there_are_more() -> None:
    answers: dict[str, Any] = {
        "Billing.GetBalance": balance(500_000_000, 12_000, 180_000_000),
        "Delivery.RequeueMessages": [answer(10_000, more=True), answer(2_000, left=3)],
    }
    async with scripted(answers) as terminal:
        ran = await terminal.run(requeue, "--yes")
        asked = terminal.requests("Delivery.RequeueMessages")
    said = words(ran.output)
    assert "Not sent for lack of funds: 12,000 texts, 180.00 USD. Available: 500.00 USD." in said
    assert "Pending again: 12,000 texts, 180.00 USD. Available: 500.00 USD." in said
    assert "Not valid any more, or cancelled: 3 texts." in said
    assert len({each.request_id for each in asked}) == 2, "the same id would repeat the answer"


async def test_a_mass_message_that_is_none_is_told() -> None:
    async def unknown(_request: Any, context: Any) -> Any:
        await fail(context, grpc.StatusCode.NOT_FOUND, "MASS_MESSAGE_NOT_FOUND")

    answers: dict[str, Any] = {
        "Billing.GetBalance": balance(1_000_000, 0, 0),
        "Delivery.ListMessages": pb.ListMessagesResponse(),
        "MassMessages.GetMassMessage": unknown,
    }
    async with scripted(answers) as terminal:
        ran = await terminal.run(requeue, "--mass-message", OTHER, "--yes")
    assert ran.exit_code == 1
    assert "No text waits" not in words(ran.output)


async def test_what_comes_back_at_once_for_lack_of_money_is_not_taken_again_and_again() -> None:
    answers: dict[str, Any] = {
        "Billing.GetBalance": balance(1_000_000, 15_000, 225_000_000),
        "Delivery.RequeueMessages": [*[answer(10_000, more=True)] * 2, answer(0)],
    }
    async with scripted(answers) as terminal:
        ran = await terminal.run(requeue, "--yes")
        assert len(terminal.requests("Delivery.RequeueMessages")) == 2
    assert "That is 224.00 USD short" in words(ran.output)
    assert "There are more: repeat the command." in words(ran.output)


async def test_the_texts_of_a_mass_message_are_counted_before_anybody_is_asked() -> None:
    listed = pb.ListMessagesResponse(
        messages=[pb.Message(cost_micros=15_000), pb.Message(cost_micros=30_000)]
    )
    answers: dict[str, Any] = {
        "Billing.GetBalance": balance(0, 99, 0),
        "Delivery.ListMessages": listed,
    }
    async with scripted(answers) as terminal:
        ran = await terminal.run(requeue, "--mass-message", MESSAGE, "--kind", "mass")
        (asked,) = terminal.requests("Delivery.ListMessages")
    assert "Not sent for lack of funds: 2 texts, 0.045 USD." in words(ran.output)
    assert (ran.exit_code, "Give --yes" in ran.output) == (2, True)
    assert list(asked.statuses) == [pb.MESSAGE_STATUS_INSUFFICIENT_FUNDS]
    assert (asked.mass_message_id, asked.kind) == (MESSAGE, pb.MESSAGE_KIND_MASS)


async def test_of_given_messages_those_are_counted_that_were_not_sent() -> None:
    async def get(request: Any, _context: Any) -> Any:
        unfunded, sent = pb.MESSAGE_STATUS_INSUFFICIENT_FUNDS, pb.MESSAGE_STATUS_SENT
        status = unfunded if request.message_id == MESSAGE else sent
        return pb.GetMessageResponse(message=pb.Message(status=status, cost_micros=15_000))

    answers: dict[str, Any] = {
        "Billing.GetBalance": balance(1_000_000, 99, 0),
        "Delivery.GetMessage": get,
        "Delivery.RequeueMessages": answer(1),
    }
    async with scripted(answers) as terminal:
        ran = await terminal.run(requeue, "--message", MESSAGE, "--message", OTHER, "--yes")
        (asked,) = terminal.requests("Delivery.RequeueMessages")
    assert "Not sent for lack of funds: 1 text, 0.015 USD." in words(ran.output)
    assert list(asked.message_ids) == [MESSAGE, OTHER]


async def test_a_key_that_may_not_see_the_balance_can_requeue() -> None:
    async def refuse(_request: Any, context: Any) -> Any:
        await fail(context, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")

    answers: dict[str, Any] = {
        "Billing.GetBalance": refuse,
        "Delivery.ListMessages": pb.ListMessagesResponse(messages=[pb.Message()]),
        "Delivery.RequeueMessages": answer(1),
    }
    async with scripted(answers) as terminal:
        ran = await terminal.run(requeue, "--yes", "--json")
        assert json.loads(ran.output)["requeued"] == "1"
        shown = await terminal.run(requeue, "--yes")
    assert "Not sent for lack of funds: 1 text." in words(shown.output)


async def test_nothing_is_asked_when_nothing_waits() -> None:
    async with scripted({"Billing.GetBalance": balance(0, 0, 0)}) as terminal:
        ran = await terminal.run(requeue)
    assert (ran.exit_code, ran.output) == (0, "No text waits for funds.\n")
