"""`outbound-sms messages requeue`: sends what was not sent for lack of funds."""

import uuid
from dataclasses import dataclass

import click
import grpc

from outbound_sms.cli.admin.asking import confirm
from outbound_sms.cli.billing.words import ADD_FUNDS
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import console, print_json
from outbound_sms.domain.money_text import show_micros
from outboundsms import Client, OutboundSmsError
from outboundsms.v1 import billing_pb2, delivery_pb2, mass_messages_pb2

KINDS = {
    "mass": delivery_pb2.MESSAGE_KIND_MASS,
    "triggered": delivery_pb2.MESSAGE_KIND_TRIGGERED,
    "keyword-reply": delivery_pb2.MESSAGE_KIND_KEYWORD_REPLY,
}
_UNFUNDED = delivery_pb2.MESSAGE_STATUS_INSUFFICIENT_FUNDS


@dataclass(frozen=True, slots=True)
class Waiting:
    """Texts that were not sent for lack of funds, and their price."""

    messages: int
    cost_micros: int


@click.command(
    "requeue",
    epilog="""\b
Examples:
  outbound-sms messages requeue
  outbound-sms messages requeue --mass-message 0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11 --yes
""",
)
@click.option("--mass-message", default="", help="Of this mass message.")
@click.option("--message", multiple=True, help="Only this one, by id; repeat for more.")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Of this kind.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; asks nothing, so needs --yes.")
@connected
def requeue(
    connection: Connection,
    mass_message: str,
    message: tuple[str, ...],
    kind: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Sends the texts that were not sent for lack of funds, and are still valid, each once.

    Says how many there are and what they cost against the balance, and asks. They keep their price.
    What the money does not do for comes back as Insufficient funds. `outbound-sms messages list
    --status insufficient-funds` lists them.
    """
    request = delivery_pb2.RequeueMessagesRequest(
        message_ids=message,
        mass_message_id=mass_message,
        kind=KINDS[kind] if kind else delivery_pb2.MESSAGE_KIND_UNSPECIFIED,
    )

    async def work(client: Client) -> None:
        balance = await _balance(client)
        waiting = await _waiting(client, request, balance)
        if request.mass_message_id and not waiting.messages:
            # Says so when there is no such mass message, rather than that nothing of it waits.
            wanted = mass_messages_pb2.GetMassMessageRequest(mass_message_id=mass_message)
            await client.mass_messages.GetMassMessage(wanted)
        if not waiting.messages and not as_json:
            console.print("No text waits for funds.")
            return
        if not as_json:
            console.print(_what_waits(waiting, balance), soft_wrap=True)
        confirm("Send them now?", yes=yes, as_json=as_json)
        done = await requeue_all(client, request, waiting.messages)
        if as_json:
            print_json(done)
        else:
            console.print(done_in_words(done), soft_wrap=True)

    connection.run(work)


async def requeue_all(
    client: Client, request: delivery_pb2.RequeueMessagesRequest, most: int
) -> delivery_pb2.RequeueMessagesResponse:
    """Repeats the call while there are more; the sum of the answers, and the last of the balances.

    Ends at the latest when `most` were requeued: without money they come back at once, and would be
    taken again and again. `more` says then that there are others.
    """
    total = delivery_pb2.RequeueMessagesResponse()
    while True:
        # An id for each call: with the same one the server would repeat its answer.
        request.request_id = str(uuid.uuid4())
        answer = await client.delivery.RequeueMessages(request)
        answer.requeued += total.requeued
        answer.cost_micros += total.cost_micros
        answer.left = max(answer.left, total.left)
        total = answer
        if not answer.more or total.requeued >= most:
            return total


def done_in_words(done: delivery_pb2.RequeueMessagesResponse) -> str:
    """How many are on their way, what stays, and what can be spent on them."""
    cost = show_micros(done.cost_micros, done.currency)
    available = show_micros(done.available_micros, done.currency)
    said = f"Pending again: {_texts(done.requeued)}, {cost}. Available: {available}."
    if done.left:
        said += f" Not valid any more, or cancelled: {_texts(done.left)}."
    if done.more:
        said += " There are more: repeat the command."
    return said


async def _balance(client: Client) -> billing_pb2.Balance | None:
    """The balance; None for a key that may send and not see it."""
    try:
        return (await client.billing.GetBalance(billing_pb2.GetBalanceRequest())).balance
    except OutboundSmsError as error:
        if error.code() == grpc.StatusCode.PERMISSION_DENIED:
            return None
        raise


async def _waiting(
    client: Client,
    request: delivery_pb2.RequeueMessagesRequest,
    balance: billing_pb2.Balance | None,
) -> Waiting:
    if request.message_ids:
        return await _of_ids(client, request)
    if balance is not None and not request.mass_message_id and not request.kind:
        return Waiting(balance.requeueable_messages, balance.requeueable_cost_micros)
    listed = delivery_pb2.ListMessagesRequest(
        page_size=LARGEST_PAGE,
        statuses=[_UNFUNDED],
        mass_message_id=request.mass_message_id,
        kind=request.kind,
    )
    costs = [
        each.cost_micros
        async for page in pages(client.delivery.ListMessages, listed)
        for each in page.messages
    ]
    return Waiting(len(costs), sum(costs))


async def _of_ids(client: Client, request: delivery_pb2.RequeueMessagesRequest) -> Waiting:
    costs = []
    for message_id in dict.fromkeys(request.message_ids):
        wanted = delivery_pb2.GetMessageRequest(message_id=message_id)
        message = (await client.delivery.GetMessage(wanted)).message
        same = request.mass_message_id in ("", message.mass_message_id)
        if same and request.kind in (0, message.kind) and message.status == _UNFUNDED:
            costs.append(message.cost_micros)
    return Waiting(len(costs), sum(costs))


def _what_waits(waiting: Waiting, balance: billing_pb2.Balance | None) -> str:
    said = f"Not sent for lack of funds: {_texts(waiting.messages)}"
    if balance is None:
        return f"{said}."
    cost = show_micros(waiting.cost_micros, balance.currency)
    available = show_micros(balance.available_micros, balance.currency)
    said += f", {cost}. Available: {available}."
    if waiting.cost_micros <= balance.available_micros:
        return said
    short = show_micros(waiting.cost_micros - balance.available_micros, balance.currency)
    return (
        f"{said} That is {short} short: what the money does not do for comes back. "
        f"`{ADD_FUNDS} AMOUNT` adds funds."
    )


def _texts(count: int) -> str:
    return f"{count:,} {'text' if count == 1 else 'texts'}"
